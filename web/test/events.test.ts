import assert from "node:assert/strict";
import { test } from "node:test";
import { changedPage, changedSweeps } from "../src/store/changes.ts";
import { EventParser } from "../src/store/events.ts";
import { samplePage } from "./sample.ts";

test("events are found wherever the text is cut", () => {
  const text =
    ': hello\n\nid: 1-2\nevent: page\ndata: {"a":\ndata: 1}\n\nid: 1-3\r\nevent: sweeps\r\ndata: {}\r\n\r\n:';
  const expected = [
    { id: "1-2", event: "page", data: '{"a":\n1}' },
    { id: "1-3", event: "sweeps", data: "{}" },
  ];
  const read = (...pieces: string[]) => {
    const parser = new EventParser();
    return pieces.flatMap((piece) => parser.push(piece));
  };
  assert.deepEqual(read(text), expected);
  assert.deepEqual(read(...text), expected, "one character at a time");
  for (let cut = 0; cut < text.length; cut += 1) {
    assert.deepEqual(read(text.slice(0, cut), text.slice(cut)), expected, `cut at ${cut}`);
  }
});

test("changed runs replace the old ones in their place, deleted ones disappear", () => {
  const page = samplePage(12);
  const { runs, ...rest } = page;
  const changed = { ...runs[3]!, score: 1000 };
  const after = changedPage(page, {
    page: rest,
    changed: [changed, { ...runs[0]!, name: "new", index: 99 }],
    deleted: [runs[5]!.name],
  });
  assert.equal(after.runs.length, 12);
  assert.equal(after.runs[3], changed);
  assert.equal(after.runs.at(-1)!.name, "new");
  assert.ok(!after.runs.includes(runs[5]!));
  assert.equal(page.runs.length, 12, "the old page is not changed");
  assert.deepEqual(changedPage(null, { page: rest, changed: runs, deleted: [] }), page, "a sweep that appears later");
});

test("sweeps are the newest first", () => {
  const row = samplePage(0).row;
  const rows = changedSweeps([row], {
    changed: [{ ...row, name: "newer", created: "2027-01-01T00:00:00Z" }],
    deleted: [],
  });
  assert.deepEqual(
    rows.map((r) => r.name),
    ["newer", "sample"],
  );
  assert.deepEqual(
    changedSweeps(rows, { changed: [], deleted: ["default/newer"] }).map((r) => r.name),
    ["sample"],
  );
});
