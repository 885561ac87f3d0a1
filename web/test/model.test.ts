import assert from "node:assert/strict";
import { test } from "node:test";
import { comparisons, judgment } from "../src/model/calibration.ts";
import { contourLine, levels } from "../src/model/contour.ts";
import { embedded } from "../src/model/questions.ts";
import { seriesOf } from "../src/model/slices.ts";
import { run } from "./builders.ts";

test("every point of a contour line has the value of the level, and a closed hill has a closed line", () => {
  const size = 21;
  const height = (x: number, y: number) => -((x - 10) ** 2) - (y - 10) ** 2;
  const grid = Array.from({ length: size }, (_, y) => Array.from({ length: size }, (_, x) => height(x, y)));
  const line = contourLine(grid, -36);
  const ends = new Map<string, number>();
  for (const end of line.flatMap((s) => [s.from, s.to])) {
    assert.ok(Math.abs(Math.hypot(end[0] - 10, end[1] - 10) - 6) < 0.1);
    const key = end.map((v) => v.toFixed(6)).join();
    ends.set(key, (ends.get(key) ?? 0) + 1);
  }
  assert.ok([...ends.values()].every((n) => n === 2) && line.length > 20);
});

test("a saddle does not connect what its middle separates", () => {
  const lengths = (grid: number[][]) =>
    contourLine(grid, 0).map((s) => Math.hypot(s.from[0] - s.to[0], s.from[1] - s.to[1]));
  for (const grid of [
    [
      [1, -1.2],
      [-1.2, 1],
    ],
    [
      [1.2, -1],
      [-1, 1.2],
    ],
    [
      [-1.2, 1],
      [1, -1.2],
    ],
  ]) {
    assert.equal(lengths(grid).length, 2);
    assert.ok(
      lengths(grid).every((length) => length < 1),
      JSON.stringify(grid),
    );
  }
});

test("levels are round and lie between the ends", () => {
  assert.deepEqual(levels(0.03, 0.97, 4), [0.2, 0.4, 0.6, 0.8]);
  assert.deepEqual(levels(5, 5, 4), []);
});

test("a few predictions are not judged, and many are", () => {
  const predicted = { score: 5, scoreLow: 4, scoreHigh: 6, cost: null, costLow: null, costHigh: null };
  const runs = (scores: number[]) => scores.map((score, i) => run(`r${i}`, { score, predicted }));
  assert.equal(comparisons(runs([5, 7]), "score").filter((c) => c.inside).length, 1);
  assert.equal(comparisons(runs([5]), "cost").length, 0);
  assert.match(judgment(comparisons(runs([5, 5, 7]), "score")), /^2 of 3 .* Ten are needed/);
  assert.match(judgment(comparisons(runs(Array(20).fill(9)), "score")), /too sure/);
  assert.match(judgment(comparisons(runs([...Array(16).fill(5), 9, 9, 9, 9]), "score")), /as expected/);
});

test("a slice has no line where the constraints forbid the configuration", () => {
  const slice = {
    path: "a", grid: [1, 2, 3], mean: [4, 5, 6], low: [3, 4, 5], high: [5, 6, 7], cost: null, costLow: null,
    costHigh: null, success: null, allowed: [true, false, true], metrics: {}, assumed: {},
  }; // biome-ignore format: one block
  assert.deepEqual(seriesOf(slice, "score"), {
    middle: [4, Number.NaN, 6],
    low: [3, Number.NaN, 5],
    high: [5, Number.NaN, 7],
  });
  assert.deepEqual(seriesOf({ ...slice, allowed: null }, "score")?.middle, [4, 5, 6]);
});

test("a report says of which runs it knows why they were suggested", () => {
  const why = { a: { sentences: ["It is close to the best run."] } };
  assert.equal(embedded({ why }, { what: "why", run: "a" }), why.a);
  for (const run of ["b", "constructor"])
    assert.throws(() => embedded({ why }, { what: "why", run }), /Pareto-optimal runs only/);
  assert.throws(() => embedded({}, { what: "slices" }), /made without the model/);
});
