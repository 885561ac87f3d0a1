import assert from "node:assert/strict";
import { test } from "node:test";
import { cost, duration, number, percent, visible } from "../src/text/format.ts";

test("numbers have four significant digits and a real minus sign", () => {
  const shown = [0, 1234567, 12.3456, -0.5, 0.00012346, 1.23e-7, 3.2e12, null, Number.POSITIVE_INFINITY].map((v) =>
    number(v),
  );
  assert.deepEqual(shown, ["0", "1,234,567", "12.35", "−0.5", "0.0001235", "1.23e-7", "3.2e12", "–", "∞"]);
});

test("durations have at most two units", () => {
  const shown = [0.25, 4.21, 59.7, 125, 3600, 3725, 90061, null].map((v) => duration(v));
  assert.deepEqual(shown, ["0.25s", "4.2s", "1m", "2m 5s", "1h", "1h 2m", "1d 1h", "–"]);
});

test("a cost in seconds is a duration; other units follow the number", () => {
  assert.equal(cost(90, "seconds"), "1m 30s");
  assert.equal(cost(1.5, "GPU hours"), "1.5 GPU hours");
});

test("small shares are not shown as zero", () => {
  assert.deepEqual([0, 0.004, 0.5, 1].map(percent), ["0%", "<1%", "50%", "100%"]);
});

test("characters that nobody sees are shown as escapes", () => {
  assert.equal(visible("a\u202eb\u001b[31m\u0000\n\t\ufeff"), "a\\u202eb\\u001b[31m\\u0000\n\t\\ufeff");
  assert.equal(visible("x".repeat(10), 4), "xxxx…");
});
