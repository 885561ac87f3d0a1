import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunRow, SweepPage } from "../src/api.ts";
import { moneyOf } from "../src/money/filtered.ts";
import { run } from "./builders.ts";
import { samplePage } from "./sample.ts";

const failure = { class: "crash", reason: "Error", message: "", stage: "train", consequence: "" };

/** A sweep whose wasted cost is that of the failed runs and of `lost` failed attempts of succeeded ones. */
function pageOf(runs: RunRow[], wasted: SweepPage["money"]["wasted"]): SweepPage {
  const page = samplePage(0);
  return { ...page, runs, money: { ...page.money, wasted } };
}

test("the cost of all runs is that of the sweep", () => {
  const page = samplePage(200);
  const { useful, pruned, wasted } = moneyOf(page, page.runs);
  const rounded = (values: number[]) => values.map((value) => value.toFixed(6));
  assert.deepEqual(
    rounded([useful, pruned.cost, pruned.saved]),
    rounded([page.money.useful, page.money.pruned.cost, page.money.pruned.saved]),
  );
  const byClass = (parts: SweepPage["money"]["wasted"]) =>
    parts.map((w) => `${w.class} ${w.runs} ${w.cost.toFixed(6)}`).sort();
  assert.deepEqual(byClass(wasted), byClass(page.money.wasted));
});

test("a failed run's cost is split by what its attempts lost, and a succeeded run pays for its failed attempts", () => {
  const crashed = run("a", { group: "failed", failure, cost: 40, lostSeconds: { crash: 30, preempted: 10 } });
  const retried = run("b", { cost: 100, lostSeconds: { preempted: 5 } });
  const other = run("c", { cost: 100, lostSeconds: { preempted: 15 } });
  const wasted = [
    { class: "crash", cost: 30, runs: 1 },
    { class: "preempted", cost: 50, runs: 3 },
  ];
  const page = pageOf([crashed, retried, other], wasted);
  assert.deepEqual(moneyOf(page, page.runs).wasted, [wasted[1], wasted[0]]);
  // 40 are left for 20 lost seconds of the succeeded runs
  assert.deepEqual(moneyOf(page, [retried]).wasted, [{ class: "preempted", cost: 10, runs: 1 }]);
  assert.equal(moneyOf(page, [retried]).spent, 110);
});
