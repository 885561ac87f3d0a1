import type { SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { compareHref, sweepHref } from "../app/routes.ts";
import { Panel } from "../charts/Panel.tsx";
import { seriesColor } from "../charts/series.ts";
import { Metric } from "../list/columns.tsx";
import { keyOf } from "../store/changes.ts";
import { StaticTable } from "../tables/StaticTable.tsx";
import { cost, number, visible } from "../text/format.ts";
import { State } from "../text/State.tsx";
import { Text } from "../text/Text.tsx";
import { dashOf, nameOf } from "./progress.ts";

const NUMBERS = ["Best", "Cost of the best", "Finished runs", "Failed", "Spent"];
const COLUMNS = [
  { label: "Sweep" },
  { label: "State" },
  { label: "Metric" },
  ...NUMBERS.map((label) => ({ label, numeric: true })),
  { label: "Method" },
  { label: "Remove", hidden: true },
];

/** The sweeps of the comparison, one a row; the sample of its line is the legend. */
export function Results({ pages, keys }: { pages: SweepPage[]; keys: string[] }) {
  return (
    <Panel title="Results" wide>
      <StaticTable
        label="Results"
        columns={COLUMNS}
        headed
        rows={pages.map((page, i) => ({ key: keyOf(page.row), cells: cellsOf(page, i, keys) }))}
      />
    </Panel>
  );
}

function cellsOf(page: SweepPage, index: number, keys: string[]) {
  const { row, method } = page;
  const name = nameOf(page);
  const best = [number(row.best?.score), cost(row.best?.cost, row.costUnit)];
  const counts = [number(row.counts.finished), number(row.counts.failed), cost(row.spent, row.costUnit)];
  return [
    <>
      <LineSample index={index} />{" "}
      <a href={sweepHref(row.namespace, row.name)}>
        <Text value={name} limit={60} />
      </a>
    </>,
    <State row={row} />,
    <Metric row={row} />,
    ...best,
    ...counts,
    method,
    <button
      type="button"
      class="quiet"
      aria-label={`Remove ${visible(name, 80)} from the comparison`}
      onClick={() => go(compareHref(keys.filter((k) => k !== keyOf(row))))}
    >
      ×
    </button>,
  ];
}

function LineSample({ index }: { index: number }) {
  const stroke = { stroke: `var(--${seriesColor(index)})`, "stroke-width": 3 };
  return (
    <svg width="14" height="8" viewBox="0 0 14 8" aria-hidden="true">
      <path d="M0 4H14" {...stroke} stroke-dasharray={dashOf(index).join(" ")} />
    </svg>
  );
}
