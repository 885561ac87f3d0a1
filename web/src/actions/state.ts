/** Which action the reader has begun. One dialog shows it, whatever button began it. */
import { signal } from "@preact/signals";
import type { RunRow } from "../api.ts";
import { isReport, server } from "../store/store.ts";

export type Begun =
  | { action: "add"; from: RunRow | null }
  | { action: "retry"; run: RunRow }
  /** Null: the whole sweep. */
  | { action: "stop"; run: RunRow | null }
  | { action: "suspend" | "resume" | "limits" };

export const begun = signal<Begun | null>(null);

/** Why this page cannot change anything, and what to do; empty if it can. */
export function readOnlyReason(): string {
  if (isReport.value) return "A report is read-only. Open the live page to change the sweep.";
  if (server.value === null || server.value.write) return "";
  return server.value.mode === "machine"
    ? "This page is read-only. Start it with `sweep ui --write` to change sweeps, or run the command yourself."
    : "This page is read-only. Run the command yourself.";
}
