/** Scales: data to pixels and back, with ticks. */
import { ticks as linearTicks, quantileSorted } from "d3-array";
import type { Scalar } from "../api.ts";
import { duration, number, scalar } from "../text/format.ts";

export type ScaleKind = "linear" | "log10" | "log2" | "logit" | "category" | "seconds" | "time";

export interface Tick {
  value: number;
  label: string;
}

export interface Scale {
  kind: ScaleKind;
  domain: [number, number];
  /** Pixel of a value; NaN outside what the scale can show (zero on a log axis). */
  of(value: number): number;
  invert(pixel: number): number;
  ticks: Tick[];
}

const identity = (v: number) => v;
const TRANSFORMS: Record<ScaleKind, { forward: (v: number) => number; back: (v: number) => number }> = {
  linear: { forward: identity, back: identity },
  seconds: { forward: identity, back: identity },
  time: { forward: identity, back: identity },
  category: { forward: identity, back: identity },
  log10: { forward: Math.log10, back: (v) => 10 ** v },
  log2: { forward: Math.log2, back: (v) => 2 ** v },
  logit: { forward: (v) => Math.log(v / (1 - v)), back: (v) => 1 / (1 + Math.exp(-v)) },
};

/** True if the scale can show the value. */
export function fits(kind: ScaleKind, value: number): boolean {
  return Number.isFinite(TRANSFORMS[kind].forward(value));
}

/** The smallest domain that shows all values, widened by `pad` of its length on the transformed axis. */
export function domainOf(kind: ScaleKind, values: Iterable<number | null | undefined>, pad = 0.04): [number, number] {
  const { forward, back } = TRANSFORMS[kind];
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value === null || value === undefined) continue;
    const at = forward(value);
    if (!Number.isFinite(at)) continue;
    if (at < low) low = at;
    if (at > high) high = at;
  }
  if (low > high) return kind === "logit" ? [0.1, 0.9] : kind.startsWith("log") ? [1, 10] : [0, 1];
  const margin = high > low ? (high - low) * pad : Math.max(Math.abs(low) * 0.1, 0.5);
  return [back(low - margin), back(high + margin)];
}

/**
 * A domain that far outliers on the bad side do not stretch: it ends three times the distance between the 10th and 90th
 * percentiles beyond them. Values outside are drawn at its end. `keep` is always inside.
 */
export function robustDomain(
  values: number[],
  better: "maximize" | "minimize",
  keep: (number | null | undefined)[],
  pad = 0.06,
): [number, number] {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const [low, high] = [quantileSorted(sorted, 0.1) ?? 0, quantileSorted(sorted, 0.9) ?? 0];
  const reach = 3 * (high - low);
  const shown =
    sorted.length < 8 || reach === 0
      ? sorted
      : sorted.filter((v) => (better === "maximize" ? v >= low - reach : v <= high + reach));
  return domainOf("linear", [...shown, ...keep], pad);
}

/** The value, or the end of the domain that it is beyond. */
export function clamped(value: number, [low, high]: [number, number]): number {
  return Math.min(high, Math.max(low, value));
}

export function makeScale(
  kind: ScaleKind,
  domain: [number, number],
  range: [number, number],
  count: number,
  values?: Scalar[],
): Scale {
  const { forward, back } = TRANSFORMS[kind];
  const [from, to] = [forward(domain[0]), forward(domain[1])];
  const factor = (range[1] - range[0]) / (to - from || 1);
  return {
    kind,
    domain,
    of: (value) => range[0] + (forward(value) - from) * factor,
    invert: (pixel) => back(from + (pixel - range[0]) / factor),
    ticks: ticksOf(kind, domain, Math.max(2, count), values),
  };
}

export function ticksOf(kind: ScaleKind, domain: [number, number], count: number, values?: Scalar[]): Tick[] {
  const [low, high] = domain;
  if (kind === "category") {
    const labels = (values ?? []).map((value, i) => ({ value: i, label: scalar(value) }));
    const every = Math.ceil(labels.length / Math.max(1, count));
    return labels.filter((t) => t.value % every === 0);
  }
  if (kind === "log10" || kind === "log2") return logTicks(kind === "log2" ? 2 : 10, low, high, count);
  if (kind === "logit") return logitTicks(low, high, count);
  if (kind === "seconds") return stepTicks(low, high, count, DURATIONS, duration);
  if (kind === "time") return timeTicks(low, high, count);
  return linearTicks(low, high, count).map((value) => ({ value, label: number(value) }));
}

function logTicks(base: number, low: number, high: number, count: number): Tick[] {
  const log = (v: number) => Math.log(v) / Math.log(base);
  const [first, last] = [Math.ceil(log(low) - 1e-9), Math.floor(log(high) + 1e-9)];
  const powers = last - first + 1;
  const steps = base === 2 ? [1] : ([[1], [1, 3], [1, 2, 5]].findLast((m) => m.length * powers <= count) ?? [1]);
  if (powers < 2 && (base === 10 || powers < 1))
    return linearTicks(low, high, count).map((value) => ({ value, label: number(value, 3) }));
  const every = Math.max(1, Math.ceil(powers / count));
  const ticks: Tick[] = [];
  for (let power = first - 1; power <= last; power += 1) {
    if ((power - first) % every !== 0) continue;
    for (const step of steps) {
      const value = step * base ** power;
      if (value >= low * 0.999999 && value <= high * 1.000001) ticks.push({ value, label: number(value, 3) });
    }
  }
  return ticks;
}

/** Distances from 0 and 1 that people write: 0.5, 0.9, 0.99, 0.999. */
function logitTicks(low: number, high: number, count: number): Tick[] {
  const candidates: number[] = [0.5];
  for (let power = 1; power <= 7; power += 1) candidates.push(10 ** -power, 1 - 10 ** -power);
  for (const share of [0.2, 0.05, 0.02, 0.005, 0.002]) candidates.push(share, 1 - share);
  let inside = candidates.filter((v) => v >= low && v <= high).sort((a, b) => a - b);
  if (inside.length < 2) inside = linearTicks(low, high, count);
  const every = Math.ceil(inside.length / count);
  return inside
    .filter((_, i) => i % every === 0)
    .map((value) => ({ value, label: String(Number(value.toPrecision(7))) }));
}

const DURATIONS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
];

function stepTicks(low: number, high: number, count: number, steps: number[], label: (v: number) => string): Tick[] {
  const step =
    steps.find((s) => (high - low) / s <= count) ?? steps.at(-1)! * Math.ceil((high - low) / count / steps.at(-1)!);
  if (high - low < 2) return linearTicks(low, high, count).map((value) => ({ value, label: label(value) }));
  const ticks: Tick[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step)
    ticks.push({ value, label: label(value) });
  return ticks;
}

/** Milliseconds since the epoch, at round local times. */
function timeTicks(low: number, high: number, count: number): Tick[] {
  const offset = new Date(low).getTimezoneOffset() * 60_000;
  const days = high - low > 86_400_000 * count;
  const label = (v: number) => {
    const date = new Date(v + offset);
    const day = date.toLocaleDateString("en-US", { month: "short", day: "numeric" });
    return days || date.getHours() + date.getMinutes() + date.getSeconds() === 0
      ? day
      : date.toLocaleTimeString("en-US", {
          hour: "2-digit",
          minute: "2-digit",
          hourCycle: "h23",
          ...(high - low < 600_000 ? { second: "2-digit" } : {}),
        });
  };
  const steps = DURATIONS.map((s) => s * 1000);
  return stepTicks(low - offset, high - offset, count, steps, label).map((t) => ({ ...t, value: t.value + offset }));
}
