export interface Order {
  column: string;
  direction: "asc" | "desc";
}

interface Sortable<T> {
  id: string;
  sort?: (row: T) => number | string | null;
}

const collator = new Intl.Collator("en", { numeric: true });

/** Rows in the wanted order; rows without a value come last in both directions. */
export function sortedBy<T>(rows: T[], order: Order | null, columns: Sortable<T>[]): T[] {
  const read = order && columns.find((c) => c.id === order.column)?.sort;
  if (!order || !read) return rows;
  const sign = order.direction === "asc" ? 1 : -1;
  return rows
    .map((row) => ({ row, key: read(row) }))
    .sort((a, b) => {
      if (a.key === null || b.key === null) return a.key === b.key ? 0 : a.key === null ? 1 : -1;
      if (typeof a.key === "number" && typeof b.key === "number") return (a.key - b.key) * sign;
      return collator.compare(String(a.key), String(b.key)) * sign;
    })
    .map(({ row }) => row);
}
