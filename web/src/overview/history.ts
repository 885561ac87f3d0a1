/** The best score so far, and what the history plot shows of each run. */
import type { RunRow, SweepPage } from "../api.ts";
import { cost, number, scalar } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";

/** Steps of the best score so far, over runs in the order that `position` gives. */
export function bestSoFar(
  runs: RunRow[],
  goal: "maximize" | "minimize",
  position: (run: RunRow) => number | null,
): { x: number[]; y: number[] } {
  const better = goal === "maximize" ? (a: number, b: number) => a > b : (a: number, b: number) => a < b;
  const placed = runs
    .filter((run) => run.group === "succeeded" && run.score !== null && position(run) !== null)
    .map((run) => ({ x: position(run)!, y: run.score! }))
    .sort((a, b) => a.x - b.x);
  const steps: { x: number[]; y: number[] } = { x: [], y: [] };
  let best: number | null = null;
  for (const { x, y } of placed) {
    if (best !== null && !better(y, best)) continue;
    best = y;
    steps.x.push(x);
    steps.y.push(y);
  }
  const last = placed.at(-1)?.x;
  if (best !== null && last !== undefined && steps.x.at(-1) !== last) {
    steps.x.push(last);
    steps.y.push(best);
  }
  return steps;
}

/** Lines of the tooltip of a run: what it is, what came out, its parameters. */
export function runText(page: SweepPage, run: RunRow): string[] {
  const lines = [run.label, run.state];
  if (run.score !== null) lines.push(`${scoreName(page)} ${number(run.score)}`);
  else if (run.predicted?.score != null)
    lines.push(
      `predicted ${number(run.predicted.score)} (${number(run.predicted.scoreLow)} to ${number(run.predicted.scoreHigh)})`,
    );
  if (run.cost !== null) lines.push(`cost ${cost(run.cost, page.row.costUnit)}`);
  if (run.failure) lines.push(`${run.failure.class}: ${run.failure.reason}`);
  for (const [i, parameter] of page.parameters.slice(0, 8).entries()) {
    const value = run.parameters[i];
    if (value !== null && value !== undefined) lines.push(`${parameter.label} = ${scalar(value)}`);
  }
  if (page.parameters.length > 8) lines.push(`and ${page.parameters.length - 8} more parameters`);
  return lines;
}
