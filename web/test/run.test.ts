import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ADVICE } from "../src/run/advice.ts";
import { differenceText, safeLink } from "../src/run/difference.ts";
import { MAX_LINE, Tail } from "../src/run/tail.ts";

test("a log in pieces is the log as a whole", () => {
  const text = "first\r\n\n 10%\r 20%\r 30%\nlast, not finished";
  for (let size = 1; size < text.length; size++) {
    const tail = new Tail();
    for (let from = 0; from < text.length; from += size) tail.add(text.slice(from, from + size));
    assert.deepEqual(tail.lines, ["first", "", " 30%", "last, not finished"], `pieces of ${size}`);
  }
});

test("memory is bounded by lines and by their length", () => {
  const tail = new Tail(100);
  for (let i = 0; i < 1000; i++) tail.add(`${i}\n`);
  assert.ok(tail.lines.length <= 110 && tail.lines.at(-1) === "999");
  assert.equal(tail.lines.length + tail.dropped, 1000);
  for (let i = 0; i < 100; i++) tail.add("x".repeat(1000));
  assert.equal(tail.lines.at(-1)!.length, MAX_LINE);
});

test("the documentation explains every reason that has advice", () => {
  const page = readFileSync(new URL("../../docs/troubleshooting.md", import.meta.url), "utf8");
  assert.deepEqual(
    Object.keys(ADVICE).filter((reason) => !page.includes(`\`${reason}\``)),
    [],
  );
});

test("a difference is a factor on a logarithmic axis, and only https is a link", () => {
  assert.deepEqual(
    [
      differenceText(8, 2, "log2"),
      differenceText(1, 3, "linear"),
      differenceText("a", "b", "linear"),
      differenceText(null, 1, "linear"),
    ],
    ["× 4", "− 2", "another value", "absent here"],
  );
  assert.equal(safeLink("https://wandb.ai/x"), "https://wandb.ai/x");
  for (const url of ["javascript:alert(1)", "http://wandb.ai", "https://user:key@wandb.ai", "/x", null])
    assert.equal(safeLink(url), null);
});
