/** The layers of the plot of score and cost. */
import type { SweepPage } from "../api.ts";
import type { Layer } from "../charts/layers.ts";
import { clamped, domainOf, type ScaleKind } from "../charts/scale.ts";
import { type Priced, sliderScale } from "./front.ts";
import { runText } from "./history.ts";
import { scatterOf } from "./scatter.ts";

interface FrontLayers {
  layers: Layer[];
  kind: ScaleKind;
  x: [number, number];
  y: [number, number];
}

export function frontLayers(page: SweepPage, runs: Priced[]): FrontLayers {
  const costs = runs.map((run) => run.cost);
  const kind = runs.length > 0 && sliderScale(costs).log ? "log10" : "linear";
  const { others, optimal, front, y } = scatterOf(
    page,
    runs.map((run) => ({ run, x: run.cost, score: run.score })),
  );
  const steps = front.sort((a, b) => a.x - b.x);
  const line: Layer = {
    kind: "line",
    color: "accent",
    step: true,
    x: steps.map((p) => p.x),
    y: steps.map((p) => clamped(p.score, y)),
  };
  return { layers: [others, line, optimal], kind, x: domainOf(kind, costs), y };
}

/** The budget, and the best run that it pays for. */
export function answerLayers(page: SweepPage, budget: number, best: Priced | null): Layer[] {
  const rule: Layer = { kind: "rule", axis: "x", at: budget, color: "ink" };
  if (!best) return [rule];
  const marks = [{ id: best.name, x: best.cost, y: best.score, text: () => runText(page, best) }];
  return [rule, { kind: "points", shape: "ring", color: "ink", size: 7, marks }];
}
