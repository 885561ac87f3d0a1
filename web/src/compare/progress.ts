/** The best score so far of a sweep, by finished runs or by cost. */
import type { SweepPage } from "../api.ts";
import type { Layer } from "../charts/layers.ts";
import { seriesColor } from "../charts/series.ts";
import { cost, number } from "../text/format.ts";

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

const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 2]];

/** Lines differ in their dashes too, not only in color. */
export const dashOf = (index: number): number[] => DASHES[index % DASHES.length]!;
export const nameOf = (page: SweepPage): string => page.row.displayName || page.row.name;

/** A line and its points for each sweep. */
export function seriesLayers(pages: SweepPage[], series: { x: number[]; y: number[] }[], measure: Measure): Layer[] {
  const place = (page: SweepPage, x: number) =>
    measure === "runs" ? `after ${number(x)} runs` : `after spending ${cost(x, page.row.costUnit)}`;
  return series.flatMap(({ x, y }, i): Layer[] => {
    const [page, color] = [pages[i]!, seriesColor(i)];
    const marks = x.map((at, k) => ({
      id: `${i} ${k}`,
      x: at,
      y: y[k]!,
      text: () => [nameOf(page), `best ${number(y[k])}`, place(page, at)],
    }));
    return [
      { kind: "line", step: true, width: 2, color, dash: dashOf(i), label: nameOf(page), x, y },
      { kind: "points", shape: "dot", size: 2.5, color, marks },
    ];
  });
}
