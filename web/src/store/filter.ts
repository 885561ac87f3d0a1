/** The one filter of a sweep's page. Every panel shows the runs that pass it, and fades or drops the others. */
import { computed, effect, signal } from "@preact/signals";
import type { RunRow } from "../api.ts";
import { keyOf } from "./changes.ts";
import { own } from "./own.ts";
import { chipsOf, type Filter, isActive, NO_FILTER, passing } from "./selection.ts";
import { page } from "./store.ts";

export const filter = signal<Filter>(NO_FILTER);

/** Names of the runs that pass, or null without a filter. */
export const selected = computed<Set<string> | null>(() => {
  const now = page.value;
  return now && isActive(filter.value) ? passing(now, filter.value) : null;
});

/** The runs that pass. */
export const passingRuns = computed<RunRow[]>(() => {
  const [runs, names] = [page.value?.runs ?? [], selected.value];
  return names ? runs.filter((run) => names.has(run.name)) : runs;
});

export const chips = computed(() => (page.value ? chipsOf(page.value, filter.value) : []));

export function clearFilter(): void {
  filter.value = NO_FILTER;
}

const openSweep = computed(() => (page.value ? keyOf(page.value.row) : ""));
effect(() => {
  openSweep.value; // a filter belongs to one sweep
  clearFilter();
});

/** The ranges of one axis. */
export function rangesOf({ brushes }: Filter, axis: string): [number, number][] {
  return own(brushes, axis) ?? [];
}

/** Sets the ranges of one axis ("score", "cost", "index" or a parameter's path); an empty list removes them. */
export function setBrush(axis: string, ranges: [number, number][]): void {
  const brushes = { ...filter.value.brushes };
  if (ranges.length > 0) brushes[axis] = ranges;
  else delete brushes[axis];
  filter.value = { ...filter.value, brushes };
}

export function setText(text: string): void {
  filter.value = { ...filter.value, text };
}

export function setMaxCost(maxCost: number | null): void {
  filter.value = { ...filter.value, maxCost };
}
