import assert from "node:assert/strict";
import { test } from "node:test";
import { bandsOf, chosenRuns, extentOf, linesOf, marksOf } from "../src/curves/geometry.ts";
import { run } from "./builders.ts";

const forecast = { score: 9, low: 7, high: 12, probability: 0.3 };
const live = run("a", {
  ended: null,
  progress: { step: 4, maxStep: 10, value: 5, updated: "", etaSeconds: 60, forecast },
});
const verdict = {
  policy: "model",
  text: "",
  step: 3,
  value: 2,
  low: 1,
  high: 3,
  threshold: 20,
  probability: 0.001,
  runs: 5,
  savedCost: 9,
  shadow: false,
};
const pruned = run("b", { group: "pruned", verdict });
const curves = {
  items: {
    a: { step: [0, 2, 4], value: [1, null, 5], seconds: [0, 20, 40] },
    b: { step: [1, 3], value: [1, 2], seconds: [10, 30] },
  },
};

test("points that an axis cannot show are omitted", () => {
  assert.deepEqual(linesOf(curves, [live], "step", false, false)[0]!.x, [0, 4]);
  assert.deepEqual(linesOf(curves, [live], "step", true, false)[0]!.x, [4]);
  assert.deepEqual(linesOf(curves, [run("without")], "step", false, false), []);
});

test("the band opens at the newest point and ends at the last step", () => {
  const lines = linesOf(curves, [live, pruned], "step", false, false);
  const [band, ...others] = bandsOf(lines, "step", {});
  assert.deepEqual([band?.from, band?.to, band?.low, band?.high, others], [[4, 5], 10, 7, 12, []]);
  assert.equal(bandsOf(lines, "step", { a: { ...forecast, high: 99 } })[0]?.high, 99);
  assert.equal(bandsOf(linesOf(curves, [live], "seconds", false, false), "seconds", {})[0]?.to, 100);
});

test("a verdict is marked where it was made, and what the run needed stays visible", () => {
  const lines = linesOf(curves, [pruned], "seconds", false, false);
  const marks = marksOf(lines, curves, "seconds");
  assert.deepEqual(
    marks.map(({ x, y, threshold }) => [x, y, threshold]),
    [[30, 2, 20]],
  );
  assert.deepEqual(extentOf(lines, [], marks), [
    [10, 30],
    [1, 20],
  ]);
  assert.equal(extentOf([], [], []), null);
});

test("of too many runs, those in progress and the best are kept, and the others evenly", () => {
  const runs = Array.from({ length: 1000 }, (_, i) => run(`r${i}`, { ended: i % 100 === 7 ? null : "2026" }));
  const kept = chosenRuns(runs, ["r500", "r3"], 100).map((r) => r.name);
  assert.equal(kept.length, 100);
  assert.ok(["r500", "r3", "r7", "r907"].every((name) => kept.includes(name)));
  assert.ok(kept.filter((name) => Number(name.slice(1)) < 500).length > 40);
  assert.equal(chosenRuns(runs, [], 1000), runs);
});
