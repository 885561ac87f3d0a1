import assert from "node:assert/strict";
import { test } from "node:test";
import { chipsOf, isActive, NO_FILTER, passing } from "../src/store/selection.ts";
import { samplePage } from "./sample.ts";

const page = samplePage(200);
const names = (filter: Partial<typeof NO_FILTER>) => passing(page, { ...NO_FILTER, ...filter });

test("a brush keeps the runs inside its ranges; two axes are both needed, two ranges of one axis are alternatives", () => {
  const good = names({ brushes: { score: [[400, 1e9]] } });
  assert.ok(good.size > 0);
  assert.deepEqual(
    [...good],
    page.runs.filter((r) => r.score !== null && r.score >= 400).map((r) => r.name),
  );
  const adam = page.runs.filter((r) => r.parameters[4] === "adam").map((r) => r.name);
  assert.deepEqual([...names({ brushes: { "trainer.optimizer.name": [[-0.5, 0.5]] } })], adam);
  const both = names({ brushes: { score: [[400, 1e9]], "trainer.optimizer.name": [[-0.5, 0.5]] } });
  assert.deepEqual(
    [...both],
    adam.filter((name) => good.has(name)),
  );
  assert.equal(
    names({
      brushes: {
        index: [
          [0, 4],
          [190, 199],
        ],
      },
    }).size,
    15,
  );
});

test("an absent parameter passes no brush on it", () => {
  const shown = names({ brushes: { "trainer.optimizer.momentum": [[0, 1]] } });
  assert.ok(page.runs.filter((r) => shown.has(r.name)).every((r) => r.parameters[4] === "sgd"));
});

test("text: every word must occur, also in the reason of a failure", () => {
  assert.deepEqual(
    [...names({ text: "OOMKilled  parameters" })],
    page.runs.filter((r) => r.failure?.reason === "OOMKilled").map((r) => r.name),
  );
  assert.equal(names({ text: "sample.r.77" }).size, 1);
});

test("a budget drops what cost more, and what has no cost", () => {
  assert.ok(
    page.runs.filter((r) => names({ maxCost: 100 }).has(r.name)).every((r) => r.cost !== null && r.cost <= 100),
  );
});

test("chips say what the filter does", () => {
  const filter = {
    text: "adam",
    maxCost: 60,
    brushes: { score: [[1, 2]] as [number, number][], "trainer.optimizer.name": [[-0.5, 0.5]] as [number, number][] },
  };
  assert.deepEqual(
    chipsOf(page, filter).map((c) => c.text),
    ["eval/return: 1 – 2", "name: adam", "contains “adam”", "cost at most 1m"],
  );
  assert.ok(isActive(filter) && !isActive(NO_FILTER));
});
