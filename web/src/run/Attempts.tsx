import type { RunPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { isReport } from "../store/store.ts";
import { duration, time } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { currentTime } from "../text/useNow.ts";

/** Every pod of the run and how it ended, and the phases of the run. */
export function AttemptsPanel({ details }: { details: RunPage }) {
  const { attempts, row } = details;
  const hasPods = attempts.some((a) => a.pod !== null || a.node !== null);
  return (
    <Panel title="Attempts" empty={attempts.length === 0 && row.phases.length === 0 && "No attempt has started yet."}>
      <StaticTable
        label="Attempts"
        columns={["Stage", "Attempt", "Ended", "Exit code", "Time", ...(hasPods ? ["Node", "Pod"] : [])]}
        rows={attempts.map((a) => [
          a.stage,
          `${a.attempt}`,
          a.reason && a.reason !== a.state ? `${a.state}: ${a.reason}` : a.state,
          a.exitCode === null ? "–" : `${a.exitCode}`,
          duration(a.seconds),
          ...(hasPods ? [a.node ?? "–", a.pod ?? "–"] : []),
        ])}
      />
      {row.phases.length > 0 && (
        <StaticTable
          label="Phases"
          columns={["Phase", "Attempt", "From", "Time", "Node"]}
          rows={row.phases.map((p) => [
            p.phase,
            `${p.stage} ${p.attempt}`,
            time(p.start),
            p.end === null && row.state === "Interrupted" ? "interrupted" : phaseTime(p.start, p.end ?? row.ended),
            p.node ?? "–",
          ])}
        />
      )}
    </Panel>
  );
}

function phaseTime(start: string, end: string | null): string {
  const seconds = ((end === null ? currentTime() : Date.parse(end)) - Date.parse(start)) / 1000;
  return `${duration(Math.max(0, seconds))}${end === null ? " so far" : ""}`;
}

export function EventsPanel({ details }: { details: RunPage }) {
  const newest = [...details.events].sort((a, b) => b.time.localeCompare(a.time));
  return (
    <Panel
      title="Events"
      wide
      empty={
        newest.length === 0 &&
        (isReport.value
          ? "A report does not contain Events."
          : "No Events. Kubernetes deletes them after an hour; one machine keeps the newest.")
      }
    >
      <StaticTable
        label="Events"
        columns={["Time", "Type", "Reason", "Message"]}
        rows={newest.map((e) => [
          time(e.time),
          e.type,
          e.reason,
          e.count > 1 ? `${e.message} (${e.count} times)` : e.message,
        ])}
      />
    </Panel>
  );
}

function StaticTable({ label, columns, rows }: { label: string; columns: string[]; rows: string[][] }) {
  if (rows.length === 0) return null;
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={`Table: ${label}`}>
      <table class="data static">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, at) => (
            <tr key={at}>
              {cells.map((cell, i) => (
                <td key={columns[i]} class={columns[i] === "Message" ? "message" : undefined}>
                  <Text value={cell} limit={2000} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
