import type { SweepRow } from "../api.ts";
import { sweepHref } from "../app/routes.ts";
import type { Column } from "../charts/DataTable.tsx";
import { ProgressBar } from "../overview/ProgressBar.tsx";
import { State } from "../overview/State.tsx";
import { keyOf } from "../store/changes.ts";
import { cost, duration, number, time } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

export interface ListOptions {
  marked: ReadonlySet<string>;
  toggle: (key: string) => void;
  namespaces: boolean;
  now: number;
}

/** Columns of the list of sweeps. */
export function columnsOf({ marked, toggle, namespaces, now }: ListOptions): Column<SweepRow>[] {
  const namespace: Column<SweepRow> = {
    id: "namespace",
    label: "Namespace",
    sort: (r) => r.namespace,
    cell: (r) => <Text value={r.namespace} limit={40} />,
  };
  return [
    {
      id: "mark",
      label: "Compare",
      cell: (r) => (
        <input
          type="checkbox"
          aria-label={`Compare ${r.displayName || r.name}`}
          checked={marked.has(keyOf(r))}
          onChange={() => toggle(keyOf(r))}
        />
      ),
    },
    {
      id: "name",
      label: "Sweep",
      sort: (r) => r.displayName || r.name,
      cell: (r) => (
        <a href={sweepHref(r.namespace, r.name)}>
          <Text value={r.displayName || r.name} limit={80} />
        </a>
      ),
    },
    ...(namespaces ? [namespace] : []),
    { id: "state", label: "State", sort: (r) => r.state, cell: (r) => <State row={r} /> },
    {
      id: "best",
      label: "Best",
      numeric: true,
      help: "Best score so far",
      sort: (r) => r.best?.score ?? null,
      cell: (r) => number(r.best?.score),
    },
    {
      id: "metric",
      label: "Metric",
      sort: (r) => r.metric,
      cell: (r) => (
        <span class="muted">
          <Text value={r.metric} limit={40} />
          {r.goal === "minimize" ? " ↓" : " ↑"}
        </span>
      ),
    },
    ...progressColumns(now),
  ];
}

function progressColumns(now: number): Column<SweepRow>[] {
  return [
    {
      id: "runs",
      label: "Runs",
      numeric: true,
      help: "Finished runs of the maximum",
      sort: (r) => r.counts.finished,
      cell: (r) => (
        <ProgressBar
          value={r.counts.finished}
          of={r.counts.maxRuns}
          text={`${r.counts.finished.toLocaleString("en-US")}${r.counts.maxRuns === null ? "" : ` / ${r.counts.maxRuns.toLocaleString("en-US")}`}`}
        />
      ),
    },
    {
      id: "running",
      label: "Running",
      numeric: true,
      sort: (r) => r.counts.running,
      cell: (r) => r.counts.running || "–",
    },
    {
      id: "failed",
      label: "Failed",
      numeric: true,
      sort: (r) => r.counts.failed,
      cell: (r) => (r.counts.failed ? <span class="failed">{r.counts.failed}</span> : "–"),
    },
    {
      id: "spent",
      label: "Spent",
      numeric: true,
      help: "Cost of all runs so far, of the budget",
      sort: (r) => r.spent,
      cell: (r) => (
        <ProgressBar
          value={r.spent}
          of={r.budget}
          text={`${cost(r.spent, r.costUnit)}${r.budget === null ? "" : ` / ${cost(r.budget, r.costUnit)}`}`}
        />
      ),
    },
    {
      id: "eta",
      label: "Remaining",
      numeric: true,
      help: "Estimated time until the sweep ends",
      sort: (r) => r.etaSeconds,
      cell: (r) => (r.ended ? "–" : duration(r.etaSeconds)),
    },
    {
      id: "age",
      label: "Age",
      numeric: true,
      sort: (r) => now - Date.parse(r.created),
      cell: (r) => <span title={time(r.created)}>{duration((now - Date.parse(r.created)) / 1000).split(" ")[0]}</span>,
    },
  ];
}
