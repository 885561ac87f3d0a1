import assert from "node:assert/strict";
import { test } from "node:test";
import { progressOf } from "../src/compare/progress.ts";
import { bestWithin, priced, sliderScale } from "../src/overview/front.ts";
import { bestSoFar } from "../src/overview/history.ts";
import { samplePage } from "./sample.ts";

const page = samplePage(8);
const run = (
  index: number,
  score: number | null,
  cost: number,
  ended: string | null = `2026-01-01T00:0${index}:00Z`,
) => ({
  ...page.runs[0]!,
  name: `r${index}`,
  index,
  score,
  cost,
  ended,
  group: score === null ? ("failed" as const) : ("succeeded" as const),
});
const runs = [run(0, 3, 10), run(1, null, 4), run(2, 5, 10), run(3, 4, 2), run(4, 9, 1, null)];

test("the best so far changes only where a run is better, and lasts to the end", () => {
  assert.deepEqual(
    bestSoFar(runs.slice(0, 4), "maximize", (r) => r.index),
    { x: [0, 2, 3], y: [3, 5, 5] },
  );
  assert.deepEqual(
    bestSoFar(runs.slice(0, 4), "minimize", (r) => r.index),
    { x: [0, 3], y: [3, 3] },
  );
  assert.deepEqual(
    bestSoFar([run(1, null, 4)], "maximize", (r) => r.index),
    { x: [], y: [] },
  );
});

test("compared by cost, failed runs count with what they cost; runs in progress do not count", () => {
  const row = { ...page.row, goal: "maximize" as const };
  assert.deepEqual(progressOf({ ...page, row, runs }, "runs"), { x: [1, 3, 4], y: [3, 5, 5] });
  assert.deepEqual(progressOf({ ...page, row, runs }, "cost"), { x: [10, 24, 26], y: [3, 5, 5] });
});

test("the best for a budget: of equal scores the cheapest, and none if all cost more", () => {
  const list = priced([run(0, 3, 10), run(1, 3, 8), run(2, 5, 20), run(3, null, 1)]);
  assert.equal(bestWithin(list, "maximize", 10)?.name, "r1");
  assert.equal(bestWithin(list, "maximize", 20)?.name, "r2");
  assert.equal(bestWithin(list, "minimize", 20)?.name, "r1");
  assert.equal(bestWithin(list, "maximize", 1), null);
});

test("the slider reaches the most expensive run, on a log scale if the costs differ much", () => {
  for (const costs of [[3, 7], [1, 5000], [2], [0, 50]]) {
    const scale = sliderScale(costs);
    assert.equal(scale.at(1000), Math.max(...costs));
    assert.equal(scale.of(Math.max(...costs)), 1000);
    assert.equal(scale.log, costs[0] === 1);
  }
});
