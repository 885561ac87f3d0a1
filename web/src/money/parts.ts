/** Where the cost of a sweep went. */
import type { RunRow, SweepPage } from "../api.ts";

export interface Part {
  key: string;
  label: string;
  cost: number;
  runs: number | null;
  kind: "useful" | "pruned" | "wasted" | "open" | "left";
}

/** The parts of the cost, without empty ones. They add up to the budget, or to the spent cost if that is more. */
export function partsOf(money: SweepPage["money"], succeeded: number): Part[] {
  const wasted = [...money.wasted].sort((a, b) => b.cost - a.cost);
  const ended = money.useful + money.pruned.cost + wasted.reduce((sum, w) => sum + w.cost, 0);
  const left = money.budget === null ? 0 : money.budget - money.spent;
  const parts: Part[] = [
    { key: "useful", label: "succeeded runs", cost: money.useful, runs: succeeded, kind: "useful" },
    { key: "pruned", label: "stopped early", cost: money.pruned.cost, runs: money.pruned.runs, kind: "pruned" },
    ...wasted.map((w): Part => {
      return { key: `wasted-${w.class}`, label: `wasted: ${w.class}`, cost: w.cost, runs: w.runs, kind: "wasted" };
    }),
    { key: "open", label: "other attempts and unfinished runs", cost: money.spent - ended, runs: null, kind: "open" },
    { key: "left", label: "left of the budget", cost: left, runs: null, kind: "left" },
  ];
  // less than a thousandth of a percent is rounding
  const least = Math.max(money.spent, money.budget ?? 0) * 1e-5;
  return parts.filter((part) => part.cost > least);
}

/** Whether the sweep reaches its number of runs before the budget is used up, if they cost as much as until now. */
export function runsComeFirst(money: SweepPage["money"], counts: SweepPage["row"]["counts"]): boolean {
  if (counts.maxRuns === null || money.budget === null || counts.finished === 0) return false;
  const each = money.spent / counts.finished;
  return money.spent + each * (counts.maxRuns - counts.finished) <= money.budget;
}

/** The runs whose cost did not lead to a result, the most expensive first. */
export function wastedRuns(runs: readonly RunRow[]): RunRow[] {
  const wasted = runs.filter((run) => (run.group === "failed" || run.group === "stopped") && (run.cost ?? 0) > 0);
  return wasted.sort((a, b) => b.cost! - a.cost!);
}

/** How often early stopping was wrong, by the runs that have continued for comparison and ended. */
export function comparisonText(compared: number, wrong: number): string {
  const runs = `${compared} ${compared === 1 ? "run" : "runs"}`;
  if (compared === 0) return "no run has ended yet, so it is unknown how often the rule is wrong";
  if (wrong === 0) return `${runs}; stopping would have been right each time`;
  return `${runs}; stopping would have been wrong ${wrong === 1 ? "once" : `${wrong} times`}, because the result is Pareto-optimal`;
}
