/** What the panel of learning curves draws: lines, forecast bands and verdicts, in data coordinates. */

import type { Curves, Forecast, RunRow } from "../api.ts";
import { own } from "../store/own.ts";

export interface Line {
  run: RunRow;
  x: readonly number[];
  y: readonly number[];
}

export type XAxis = "step" | "seconds";
export type Extent = readonly [low: number, high: number];

/**
 * At most `limit` of the runs, in their order: those in progress, the best ones, and an even choice of the others.
 * Thousands of curves cannot be told apart, and take a second to draw.
 */
export function chosenRuns(runs: readonly RunRow[], ranking: readonly string[], limit: number): readonly RunRow[] {
  if (runs.length <= limit) return runs;
  const best = new Set(ranking.slice(0, limit / 4));
  const first = runs.filter((run) => run.ended === null || best.has(run.name)).slice(0, limit);
  const kept = new Set(first);
  const others = runs.filter((run) => !kept.has(run));
  const room = limit - first.length;
  for (let i = 0; i < room; i++) kept.add(others[Math.floor((i * others.length) / room)]!);
  return runs.filter((run) => kept.has(run));
}

/** The curves of the given runs. Points that an axis cannot show are omitted. */
export function linesOf(curves: Curves, runs: readonly RunRow[], axis: XAxis, logX: boolean, logY: boolean): Line[] {
  return runs.flatMap((run) => {
    const curve = own(curves.items, run.name);
    if (!curve) return [];
    const xs: number[] = [];
    const ys: number[] = [];
    curve.value.forEach((value, at) => {
      const x = curve[axis][at];
      if (value === null || x === undefined || !Number.isFinite(value)) return;
      if ((logX && x <= 0) || (logY && value <= 0)) return;
      xs.push(x);
      ys.push(value);
    });
    return xs.length > 0 ? [{ run, x: xs, y: ys }] : [];
  });
}

export interface Band {
  run: RunRow;
  /** From the newest point to the last step. */
  from: readonly [x: number, y: number];
  to: number;
  low: number;
  middle: number;
  high: number;
  probability: number;
}

/** Forecasts by name of the run: the model's, or those that the operator has recorded. */
export type Forecasts = Readonly<Record<string, Forecast>>;

export function forecastOf(run: RunRow, forecasts: Forecasts): Forecast | null {
  return run.ended === null ? (own(forecasts, run.name) ?? run.progress?.forecast ?? null) : null;
}

/** The forecast of each run in progress: it opens at the newest point and ends at the last step. */
export function bandsOf(lines: readonly Line[], axis: XAxis, forecasts: Forecasts): Band[] {
  return lines.flatMap(({ run, x, y }) => {
    const forecast = forecastOf(run, forecasts);
    const end = run.progress && lastX(run.progress, axis, x[x.length - 1]!);
    if (!forecast || !end) return [];
    const from = [x[x.length - 1]!, y[y.length - 1]!] as const;
    const { low, high, score, probability } = forecast;
    return end > from[0] ? [{ run, from, to: end, low, middle: score, high, probability }] : [];
  });
}

function lastX(progress: NonNullable<RunRow["progress"]>, axis: XAxis, newest: number): number | null {
  if (axis === "step") return progress.maxStep;
  return progress.etaSeconds === null ? null : newest + progress.etaSeconds;
}

export interface Mark {
  run: RunRow;
  x: number;
  y: number;
  /** The value that the run needed; null if the rule had none. */
  threshold: number | null;
  shadow: boolean;
}

/** Where early stopping judged runs. Its step is known, and its time is that of the curve's last point until then. */
export function marksOf(lines: readonly Line[], curves: Curves, axis: XAxis): Mark[] {
  return lines.flatMap(({ run, x, y }) => {
    const verdict = run.verdict;
    const steps = own(curves.items, run.name)?.step;
    if (!verdict || !steps) return [];
    const at = Math.max(0, lastAtMost(axis === "step" ? x : steps, verdict.step));
    const known = Math.min(at, x.length - 1);
    return [{ run, x: x[known]!, y: y[known]!, threshold: verdict.threshold, shadow: verdict.shadow }];
  });
}

function lastAtMost(sorted: readonly number[], limit: number): number {
  return sorted.findLastIndex((value) => value <= limit);
}

/** Smallest and largest x and y of what is drawn; null without any. */
export function extentOf(
  lines: readonly Line[],
  bands: readonly Band[],
  marks: readonly Mark[],
): [Extent, Extent] | null {
  const xs: [number, number] = [Infinity, -Infinity];
  const ys: [number, number] = [Infinity, -Infinity];
  const widen = (range: [number, number], value: number) => {
    if (value < range[0]) range[0] = value;
    if (value > range[1]) range[1] = value;
  };
  for (const line of lines) {
    for (const x of line.x) widen(xs, x);
    for (const y of line.y) widen(ys, y);
  }
  for (const band of bands) {
    widen(xs, band.to);
    widen(ys, band.low);
    widen(ys, band.high);
  }
  for (const mark of marks) if (mark.threshold !== null) widen(ys, mark.threshold);
  return xs[0] <= xs[1] ? [xs, ys] : null;
}
