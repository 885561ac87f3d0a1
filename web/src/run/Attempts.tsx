import type { RunPage, RunRow, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { isReport } from "../store/store.ts";
import { StaticTable } from "../tables/StaticTable.tsx";
import { duration, time } from "../text/format.ts";
import { currentTime } from "../text/useNow.ts";
import { lastKnown } from "../timeline/layout.ts";

const ATTEMPT = [
  { label: "Stage" },
  { label: "Attempt" },
  { label: "Ended" },
  { label: "Exit code" },
  { label: "Time" },
];
const POD = [{ label: "Node" }, { label: "Pod" }];
const PHASE = [{ label: "Phase" }, { label: "Attempt" }, { label: "From" }, { label: "Time" }, { label: "Node" }];
const EVENT = [{ label: "Time" }, { label: "Type" }, { label: "Reason" }, { label: "Message", message: true }];

/** Every pod of the run and how it ended, and the phases of the run. */
export function AttemptsPanel({ now, details }: { now: SweepPage; details: RunPage }) {
  const { attempts, row } = details;
  const hasPods = attempts.some((a) => a.pod !== null || a.node !== null);
  return (
    <Panel title="Attempts" empty={attempts.length === 0 && row.phases.length === 0 && "No attempt has started yet."}>
      <StaticTable
        label="Attempts"
        columns={hasPods ? [...ATTEMPT, ...POD] : ATTEMPT}
        rows={attempts.map((a) => ({
          key: `${a.stage} ${a.attempt} ${a.state}`,
          cells: [...attemptCells(a), ...(hasPods ? [a.node ?? "–", a.pod ?? "–"] : [])],
        }))}
      />
      <StaticTable
        label="Phases"
        columns={PHASE}
        rows={row.phases.map((p) => ({
          key: `${p.phase} ${p.start}`,
          cells: [p.phase, `${p.stage} ${p.attempt}`, time(p.start), phaseTime(now, row, p), p.node ?? "–"],
        }))}
      />
    </Panel>
  );
}

function attemptCells({ stage, attempt, state, reason, exitCode, seconds }: RunPage["attempts"][number]): string[] {
  const ended = reason && reason !== state ? `${state}: ${reason}` : state;
  return [stage, `${attempt}`, ended, exitCode === null ? "–" : `${exitCode}`, duration(seconds)];
}

/** How long the phase took, or has taken so far. */
function phaseTime({ row: { interrupted } }: SweepPage, row: RunRow, { start, end }: RunRow["phases"][number]): string {
  const over = end ?? row.ended;
  const until = over !== null ? Date.parse(over) : interrupted ? lastKnown([row]) : currentTime();
  const so = over !== null ? "" : interrupted ? ", then interrupted" : " so far";
  return `${duration(Math.max(0, until - Date.parse(start)) / 1000)}${so}`;
}

export function EventsPanel({ details }: { details: RunPage }) {
  const newest = [...details.events].sort((a, b) => b.time.localeCompare(a.time));
  const none = isReport.value
    ? "No Events of this run were there when the report was written. Kubernetes deletes them after an hour; one machine keeps the newest."
    : "No Events. Kubernetes deletes them after an hour; one machine keeps the newest.";
  return (
    <Panel title="Events" wide empty={newest.length === 0 && none}>
      <StaticTable
        label="Events"
        columns={EVENT}
        rows={newest.map((e, at) => ({
          key: `${at}`,
          cells: [time(e.time), e.type, e.reason, e.count > 1 ? `${e.message} (${e.count} times)` : e.message],
        }))}
      />
    </Panel>
  );
}
