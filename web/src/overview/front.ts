/** The front of score and cost, and the best run for a budget. */
import type { RunRow, SweepPage } from "../api.ts";

/** A run that has a score and a cost. */
export type Priced = RunRow & { score: number; cost: number };

export function priced(runs: RunRow[]): Priced[] {
  return runs.filter((r): r is Priced => r.group === "succeeded" && r.score !== null && r.cost !== null);
}

/** The best of the runs that cost at most `budget`; of equal scores the cheapest. */
export function bestWithin(runs: Priced[], goal: SweepPage["row"]["goal"], budget: number): Priced | null {
  const sign = goal === "maximize" ? 1 : -1;
  let best: Priced | null = null;
  for (const run of runs) {
    if (run.cost > budget) continue;
    const gain = best === null ? 1 : (run.score - best.score) * sign;
    if (gain > 0 || (gain === 0 && run.cost < best!.cost)) best = run;
  }
  return best;
}

/** Positions of a slider, evenly spaced on a log scale if the costs span more than a factor of 20. */
export function sliderScale(costs: number[]): { of(cost: number): number; at(position: number): number; log: boolean } {
  const [low, high] = [Math.min(...costs), Math.max(...costs)];
  const log = low > 0 && high / low > 20;
  const forward = log ? Math.log : (v: number) => v;
  const back = log ? Math.exp : (v: number) => v;
  const [from, to] = [forward(low), forward(high)];
  return {
    log,
    of: (cost) => (to > from ? Math.round((1000 * (forward(Math.max(cost, low)) - from)) / (to - from)) : 1000),
    // The last position must include the most expensive run, whatever the rounding.
    at: (position) => (position >= 1000 ? high : back(from + ((to - from) * position) / 1000)),
  };
}
