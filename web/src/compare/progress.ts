/** The best score so far of a sweep, by finished runs or by cost. */
import type { SweepPage } from "../api.ts";

export type Measure = "runs" | "cost";

/** Steps of the best score over the runs in the order in which they ended; failed runs count and cost too. */
export function progressOf(page: SweepPage, measure: Measure): { x: number[]; y: number[] } {
  const ended = page.runs.filter((r) => r.ended !== null).sort((a, b) => a.ended!.localeCompare(b.ended!));
  const sign = page.row.goal === "maximize" ? 1 : -1;
  const steps: { x: number[]; y: number[] } = { x: [], y: [] };
  let [at, best]: [number, number | null] = [0, null];
  for (const run of ended) {
    at += measure === "runs" ? 1 : (run.cost ?? 0);
    if (run.group !== "succeeded" || run.score === null) continue;
    if (best !== null && (run.score - best) * sign <= 0) continue;
    best = run.score;
    steps.x.push(at);
    steps.y.push(best);
  }
  if (best !== null && steps.x.at(-1)! < at) {
    steps.x.push(at);
    steps.y.push(best);
  }
  return steps;
}
