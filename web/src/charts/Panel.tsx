import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Scalar } from "../api.ts";
import type { Column } from "../tables/columns.ts";
import { DataTable } from "../tables/DataTable.tsx";
import { number } from "../text/format.ts";
import { Help, Text } from "../text/Text.tsx";

/** What a plot shows, as a table. */
export interface TableData {
  columns: string[];
  rows: (Scalar | null)[][];
}

interface PanelProps {
  title: string;
  /** Explains the terms of the panel. */
  help?: string | undefined;
  /** Inputs of the panel, to the right of its title. */
  controls?: ComponentChildren;
  /** Makes the switch "Table" appear. */
  table?: (() => TableData) | undefined;
  /** Shown instead of the contents, for example "No run has finished yet." */
  empty?: string | false | undefined;
  wide?: boolean | undefined;
  children?: ComponentChildren;
}

/** The frame of everything on a sweep's page: title, explanation, controls, and the same data as a table. */
export function Panel({ title, help, controls, table, empty, wide, children }: PanelProps) {
  const asTable = useSignal(false);
  const id = useId();
  return (
    <section class={wide ? "panel wide" : "panel"} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {help && <Help about={title} text={help} />}
        <div class="controls">
          {!empty && controls}
          {table && !empty && <TableSwitch title={title} on={asTable} />}
        </div>
      </header>
      {empty && <p class="empty">{empty}</p>}
      {!empty && (table && asTable.value ? <PlotTable title={title} data={table()} /> : children)}
    </section>
  );
}

function TableSwitch({ title, on }: { title: string; on: Signal<boolean> }) {
  return (
    <button
      type="button"
      class="quiet"
      aria-pressed={on.value}
      aria-label={`Show ${title} as a table`}
      onClick={() => {
        on.value = !on.value;
      }}
    >
      Table
    </button>
  );
}

function PlotTable({ title, data }: { title: string; data: TableData }) {
  const columns = data.columns.map<Column<(Scalar | null)[]>>((label, i) => ({
    id: String(i),
    label,
    numeric: data.rows.some((row) => typeof row[i] === "number"),
    sort: (row) => (typeof row[i] === "boolean" ? Number(row[i]) : (row[i] ?? null)),
    cell: (row) => <Cell value={row[i] ?? null} />,
  }));
  return <DataTable label={title} columns={columns} rows={data.rows} height={320} />;
}

function Cell({ value }: { value: Scalar | null }) {
  if (typeof value === "number") return <>{number(value, 6)}</>;
  return value === null ? <>–</> : <Text value={String(value)} limit={120} />;
}
