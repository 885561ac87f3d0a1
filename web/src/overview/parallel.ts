/** The axes of parallel coordinates, and where each run crosses them. */
import type { RunRow, SweepPage } from "../api.ts";
import { domainOf, fits, makeScale, robustDomain, type Scale } from "../charts/scale.ts";
import { axisLabel, reader } from "../store/selection.ts";

export interface ParallelAxis {
  /** "cost", "score", or a parameter's path: the filter's name of the axis. */
  id: string;
  label: string;
  scale: Scale;
  read: (run: RunRow) => number | null;
  /** Some runs do not have this value; their lines pass below the axis. */
  optional: boolean;
}

export const HEIGHT = 260;
export const MARGINS = { left: 46, right: 46, top: 44, bottom: 26 };
export const ABSENT_GAP = 14;

export function axesOf(page: SweepPage, height: number): ParallelAxis[] {
  const parameters = page.parameters.map((p): ParallelAxis => {
    const read = reader(page, p.path);
    const kind = p.values ? "category" : p.axis;
    const values = page.runs.map(read);
    const bounds = p.min !== null && p.max !== null && fits(kind, p.min) && fits(kind, p.max) ? [p.min, p.max] : [];
    const domain = p.values
      ? ([-0.5, p.values.length - 0.5] as [number, number])
      : domainOf(kind, [...values, ...bounds], 0.02);
    const scale = makeScale(kind, domain, [height, 0], p.values ? height / 14 : 6, p.values ?? []);
    return { id: p.path, label: p.label, scale, read, optional: values.includes(null) };
  });
  return [...parameters, outcome(page, "cost", height), outcome(page, "score", height)];
}

function outcome(page: SweepPage, id: "cost" | "score", height: number): ParallelAxis {
  const read = reader(page, id);
  const values = page.runs.map(read);
  const known = values.filter((v) => v !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const log = id === "cost" && low > 0 && high / low > 20;
  const domain =
    id === "score" ? robustDomain(known, page.row.goal, [], 0.02) : domainOf(log ? "log10" : "linear", known, 0.02);
  const scale = makeScale(log ? "log10" : "linear", domain, [height, 0], 6);
  return { id, label: axisLabel(page, id), scale, read, optional: values.includes(null) };
}

/** Pixels from the top at which each run crosses each axis: runs after runs. */
export function crossings(runs: RunRow[], axes: ParallelAxis[], height: number): Float32Array {
  const at = new Float32Array(runs.length * axes.length);
  runs.forEach((run, r) => {
    axes.forEach((axis, a) => {
      const value = axis.read(run);
      const y = value === null ? Number.NaN : axis.scale.of(value);
      at[r * axes.length + a] = Number.isFinite(y) ? Math.max(0, Math.min(height, y)) : height + ABSENT_GAP;
    });
  });
  return at;
}

/** For each run its place among the scored ones: 0 the worst, 1 the best; null without a score. */
export function shares(page: SweepPage): Map<string, number> {
  const last = Math.max(1, page.ranking.length - 1);
  return new Map(page.ranking.map((name, i) => [name, 1 - i / last]));
}
