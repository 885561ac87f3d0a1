import assert from "node:assert/strict";
import { test } from "node:test";
import { domainOf, fits, makeScale, ticksOf } from "../src/charts/scale.ts";

const labels = (...args: Parameters<typeof ticksOf>) => ticksOf(...args).map((t) => t.label);

test("every scale leads back to the value", () => {
  for (const [kind, value] of [
    ["linear", 3],
    ["log10", 1e-4],
    ["log2", 64],
    ["logit", 0.993],
    ["seconds", 12],
  ] as const) {
    const scale = makeScale(kind, domainOf(kind, [value / 2, value]), [0, 300], 5);
    assert.ok(Math.abs(scale.invert(scale.of(value)) - value) < 1e-9 * value, kind);
  }
});

test("ticks are round, few, and inside the domain", () => {
  assert.deepEqual(labels("log10", [1e-5, 1e-2], 5), ["1e-5", "0.0001", "0.001", "0.01"]);
  assert.deepEqual(labels("log2", [16, 1024], 4), ["16", "64", "256", "1,024"]);
  assert.deepEqual(
    labels("logit", [0.9, 0.999], 6),
    ["0.9", "0.95", "0.98", "0.99", "0.995", "0.998", "0.999"].filter((_, i) => i % 2 === 0),
  );
  assert.deepEqual(labels("category", [-0.5, 2.5], 5, ["a", true, 3]), ["a", "true", "3"]);
  assert.deepEqual(labels("seconds", [0, 400], 5), ["0s", "2m", "4m", "6m"]);
  for (const [low, high] of [
    [0, 1],
    [3, 3.001],
    [1e-9, 1e9],
    [5, 5],
  ] as const) {
    for (const kind of ["linear", "log10", "log2", "seconds"] as const) {
      const ticks = ticksOf(kind, domainOf(kind, [low, high]), 6);
      assert.ok(ticks.length <= 20 && ticks.every((t) => Number.isFinite(t.value)), `${kind} ${low} ${high}`);
    }
  }
});

test("what an axis cannot show is not part of its domain", () => {
  assert.ok(!fits("log10", 0) && !fits("logit", 1) && fits("linear", -1));
  assert.deepEqual(domainOf("log10", [0, -1, null, Number.NaN]), [1, 10]);
  const [low, high] = domainOf("log10", [0, 1, 100], 0);
  assert.deepEqual([low, high], [1, 100]);
});
