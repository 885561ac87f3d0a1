import type { RunPage, Scalar, SweepPage } from "../api.ts";
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

/** All parameters of the run, and how they differ from those of the best run. */
export function ParametersPanel({ now, details }: Props) {
  const best = now.row.best;
  const compared = best !== null && best.run !== details.row.name;
  const differs = details.difference.length;
  const columns = [{ label: "Parameter" }, { label: "This run", numeric: true }];
  return (
    <Panel title="Parameters">
      {compared && (
        <p class="muted">
          {differs === 0 ? "The same as " : `${differs} of ${now.parameters.length} differ from `}
          <RunLink page={now} name={best.run} before="run " />, the best run.
        </p>
      )}
      <StaticTable
        label="Parameters"
        class="parameters"
        headed
        columns={compared ? [...columns, { label: "Best run", numeric: true }, { label: "Difference" }] : columns}
        rows={[...searched(now, details, compared), ...fixed(now, compared)]}
      />
    </Panel>
  );
}

function searched(now: SweepPage, { row, difference }: RunPage, compared: boolean) {
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
