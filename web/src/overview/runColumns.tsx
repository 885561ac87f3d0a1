import type { RunRow, SweepPage } from "../api.ts";
import { own } from "../store/own.ts";
import { positionOf } from "../store/selection.ts";
import { type Column, numeric } from "../tables/columns.ts";
import { cost, number, scalar, time } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";
import { RunLink } from "../text/RunLink.tsx";
import { RunState } from "../text/State.tsx";
import { Text } from "../text/Text.tsx";

/** Columns of the table of runs. */
export function columnsOf(page: SweepPage): Column<RunRow>[] {
  return [
    ...identityColumns(page),
    ...outcomeColumns(page),
    ...page.objectives.slice(1).map(({ metric }) => metricColumn(metric)),
    ...page.parameters.map(parameterColumn),
    ...ORIGIN,
  ];
}

function identityColumns(page: SweepPage): Column<RunRow>[] {
  const failures = page.runs.some((r) => r.failure !== null);
  return [
    numeric("index", "#", (r) => r.index, { help: "Number of the run", show: (_, index) => index ?? "–" }),
    {
      id: "run",
      label: "Run",
      sort: (r) => r.label,
      cell: (r) => <RunLink page={page} name={r.name} label={r.label} />,
    },
    { id: "state", label: "State", sort: (r) => r.state, cell: (r) => <RunState run={r} /> },
    ...(failures ? [FAILURE] : []),
  ];
}

const FAILURE: Column<RunRow> = {
  id: "failure",
  label: "Failure",
  help: "Failure class and reason",
  sort: (r) => r.failure?.class ?? null,
  cell: (r) => r.failure && <Text value={`${r.failure.class}: ${r.failure.reason}`} limit={60} />,
};

function outcomeColumns(page: SweepPage): Column<RunRow>[] {
  const front = new Set(page.front);
  const optimal = (
    <span class="optimal" title="Pareto-optimal">
      ◆{" "}
    </span>
  );
  return [
    numeric("score", scoreName(page), (r) => r.score, {
      help: "Score; a diamond marks Pareto-optimal runs",
      show: (r, score) => (
        <>
          {front.has(r.name) && optimal}
          {number(score)}
        </>
      ),
    }),
    numeric("predicted", "Predicted", (r) => r.predicted?.score ?? null, {
      help: "Score that the model predicted before the run",
      show: (_, score) => <span class="muted">{number(score)}</span>,
    }),
    numeric("cost", "Cost", (r) => r.cost, { show: (_, value) => cost(value, page.row.costUnit) }),
  ];
}

/** A further objective. */
function metricColumn(metric: string): Column<RunRow> {
  return numeric(`metric:${metric}`, metric, (r) => own(r.metrics, metric) ?? null, {
    show: (_, value) => number(value),
  });
}

function parameterColumn(p: SweepPage["parameters"][number], i: number): Column<RunRow> {
  return {
    id: `parameter:${p.path}`,
    label: p.label,
    help: p.path,
    numeric: p.values === null,
    sort: (r) => positionOf(p, r.parameters[i]),
    cell: (r) =>
      typeof r.parameters[i] === "string" ? <Text value={r.parameters[i]} limit={40} /> : scalar(r.parameters[i]),
  };
}

const ORIGIN: Column<RunRow>[] = [
  {
    id: "origin",
    label: "Origin",
    help: "Where the parameters come from",
    sort: (r) => r.origin,
    cell: (r) => (
      <span class="muted">
        <Text value={r.origin} limit={20} />
      </span>
    ),
  },
  {
    id: "created",
    label: "Created",
    sort: (r) => r.created,
    cell: (r) => <span class="muted">{time(r.created)}</span>,
  },
];
