import type { RunPage, RunRow, Scalar, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { StaticTable } from "../tables/StaticTable.tsx";
import { scalar, visible } from "../text/format.ts";
import { RunLink } from "../text/RunLink.tsx";
import { Text } from "../text/Text.tsx";
import { differenceText } from "./difference.ts";

interface Props {
  now: SweepPage;
  details: RunPage;
}

/** All parameters of the run, and how they differ from those of the best run; of the best run, from the search center. */
export function ParametersPanel({ now, details }: Props) {
  const best = now.row.best;
  const compared = best !== null;
  const isBest = best?.run === details.row.name;
  const difference = isBest ? fromCenter(now, details.row) : details.difference;
  const other = isBest ? "Search center" : "Best run";
  const columns = [{ label: "Parameter" }, { label: "This run", numeric: true }];
  return (
    <Panel title="Parameters">
      {compared && (
        <p class="muted">
          {difference.length === 0 ? "The same as " : `${difference.length} of ${now.parameters.length} differ from `}
          {isBest ? "the search center, where the search began." : <BestRun now={now} name={best.run} />}
        </p>
      )}
      <StaticTable
        label="Parameters"
        class="parameters"
        headed
        columns={compared ? [...columns, { label: other, numeric: true }, { label: "Difference" }] : columns}
        rows={[...searched(now, details.row, difference, compared), ...fixed(now, compared)]}
      />
    </Panel>
  );
}

function BestRun({ now, name }: { now: SweepPage; name: string }) {
  return (
    <>
      <RunLink page={now} name={name} before="run " />, the best run.
    </>
  );
}

function fromCenter(now: SweepPage, row: RunRow): RunPage["difference"] {
  return now.parameters.flatMap((p, at) => {
    const value = row.parameters[at] ?? null;
    return value === null || p.mean === null || value === p.mean ? [] : [{ path: p.path, value, best: p.mean }];
  });
}

function searched(now: SweepPage, row: RunRow, difference: RunPage["difference"], compared: boolean) {
  const others = new Map(difference.map((d) => [d.path, d]));
  return now.parameters.map((p, at) => {
    const other = others.get(p.path);
    const own = row.parameters[at] ?? null;
    const text = other ? differenceText(other.value, other.best, p.axis) : "";
    return {
      key: p.path,
      class: other && "differs",
      cells: [
        <span key="name" title={visible(p.path, 500)}>
          <Text value={p.label} limit={60} />
        </span>,
        shown(own),
        ...(compared ? [shown(other ? other.best : own), text] : []),
      ],
    };
  });
}

function fixed(now: SweepPage, compared: boolean) {
  return Object.entries(now.fixed).map(([path, value]) => ({
    key: path,
    class: "fixed",
    cells: [<Text key="name" value={path} limit={60} />, shown(value), ...(compared ? [shown(value), "fixed"] : [])],
  }));
}

function shown(value: Scalar | null) {
  return <Text value={scalar(value)} limit={80} />;
}
