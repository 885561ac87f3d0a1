import type { ComponentChildren } from "preact";
import { visible } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

export interface StaticColumn {
  label: string;
  /** What the column is, if the label is only for screen readers. */
  hidden?: boolean;
  numeric?: boolean;
  /** Long texts, which wrap. */
  message?: boolean;
}

export interface StaticRow {
  key: string;
  class?: string | undefined;
  /** The first one is the row's heading if `headed`. Strings are texts of a Sweep. */
  cells: ComponentChildren[];
}

interface StaticTableProps {
  label: string;
  columns: StaticColumn[];
  rows: StaticRow[];
  headed?: boolean;
  class?: string;
}

/** A short table as a whole. It scrolls sideways if it is too wide, also by keyboard. */
export function StaticTable({ label, columns, rows, headed, ...props }: StaticTableProps) {
  if (rows.length === 0) return null;
  return (
    <div class={`scroll-x ${props.class ?? ""}`} tabIndex={0} role="group" aria-label={visible(`${label}: table`, 200)}>
      <table class="data static">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.label} scope="col" class={classOf(column)}>
                {column.hidden ? <span class="visually-hidden">{column.label}</span> : column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key} class={row.class}>
              {row.cells.map((cell, i) => (
                <Cell key={columns[i]!.label} column={columns[i]!} heading={headed === true && i === 0} cell={cell} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ column, heading, cell }: { column: StaticColumn; heading: boolean; cell: ComponentChildren }) {
  const shown = typeof cell === "string" ? <Text value={cell} limit={2000} /> : cell;
  if (heading) return <th scope="row">{shown}</th>;
  return <td class={classOf(column)}>{shown}</td>;
}

function classOf({ numeric, message }: StaticColumn): string | undefined {
  return numeric ? "numeric" : message ? "message" : undefined;
}
