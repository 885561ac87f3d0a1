import { useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import { Text } from "../text/Text.tsx";
import { type Order, sortedBy } from "./order.ts";

export interface Column<T> {
  id: string;
  label: string;
  help?: string;
  numeric?: boolean;
  /** Makes the column sortable. Rows without a value come last in both directions. */
  sort?: (row: T) => number | string | null;
  cell: (row: T) => ComponentChildren;
}

interface DataTableProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  /** Pixels of the scrolling area. */
  height: number;
  initial?: Order;
  /** Enter or a click on a row. */
  onOpen?: (row: T) => void;
  empty?: string;
}

export const ROW_HEIGHT = 28;
const MARGIN_ROWS = 8;

/** A sortable table that renders only the rows that can be seen. The arrow keys move through it, Enter opens a row. */
export function DataTable<T>(props: DataTableProps<T>) {
  const { label, columns, rows, height, onOpen } = props;
  const order = useSignal<Order | null>(props.initial ?? null);
  const top = useSignal(0);
  const active = useSignal(0);
  const area = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const sorted = useMemo(() => sortedBy(rows, order.value, columns), [rows, order.value, columns]);
  const first = useComputed(() => Math.max(0, Math.floor(top.value / ROW_HEIGHT) - MARGIN_ROWS)).value;
  const shown = Math.min(first, Math.max(0, sorted.length - 1));
  const last = Math.min(sorted.length, shown + Math.ceil(height / ROW_HEIGHT) + 2 * MARGIN_ROWS);
  const current = Math.min(active.value, sorted.length - 1);

  useEffect(() => {
    if (area.current && area.current.scrollTop !== top.peek()) top.value = area.current.scrollTop;
  });

  const move = (to: number) => {
    active.value = Math.max(0, Math.min(sorted.length - 1, to));
    const box = area.current!;
    const at = active.value * ROW_HEIGHT;
    if (at < box.scrollTop) box.scrollTop = at;
    else if (at + 2 * ROW_HEIGHT > box.scrollTop + box.clientHeight)
      box.scrollTop = at + 2 * ROW_HEIGHT - box.clientHeight;
  };
  const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 2);
  const keys: Record<string, () => void> = {
    ArrowDown: () => move(current + 1),
    ArrowUp: () => move(current - 1),
    PageDown: () => move(current + page),
    PageUp: () => move(current - page),
    Home: () => move(0),
    End: () => move(sorted.length - 1),
    ...(onOpen ? { Enter: () => sorted[current] !== undefined && onOpen(sorted[current]) } : {}),
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const action = event.target === area.current ? keys[event.key] : undefined;
    if (!action) return;
    event.preventDefault();
    action();
  };

  return (
    <div
      class="table-area"
      ref={area}
      style={{ maxHeight: `${height}px` }}
      tabIndex={0}
      role="group"
      aria-label={`${label}: table, ${sorted.length} rows`}
      aria-activedescendant={onOpen && sorted.length > 0 ? `${prefix}-${current}` : undefined}
      onScroll={() => {
        top.value = area.current!.scrollTop;
      }}
      onKeyDown={onKeyDown}
    >
      <table class={onOpen ? "data opens" : "data"} aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head
                key={column.id}
                column={column}
                order={order.value}
                onSort={(next) => {
                  order.value = next;
                }}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer rows={shown} columns={columns.length} />
          {sorted.slice(shown, last).map((row, i) => (
            <tr
              key={shown + i}
              id={`${prefix}-${shown + i}`}
              aria-rowindex={shown + i + 2}
              class={onOpen && shown + i === current ? "current" : undefined}
              onClick={
                onOpen &&
                ((event) => {
                  if (!(event.target as Element).closest("a,button,input")) onOpen(row);
                })
              }
            >
              {columns.map((column) => (
                <td key={column.id} class={column.numeric ? "numeric" : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
          <Spacer rows={sorted.length - last} columns={columns.length} />
        </tbody>
      </table>
      {sorted.length === 0 && <p class="empty">{props.empty ?? "Nothing to show."}</p>}
    </div>
  );
}

function Head<T>({
  column,
  order,
  onSort,
}: {
  column: Column<T>;
  order: Order | null;
  onSort: (order: Order) => void;
}) {
  const direction = order?.column === column.id ? order.direction : null;
  const kind = column.numeric ? "numeric" : undefined;
  if (!column.sort)
    return (
      <th scope="col" class={kind} title={column.help}>
        <Text value={column.label} limit={60} />
      </th>
    );
  return (
    <th scope="col" class={kind} aria-sort={direction ? `${direction}ending` : "none"}>
      <button
        type="button"
        class="sort"
        title={column.help}
        onClick={() =>
          onSort({
            column: column.id,
            direction: direction === "asc" || (direction === null && column.numeric) ? "desc" : "asc",
          })
        }
      >
        <Text value={column.label} limit={60} />
        <span aria-hidden="true">{direction === "asc" ? " ▲" : direction === "desc" ? " ▼" : ""}</span>
      </button>
    </th>
  );
}

function Spacer({ rows, columns }: { rows: number; columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr aria-hidden="true" class="spacer">
      <td colSpan={columns} style={{ height: `${rows * ROW_HEIGHT}px` }} />
    </tr>
  );
}
