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

/** Lines of the tooltip of a run: what it is, what was predicted, what came out, its parameters. */
export function runText(page: SweepPage, run: RunRow): string[] {
  const { predicted, failure } = run;
  const interval = predicted && `${number(predicted.scoreLow)} to ${number(predicted.scoreHigh)}`;
  return [
    run.label,
    run.state,
    ...(run.score === null ? [] : [`${scoreName(page)} ${number(run.score)}`]),
    ...(run.progress?.value == null ? [] : [`${number(run.progress.value)} at step ${number(run.progress.step)}`]),
    ...(predicted?.score == null ? [] : [`predicted ${number(predicted.score)} (80%: ${interval})`]),
    ...(run.cost === null ? [] : [`cost ${cost(run.cost, page.row.costUnit)}`]),
    ...(failure ? [`${failure.class}: ${failure.reason}`] : []),
    ...parameterLines(page, run),
  ];
}

const MOST = 8;

function parameterLines(page: SweepPage, run: RunRow): string[] {
  const set = page.parameters.slice(0, MOST).flatMap(({ label }, i) => {
    const value = run.parameters[i] ?? null;
    return value === null ? [] : [`${label} = ${scalar(value)}`];
  });
  const more = page.parameters.length - MOST;
  return more > 0 ? [...set, `and ${more} more parameters`] : set;
}
