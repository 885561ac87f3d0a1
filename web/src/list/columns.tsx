import type { SweepRow } from "../api.ts";
import { sweepHref } from "../app/routes.ts";
import { keyOf } from "../store/changes.ts";
import { type Column, numeric } from "../tables/columns.ts";
import { cost, duration, number, time, visible } from "../text/format.ts";
import { ProgressBar } from "../text/ProgressBar.tsx";
import { State } from "../text/State.tsx";
import { Text } from "../text/Text.tsx";

export interface ListOptions {
  marked: ReadonlySet<string>;
  toggle: (key: string) => void;
  namespaces: boolean;
  now: number;
}

/** Columns of the list of sweeps. */
export function columnsOf({ marked, toggle, namespaces, now }: ListOptions): Column<SweepRow>[] {
  const mark: Column<SweepRow> = {
    id: "mark",
    label: "Compare",
    cell: (r) => (
      <input
        type="checkbox"
        aria-label={`Compare ${visible(r.displayName || r.name, 80)}`}
        checked={marked.has(keyOf(r))}
        onChange={() => toggle(keyOf(r))}
      />
    ),
  };
  return [mark, NAME, ...(namespaces ? [NAMESPACE] : []), ...RESULTS, ...COUNTS, ...timeColumns(now)];
}

const NAME: Column<SweepRow> = {
  id: "name",
  label: "Sweep",
  sort: (r) => r.displayName || r.name,
  cell: (r) => (
    <a href={sweepHref(r.namespace, r.name)}>
      <Text value={r.displayName || r.name} limit={80} />
    </a>
  ),
};

const NAMESPACE: Column<SweepRow> = {
  id: "namespace",
  label: "Namespace",
  sort: (r) => r.namespace,
  cell: (r) => <Text value={r.namespace} limit={40} />,
};

const RESULTS: Column<SweepRow>[] = [
  { id: "state", label: "State", sort: (r) => r.state, cell: (r) => <State row={r} /> },
  numeric("best", "Best", (r) => r.best?.score ?? null, {
    help: "Best score so far",
    show: (_, score) => number(score),
  }),
  { id: "metric", label: "Metric", sort: (r) => r.metric, cell: (r) => <Metric row={r} /> },
];

/** The metric, and which direction is better. */
export function Metric({ row }: { row: SweepRow }) {
  return (
    <span class="muted">
      <Text value={row.metric} limit={40} />
      {row.goal === "minimize" ? " ↓" : " ↑"}
    </span>
  );
}

const COUNTS: Column<SweepRow>[] = [
  numeric("runs", "Runs", (r) => r.counts.finished, {
    help: "Finished runs of the maximum",
    show: ({ counts: { finished, maxRuns } }) => (
      <ProgressBar value={finished} of={maxRuns} text={share(number(finished), maxRuns, number)} />
    ),
  }),
  numeric("running", "Running", (r) => r.counts.running),
  numeric("failed", "Failed", (r) => r.counts.failed, {
    show: (_, count) => (count ? <span class="failed">{count}</span> : "–"),
  }),
  numeric("spent", "Spent", (r) => r.spent, {
    help: "Cost of all runs so far, of the budget",
    show: ({ spent, budget, costUnit }) => (
      <ProgressBar
        value={spent}
        of={budget}
        text={share(cost(spent, costUnit), budget, (value) => cost(value, costUnit))}
      />
    ),
  }),
];

/** "12 / 40", or "12" without a limit. */
function share(text: string, limit: number | null, show: (value: number) => string): string {
  return limit === null ? text : `${text} / ${show(limit)}`;
}

function timeColumns(now: number): Column<SweepRow>[] {
  const age = (r: SweepRow) => now - Date.parse(r.created);
  return [
    numeric("eta", "Remaining", (r) => r.etaSeconds, {
      help: "Estimated time until the sweep ends",
      show: (r, seconds) => (r.ended ? "–" : duration(seconds)),
    }),
    numeric("age", "Age", age, {
      show: (r) => <span title={time(r.created)}>{duration(age(r) / 1000).split(" ")[0]}</span>,
    }),
  ];
}
