import assert from "node:assert/strict";
import { test } from "node:test";
import { changedLimits, entryOf, limitFields, parametersOf, prefilled } from "../src/actions/form.ts";
import { comparisonText, partsOf, runsComeFirst, wastedRuns } from "../src/money/parts.ts";
import { parameter, run } from "./builders.ts";

const rate = parameter("rate", { min: 1e-5, max: 0.01 });
const epochs = parameter("epochs", { kind: "integer", min: 2, max: 20 });
const optimizer = parameter("optimizer", { kind: "category", values: ["adam", 8, true] });

test("values outside the bounds are allowed and warned of; wrong types are not allowed", () => {
  assert.deepEqual(entryOf(" 3e-4 ", rate), { value: 3e-4, error: "", warning: "" });
  assert.equal(entryOf("1", rate).warning, "outside the bounds (0.00001 to 0.01)");
  assert.match(entryOf("fast", rate).error, /not a number/);
  assert.match(entryOf("2.5", epochs).error, /not an integer/);
  assert.equal(entryOf("8", optimizer).value, 8);
  assert.match(entryOf("sgd", optimizer).warning, /adam, 8, true/);
});

test("a run prefills the form, and what it does not have stays empty and is omitted", () => {
  const texts = prefilled([rate, epochs, optimizer], run("a", { parameters: [3e-4, null, true] }));
  assert.deepEqual(texts, { rate: "3e-4", epochs: "", optimizer: "true" });
  assert.deepEqual(parametersOf(texts, [rate, epochs, optimizer]).values, { rate: 3e-4, optimizer: true });
});

test("only changed limits are sent, and an emptied one is removed", () => {
  const fields = limitFields({ maxRuns: 40, maxParallelRuns: 2, totalCost: 100, deadlineSeconds: null }, "seconds");
  const texts = { maxRuns: "40", maxParallelRuns: "4", totalCost: "", activeDeadlineSeconds: "" };
  assert.deepEqual(changedLimits(texts, fields), { limits: { maxParallelRuns: 4, totalCost: null }, errors: {} });
  assert.deepEqual(Object.keys(changedLimits({ ...texts, maxRuns: "", maxParallelRuns: "1.5" }, fields).errors), [
    "maxRuns",
    "maxParallelRuns",
  ]);
});

test("the parts of the cost add up to the budget", () => {
  const wasted = [
    { class: "crash", cost: 5, runs: 1 },
    { class: "eval", cost: 15, runs: 2 },
  ];
  const money = {
    unit: "seconds",
    spent: 100,
    useful: 60,
    wasted,
    pruned: { cost: 10, saved: 40, runs: 3, wrong: 0 },
    budget: 150,
  };
  const parts = partsOf(money, 7);
  assert.deepEqual(
    parts.map((p) => [p.key, p.cost]),
    [
      ["useful", 60],
      ["pruned", 10],
      ["wasted-eval", 15],
      ["wasted-crash", 5],
      ["open", 10],
      ["left", 50],
    ],
  );
  assert.equal(
    parts.reduce((sum, p) => sum + p.cost, 0),
    money.budget,
  );
  assert.ok(partsOf({ ...money, budget: null }, 7).every((p) => p.kind !== "left"));
  const counts = { finished: 5, succeeded: 5, failed: 0, pruned: 0, running: 0, waiting: 0, maxRuns: 7 };
  assert.deepEqual(
    [7, 8].map((maxRuns) => runsComeFirst({ ...money, spent: 50, budget: 75 }, { ...counts, maxRuns })),
    [true, false],
  );
});

test("the most expensive failures come first, and what stopped early was no waste", () => {
  const runs = [
    run("cheap", { group: "failed", cost: 1 }),
    run("free", { group: "failed", cost: 0 }),
    run("pruned", { group: "pruned", cost: 9 }),
    run("good", { group: "succeeded", cost: 9 }),
    run("dear", { group: "stopped", cost: 5 }),
  ];
  assert.deepEqual(
    wastedRuns(runs).map(({ name }) => name),
    ["dear", "cheap"],
  );
});

test("early stopping is judged by the runs that continued", () => {
  assert.match(comparisonText(0, 0), /unknown/);
  assert.match(comparisonText(3, 0), /^3 runs; .* right/);
  assert.match(comparisonText(3, 1), /wrong once/);
});
