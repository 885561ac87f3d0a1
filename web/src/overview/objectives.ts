/** Runs with a value of a further objective. */
import type { RunRow } from "../api.ts";

export type Measured = RunRow & { score: number; value: number };

/** The succeeded runs that have reported the metric, with its value. */
export function measured(runs: RunRow[], metric: string): Measured[] {
  return runs.flatMap((r) => {
    const value = Object.hasOwn(r.metrics, metric) ? r.metrics[metric] : undefined;
    return r.score === null || value === undefined ? [] : [{ ...r, score: r.score, value }];
  });
}
