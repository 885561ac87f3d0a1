/** Predicted against observed values of finished runs. */
import type { RunRow } from "../api.ts";
import { number } from "../text/format.ts";

export interface Comparison {
  run: RunRow;
  predicted: number;
  low: number;
  high: number;
  observed: number;
  inside: boolean;
}

/** The runs whose score (or cost) was predicted with an interval, and has been observed. */
export function comparisons(runs: readonly RunRow[], of: "score" | "cost"): Comparison[] {
  return runs.flatMap((run) => {
    const predicted = run.predicted?.[of] ?? null;
    const low = run.predicted?.[`${of}Low`] ?? null;
    const high = run.predicted?.[`${of}High`] ?? null;
    const observed = run[of];
    if (run.group !== "succeeded" || predicted === null || low === null || high === null || observed === null)
      return [];
    return [{ run, predicted, low, high, observed, inside: observed >= low && observed <= high }];
  });
}

/** What the calibration means, in words. Of few comparisons nothing is concluded. */
export function judgment(found: readonly Comparison[]): string {
  if (found.length === 0) return "No finished run was predicted by the model yet.";
  const inside = found.filter((c) => c.inside).length;
  const share = `${number(inside)} of ${number(found.length)} results lie within their 80% interval`;
  if (found.length < 10) return `${share}. Ten are needed to judge the model.`;
  // two standard deviations of a binomial share of 0.8
  const slack = 2 * Math.sqrt(0.16 / found.length);
  if (inside / found.length < 0.8 - slack) return `${share}. The model is too sure of itself.`;
  if (inside / found.length > 0.8 + slack) return `${share}. The intervals are wider than necessary.`;
  return `${share}, as expected.`;
}
