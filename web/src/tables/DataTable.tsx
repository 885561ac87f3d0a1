import { type Signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import { visible } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import type { Column } from "./columns.ts";
import { type Order, sortedBy } from "./order.ts";

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
const MARGIN_ROWS = 4;

/** A sortable table that renders only the rows that can be seen. The arrow keys move through it, Enter opens a row. */
export function DataTable<T>({ label, columns, rows, height, initial, onOpen, empty }: DataTableProps<T>) {
  const order = useSignal<Order | null>(initial ?? null);
  const sorted = useMemo(() => sortedBy(rows, order.value, columns), [rows, order.value, columns]);
  const { area, first, last, current, handlers } = useScrolling(sorted, height, onOpen);
  const prefix = useId();
  return (
    <div
      class="table-area"
      ref={area}
      style={{ maxHeight: `${height}px` }}
      tabIndex={0}
      role="group"
      aria-label={`${visible(label, 100)}: table, ${sorted.length} rows`}
      aria-activedescendant={onOpen && sorted.length > 0 ? `${prefix}-${current}` : undefined}
      {...handlers}
    >
      <table class={onOpen ? "data opens" : "data"} aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.id} column={column} order={order} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer rows={first} columns={columns.length} />
          {sorted.slice(first, last).map((row, i) => (
            <Row key={first + i} {...{ row, columns, prefix, onOpen }} at={first + i} current={first + i === current} />
          ))}
          <Spacer rows={sorted.length - last} columns={columns.length} />
        </tbody>
      </table>
      {sorted.length === 0 && <p class="empty">{empty ?? "Nothing to show."}</p>}
    </div>
  );
}

interface RowProps<T> {
  row: T;
  columns: Column<T>[];
  at: number;
  /** Of the ids of rows. */
  prefix: string;
  current: boolean;
  onOpen: ((row: T) => void) | undefined;
}

function Row<T>({ row, columns, at, prefix, current, onOpen }: RowProps<T>) {
  return (
    <tr
      id={`${prefix}-${at}`}
      aria-rowindex={at + 2}
      class={onOpen && current ? "current" : undefined}
      onClick={(event) => {
        if (!(event.target as Element).closest("a,button,input")) onOpen?.(row);
      }}
    >
      {columns.map((column) => (
        <td key={column.id} class={column.numeric ? "numeric" : undefined}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

/** Which rows are rendered, which one is current, and the keys that change it. */
function useScrolling<T>(rows: T[], height: number, onOpen: ((row: T) => void) | undefined) {
  const area = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const active = useSignal(0);
  const above = useComputed(() => Math.max(0, Math.floor(top.value / ROW_HEIGHT) - MARGIN_ROWS)).value;
  const first = Math.min(above, Math.max(0, rows.length - 1));
  const last = Math.min(rows.length, first + Math.ceil(height / ROW_HEIGHT) + 2 * MARGIN_ROWS);
  const current = Math.min(active.value, rows.length - 1);
  const onScroll = () => {
    if (area.current) top.value = area.current.scrollTop;
  };
  useEffect(onScroll); // fewer rows may have moved it
  const move = (to: number) => {
    active.value = Math.max(0, Math.min(rows.length - 1, to));
    const box = area.current!;
    const at = active.value * ROW_HEIGHT;
    const below = at + 2 * ROW_HEIGHT - box.clientHeight;
    if (at < box.scrollTop) box.scrollTop = at;
    else if (below > box.scrollTop) box.scrollTop = below;
  };
  const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 2);
  const keys: Record<string, () => void> = {
    ArrowDown: () => move(current + 1),
    ArrowUp: () => move(current - 1),
    PageDown: () => move(current + page),
    PageUp: () => move(current - page),
    Home: () => move(0),
    End: () => move(rows.length - 1),
    ...(onOpen ? { Enter: () => rows[current] !== undefined && onOpen(rows[current]) } : {}),
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const action = event.target === area.current ? keys[event.key] : undefined;
    if (!action) return;
    event.preventDefault();
    action();
  };
  return { area, first, last, current, handlers: { onScroll, onKeyDown } };
}

function Head<T>({ column, order }: { column: Column<T>; order: Signal<Order | null> }) {
  const direction = order.value?.column === column.id ? order.value.direction : null;
  const kind = column.numeric ? "numeric" : undefined;
  const text = <Text value={column.label} limit={60} />;
  const help = column.help && visible(column.help, 300);
  if (!column.sort)
    return (
      <th scope="col" class={kind} title={help}>
        {text}
      </th>
    );
  const next = direction === "asc" || (direction === null && column.numeric) ? "desc" : "asc";
  return (
    <th scope="col" class={kind} aria-sort={direction ? `${direction}ending` : "none"}>
      <button
        type="button"
        class="sort"
        title={help}
        onClick={() => {
          order.value = { column: column.id, direction: next };
        }}
      >
        {text}
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
