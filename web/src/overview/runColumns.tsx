import type { RunRow, SweepPage } from "../api.ts";
import { runHref } from "../app/routes.ts";
import type { Column } from "../charts/DataTable.tsx";
import { positionOf } from "../store/selection.ts";
import { cost, number, scalar, time } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { RunState } from "./State.tsx";

/** Columns of the table of runs. */
export function columnsOf(page: SweepPage): Column<RunRow>[] {
  const { namespace, name } = page.row;
  const failures = page.runs.some((r) => r.failure !== null);
  const failure: Column<RunRow> = {
    id: "failure",
    label: "Failure",
    help: "Failure class and reason",
    sort: (r) => r.failure?.class ?? null,
    cell: (r) => r.failure && <Text value={`${r.failure.class}: ${r.failure.reason}`} limit={60} />,
  };
  return [
    {
      id: "index",
      label: "#",
      numeric: true,
      help: "Number of the run",
      sort: (r) => r.index,
      cell: (r) => r.index ?? "–",
    },
    {
      id: "run",
      label: "Run",
      sort: (r) => r.label,
      cell: (r) => (
        <a href={runHref(namespace, name, r.name)}>
          <Text value={r.label} limit={60} />
        </a>
      ),
    },
    { id: "state", label: "State", sort: (r) => r.state, cell: (r) => <RunState run={r} /> },
    ...(failures ? [failure] : []),
    ...outcomeColumns(page),
    ...furtherColumns(page),
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
}

function outcomeColumns(page: SweepPage): Column<RunRow>[] {
  const { metric, costUnit } = page.row;
  const front = new Set(page.front);
  return [
    {
      id: "score",
      label: metric || "Score",
      numeric: true,
      help: "Score; a diamond marks Pareto-optimal runs",
      sort: (r) => r.score,
      cell: (r) => (
        <>
          {front.has(r.name) && (
            <span class="optimal" title="Pareto-optimal">
              ◆{" "}
            </span>
          )}
          {number(r.score)}
        </>
      ),
    },
    {
      id: "predicted",
      label: "Predicted",
      numeric: true,
      help: "Score that the model predicted before the run",
      sort: (r) => r.predicted?.score ?? null,
      cell: (r) => <span class="muted">{number(r.predicted?.score)}</span>,
    },
    { id: "cost", label: "Cost", numeric: true, sort: (r) => r.cost, cell: (r) => cost(r.cost, costUnit) },
  ];
}

/** Further objectives, and the parameters. */
function furtherColumns(page: SweepPage): Column<RunRow>[] {
  return [
    ...page.objectives.slice(1).map(
      (o): Column<RunRow> => ({
        id: `metric:${o.metric}`,
        label: o.metric,
        numeric: true,
        sort: (r) => r.metrics[o.metric] ?? null,
        cell: (r) => number(r.metrics[o.metric]),
      }),
    ),
    ...page.parameters.map(
      (p, i): Column<RunRow> => ({
        id: `parameter:${p.path}`,
        label: p.label,
        help: p.path,
        numeric: p.values === null,
        sort: (r) => positionOf(p, r.parameters[i]),
        cell: (r) =>
          typeof r.parameters[i] === "string" ? <Text value={r.parameters[i]} limit={40} /> : scalar(r.parameters[i]),
      }),
    ),
  ];
}
