import assert from "node:assert/strict";
import { test } from "node:test";
import { compareHref, parseFragment, runHref, sweepHref } from "../src/app/routes.ts";

test("links lead where they say, whatever the names contain", () => {
  for (const name of ["plain", "a b/c?d#e", "100%", "<script>", "ü"]) {
    assert.deepEqual(parseFragment(sweepHref("ns", name)).route, {
      page: "sweep",
      namespace: "ns",
      name,
      tab: "overview",
    });
    assert.deepEqual(parseFragment(sweepHref("ns", name, "curves")).route, {
      page: "sweep",
      namespace: "ns",
      name,
      tab: "curves",
    });
    assert.deepEqual(parseFragment(runHref("ns", "s", name)).route, {
      page: "run",
      namespace: "ns",
      name: "s",
      run: name,
    });
    assert.deepEqual(parseFragment(compareHref([`ns/${name}`, "b/c"])).route, {
      page: "compare",
      sweeps: [`ns/${name}`, "b/c"],
    });
  }
});

test("the token is taken out of the fragment, and the rest is a route", () => {
  assert.deepEqual(parseFragment("#token=a%2Bb"), { token: "a+b", fragment: "#/", route: { page: "list" } });
  const both = parseFragment("#token=t&route=/s/ns/name");
  assert.deepEqual([both.token, both.fragment], ["t", "#/s/ns/name"]);
});

test("a broken escape in a link is no error", () => {
  assert.equal(parseFragment("#/s/ns/%E0%A4%A").route.page, "sweep");
  assert.equal(parseFragment("#/nowhere").route.page, "unknown");
});
