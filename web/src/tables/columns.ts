/** Columns of tables: what is shown of a row, and how rows are sorted by it. */
import type { ComponentChildren } from "preact";

export interface Column<T> {
  id: string;
  label: string;
  help?: string | undefined;
  numeric?: boolean;
  /** Makes the column sortable. Rows without a value come last in both directions. */
  sort?: (row: T) => number | string | null;
  cell: (row: T) => ComponentChildren;
}

interface Options<T, V> {
  help?: string;
  /** What is shown; by default the value itself, or a dash if it is zero or missing. */
  show?: (row: T, value: V) => ComponentChildren;
}

/** A sortable column of numbers. */
export function numeric<T>(
  id: string,
  label: string,
  read: (row: T) => number | null,
  { help, show }: Options<T, number | null> = {},
): Column<T> {
  const cell = (row: T) => (show ? show(row, read(row)) : read(row) || "–");
  return { id, label, help, numeric: true, sort: read, cell };
}
