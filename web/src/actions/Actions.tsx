/** Buttons that begin actions: of a sweep and of a run. */
import type { RunRow, SweepPage } from "../api.ts";
import { isReport } from "../store/store.ts";
import { type Begun, begun } from "./state.ts";

function Begin({ now, children }: { now: Begun; children: string }) {
  return (
    <button type="button" onClick={() => (begun.value = now)}>
      {children}…
    </button>
  );
}

export function SweepActions({ page }: { page: SweepPage }) {
  const { row } = page;
  if (isReport.value) return null;
  return (
    <div class="actions">
      <Begin now={{ action: "add", from: null }}>Add a point</Begin>
      <Begin now={{ action: "limits" }}>Limits</Begin>
      {row.suspended || row.state === "Stopped" ? (
        <Begin now={{ action: "resume" }}>Resume</Begin>
      ) : (
        !row.ended && <Begin now={{ action: "suspend" }}>Suspend</Begin>
      )}
      {!row.ended && <Begin now={{ action: "stop", run: null }}>Stop</Begin>}
    </div>
  );
}

export function RunActions({ page, run }: { page: SweepPage; run: RunRow }) {
  if (isReport.value) return null;
  return (
    <div class="actions">
      {page.parameters.length > 0 && <Begin now={{ action: "add", from: run }}>Add a point like this</Begin>}
      {run.ended === null ? (
        <Begin now={{ action: "stop", run }}>Stop</Begin>
      ) : (
        run.group !== "succeeded" && <Begin now={{ action: "retry", run }}>Retry</Begin>
      )}
    </div>
  );
}
