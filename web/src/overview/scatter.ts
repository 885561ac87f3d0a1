/** Layers of plots of the score against something else: the Pareto-optimal runs, and the other ones. */
import type { RunRow, SweepPage } from "../api.ts";
import { faint, type Layer, type Mark } from "../charts/layers.ts";
import { clamped, robustDomain } from "../charts/scale.ts";
import { runText } from "./history.ts";

export interface Point {
  run: RunRow;
  x: number;
  score: number;
}

export interface Scatter {
  others: Layer;
  optimal: Layer;
  /** The Pareto-optimal points. */
  front: Point[];
  /** Domain of the score. */
  y: [number, number];
}

export function scatterOf(page: SweepPage, points: Point[]): Scatter {
  const y = robustDomain(
    points.map((p) => p.score),
    page.row.goal,
    [],
  );
  const front = new Set(page.front);
  const mark = ({ run, x, score }: Point): Mark => ({
    id: run.name,
    x,
    y: clamped(score, y),
    text: () => runText(page, run),
  });
  const [others, optimal] = [false, true].map((wanted) => points.filter(({ run }) => front.has(run.name) === wanted));
  return {
    others: {
      kind: "points",
      shape: "dot",
      color: "muted",
      alpha: faint(points),
      label: "succeeded",
      marks: others!.map(mark),
    },
    optimal: {
      kind: "points",
      shape: "diamond",
      color: "accent",
      size: 4,
      label: "Pareto-optimal",
      marks: optimal!.map(mark),
    },
    front: optimal!,
    y,
  };
}
