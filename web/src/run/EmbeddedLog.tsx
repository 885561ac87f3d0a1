/** The end of a run's log in a report. */
import { useMemo } from "preact/hooks";
import type { Report, RunPage, SweepPage } from "../api.ts";
import { own } from "../store/own.ts";
import { logsCommand } from "../text/commands.ts";
import { Lines } from "./LogTail.tsx";
import { Tail } from "./tail.ts";

interface Props {
  report: Report;
  now: SweepPage;
  details: RunPage;
}

export function EmbeddedLog({ report, now, details: { row, logs } }: Props) {
  const found = own(report.logs, row.name);
  const tail = useMemo(() => {
    const lines = new Tail();
    lines.add(found?.text ?? "");
    return lines;
  }, [found]);
  if (logs.length === 0) return <p class="muted">No log: no attempt of this run had started.</p>;
  const command = <code>{logsCommand(now.row, row)}</code>;
  if (!found) return <p class="muted">This report does not contain the log of this run. Run: {command}</p>;
  return (
    <>
      <Lines tail={tail} version={0} state={`end of ${found.stage}, attempt ${found.attempt}`} />
      {found.cut && <p class="muted">Only the last lines are in this report. To see all of them, run: {command}</p>}
    </>
  );
}
