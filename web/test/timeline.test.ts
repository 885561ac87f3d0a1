import assert from "node:assert/strict";
import { test } from "node:test";
import {
  barsOf,
  lanesByNode,
  lanesByRun,
  lastKnown,
  panned,
  waitersOf,
  waitingOf,
  wholeRange,
  zoomed,
} from "../src/timeline/layout.ts";
import { phase, run, T0 } from "./builders.ts";

const NOW = T0 + 100_000;
const done = run("a", {
  phases: [phase("queued", 0, 10), phase("pulling", 10, 15, "n1"), phase("training", 15, 60, "n1")],
});
const live = run("b", {
  ended: null,
  group: "running",
  phases: [phase("queued", 20, 50), phase("training", 50, null, "n1")],
});
const waiting = run("c", { ended: null, group: "waiting", phases: [phase("queued", 70, null)] });
const runs = [done, live, waiting];

test("an open phase reaches until now, and one of a run that is over until its end", () => {
  assert.deepEqual(
    barsOf([live], NOW).map((bar) => [(bar.end - T0) / 1000, bar.open]),
    [
      [50, false],
      [100, true],
    ],
  );
  const lost = run("d", { phases: [phase("training", 0, null)] });
  assert.equal(barsOf([lost], NOW + 1e6)[0]!.end, T0 + 100_000);
});

test("an interrupted sweep is known until its last report", () => {
  const progress = {
    step: 1,
    maxStep: null,
    value: 1,
    updated: new Date(T0 + 95_000).toISOString(),
    etaSeconds: null,
    forecast: null,
  };
  assert.equal(lastKnown(runs), T0 + 70_000);
  assert.equal(lastKnown([...runs, run("e", { progress })]), T0 + 95_000);
});

test("the newest run is the first lane, and runs without phases have none", () => {
  assert.deepEqual(
    lanesByRun([...runs, run("imported")], barsOf(runs, NOW)).map((lane) => lane.run),
    ["c", "b", "a"],
  );
});

test("a node has as many lanes as it had pods at the same time", () => {
  const lanes = lanesByNode(barsOf(runs, NOW));
  assert.deepEqual(
    lanes.map((lane) => lane.label),
    ["n1 (1)", "n1 (2)"],
  );
  assert.deepEqual(
    lanes.map((lane) => lane.bars.map((bar) => bar.run)),
    [["a", "a"], ["b"]],
  );
});

test("waiting is what was neither training nor evaluation", () => {
  const waited = waitingOf(barsOf(runs, NOW));
  assert.deepEqual([waited.waited, waited.worked, waited.share], [75, 95, 75 / 170]);
  const unknown = run("d", { ended: null, group: "running", phases: [phase("starting", 90, null)] });
  assert.equal(
    waitingOf(barsOf([...runs, unknown], NOW)).share,
    75 / 170,
    "what is not recorded yet counts as neither",
  );
  assert.equal(waitingOf([]).share, null);
  assert.deepEqual(
    waitersOf(runs).map(({ run: { name }, phase: p }) => [name, p]),
    [["c", "queued"]],
  );
});

test("zooming keeps the point under the pointer, and neither zoom nor pan leaves the whole", () => {
  const whole = wholeRange(barsOf(runs, NOW), NOW);
  assert.deepEqual(whole, [T0, NOW]);
  const close = zoomed(whole, 0.5, T0 + 20_000, whole);
  assert.deepEqual(close, [T0 + 10_000, T0 + 60_000]);
  assert.deepEqual(zoomed(close, 100, T0, whole), whole);
  assert.deepEqual(panned(close, 1e9, whole), [T0 + 50_000, NOW]);
});
