/** Applies what the server says has changed to what the page has. */
import type { Curves, PageChange, RunRow, SweepPage, SweepRow, SweepsChange } from "../api.ts";

export const keyOf = (row: { namespace: string; name: string }): string => `${row.namespace}/${row.name}`;

/** Newest first; of the same second by name, so that the order is stable. */
export function sortedSweeps(rows: Iterable<SweepRow>): SweepRow[] {
  return [...rows].sort((a, b) => b.created.localeCompare(a.created) || keyOf(a).localeCompare(keyOf(b)));
}

export function changedSweeps(rows: SweepRow[], change: SweepsChange): SweepRow[] {
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  for (const row of change.changed) byKey.set(keyOf(row), row);
  for (const key of change.deleted) byKey.delete(key);
  return sortedSweeps(byKey.values());
}

const position = (run: RunRow): number => run.index ?? Number.POSITIVE_INFINITY;

export function sortedRuns(runs: Iterable<RunRow>): RunRow[] {
  return [...runs].sort((a, b) => {
    const [x, y] = [position(a), position(b)];
    return x === y ? a.created.localeCompare(b.created) || a.name.localeCompare(b.name) : x - y;
  });
}

/** A sweep that appears only now has all of its runs in the change. */
export function changedPage(page: SweepPage | null, change: PageChange): SweepPage {
  const runs = page?.runs ?? [];
  if (change.changed.length === 0 && change.deleted.length === 0) return { ...change.page, runs };
  const byName = new Map(runs.map((run) => [run.name, run]));
  for (const run of change.changed) byName.set(run.name, run);
  for (const name of change.deleted) byName.delete(name);
  return { ...change.page, runs: sortedRuns(byName.values()) };
}

export function changedCurves(curves: Curves | null, change: Curves): Curves {
  return { items: { ...curves?.items, ...change.items } };
}
