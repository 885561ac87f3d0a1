/** Which runs pass a filter: pure, and linear in the number of runs. */
import type { Parameter, RunRow, Scalar, SweepPage } from "../api.ts";
import { cost, number, scalar } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";

export interface Filter {
  /** Ranges per axis, in data units; a run passes if its value lies in one of them. */
  brushes: Record<string, [number, number][]>;
  text: string;
  maxCost: number | null;
}

export const NO_FILTER: Filter = { brushes: {}, text: "", maxCost: null };

export function isActive(filter: Filter): boolean {
  return Object.keys(filter.brushes).length > 0 || filter.text.trim() !== "" || filter.maxCost !== null;
}

/** Position of a value on its axis: categories by their place in the list. */
export function positionOf(parameter: Parameter, value: Scalar | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  if (parameter.values) {
    const index = parameter.values.indexOf(value);
    return index < 0 ? null : index;
  }
  return typeof value === "number" ? value : null;
}

/** Reads an axis' value from a run: "score", "cost", "index", or a parameter's path. */
export function reader(page: SweepPage, axis: string): (run: RunRow) => number | null {
  if (axis === "score") return (run) => run.score;
  if (axis === "cost") return (run) => run.cost;
  if (axis === "index") return (run) => run.index;
  const index = page.parameters.findIndex((p) => p.path === axis);
  const parameter = page.parameters[index];
  return parameter ? (run) => positionOf(parameter, run.parameters[index]) : () => null;
}

export function passing(page: SweepPage, filter: Filter): Set<string> {
  const axes = Object.entries(filter.brushes).map(([axis, ranges]) => ({ read: reader(page, axis), ranges }));
  const words = wordsOf(filter.text);
  const names = new Set<string>();
  for (const run of page.runs) {
    if (filter.maxCost !== null && (run.cost === null || run.cost > filter.maxCost)) continue;
    if (!axes.every(({ read, ranges }) => inRanges(read(run), ranges))) continue;
    if (words.length > 0 && !matches(run, words)) continue;
    names.add(run.name);
  }
  return names;
}

/** The words of a text filter, all of which must occur. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

function inRanges(value: number | null, ranges: [number, number][]): boolean {
  return value !== null && ranges.some(([low, high]) => value >= low && value <= high);
}

function matches(run: RunRow, words: string[]): boolean {
  const failure = run.failure ? `${run.failure.class} ${run.failure.reason} ${run.failure.message}` : "";
  const text =
    `${run.name} ${run.label} ${run.state} ${run.group} ${run.origin} ${failure} ${run.parameters.join(" ")}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

export interface Chip {
  axis: string;
  text: string;
}

/** What the filter says, one chip per part. */
export function chipsOf(page: SweepPage, filter: Filter): Chip[] {
  const chips = Object.entries(filter.brushes).map(([axis, ranges]) => ({
    axis,
    text: `${axisLabel(page, axis)}: ${ranges.map((r) => rangeText(page, axis, r)).join(" or ")}`,
  }));
  if (filter.text.trim()) chips.push({ axis: "text", text: `contains “${filter.text.trim()}”` });
  if (filter.maxCost !== null)
    chips.push({ axis: "maxCost", text: `cost at most ${cost(filter.maxCost, page.row.costUnit)}` });
  return chips;
}

export function axisLabel(page: SweepPage, axis: string): string {
  if (axis === "score") return scoreName(page);
  if (axis === "index") return "run";
  return page.parameters.find((p) => p.path === axis)?.label ?? axis;
}

function rangeText(page: SweepPage, axis: string, [low, high]: [number, number]): string {
  const values = page.parameters.find((p) => p.path === axis)?.values;
  if (values)
    return (
      values
        .filter((_, i) => i >= low && i <= high)
        .map(scalar)
        .join(", ") || "none"
    );
  if (axis === "index") return `${number(Math.ceil(low))} – ${number(Math.floor(high))}`;
  const show = axis === "cost" ? (v: number) => cost(v, page.row.costUnit) : (v: number) => number(v, 3);
  return `${show(low)} – ${show(high)}`;
}
