import { useComputed, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { runHref } from "../app/routes.ts";
import type { Layer, Mark } from "../charts/layers.ts";
import { Plot } from "../charts/Plot.tsx";
import { clamped, domainOf, robustDomain } from "../charts/scale.ts";
import { setBrush } from "../store/filter.ts";
import { visible } from "../text/format.ts";
import { BudgetSlider } from "./BudgetSlider.tsx";
import { bestWithin, type Priced, priced, sliderScale } from "./front.ts";
import { runText } from "./history.ts";

const HELP =
  "Score and cost of the succeeded runs. The line connects the Pareto-optimal runs: no other run is both better and cheaper. Move the slider to see the best run for a budget. Drag to filter.";

/** Score against cost, with the Pareto front and the best run for a budget. */
export function FrontPlot({ page }: { page: SweepPage }) {
  const { namespace, name, goal, metric, costUnit } = page.row;
  const runs = useMemo(() => priced(page.runs), [page.runs]);
  const budget = useSignal<number | null>(null);
  const base = useMemo(() => frontOf(page, runs), [page, runs]);
  const found = useComputed(() => budget.value).value;
  const best = found === null ? null : bestWithin(runs, goal, found);
  const layers = useMemo(
    () => (found === null ? base.layers : [...base.layers, ...answerLayers(page, found, best)]),
    [base, found, best],
  );
  return (
    <Plot
      title="Score and cost"
      help={HELP}
      x={{ label: `cost (${visible(costUnit, 20)})`, kind: base.log ? "log10" : "linear", domain: base.x }}
      y={{ label: metric || "score", kind: "linear", domain: base.y }}
      layers={layers}
      onOpen={(run) => go(runHref(namespace, name, run))}
      onBrush={(box) => {
        setBrush("cost", [box.x]);
        setBrush("score", [box.y]);
      }}
      empty={runs.length === 0 && "No run with a score and a cost yet."}
      table={() => ({
        columns: ["Run", metric || "Score", `Cost (${costUnit})`, "Pareto-optimal"],
        rows: runs.map((r) => [r.label, r.score, r.cost, page.front.includes(r.name) ? "yes" : "no"]),
      })}
    >
      <BudgetSlider page={page} runs={runs} budget={budget} best={best} />
    </Plot>
  );
}

function frontOf(
  page: SweepPage,
  runs: Priced[],
): { layers: Layer[]; x: [number, number]; y: [number, number]; log: boolean } {
  const costs = runs.map((r) => r.cost);
  const log = runs.length > 0 && sliderScale(costs).log;
  const y = robustDomain(
    runs.map((r) => r.score),
    page.row.goal,
    [],
  );
  const front = new Set(page.front);
  const mark = (r: Priced): Mark => ({ id: r.name, x: r.cost, y: clamped(r.score, y), text: () => runText(page, r) });
  const optimal = runs.filter((r) => front.has(r.name)).sort((a, b) => a.cost - b.cost);
  return {
    layers: [
      {
        kind: "points",
        shape: "dot",
        color: "muted",
        alpha: 0.6,
        label: "succeeded",
        marks: runs.filter((r) => !front.has(r.name)).map(mark),
      },
      {
        kind: "line",
        color: "accent",
        step: true,
        x: optimal.map((r) => r.cost),
        y: optimal.map((r) => clamped(r.score, y)),
      },
      { kind: "points", shape: "diamond", color: "accent", size: 4, label: "Pareto-optimal", marks: optimal.map(mark) },
    ],
    x: domainOf(log ? "log10" : "linear", costs),
    y,
    log,
  };
}

function answerLayers(page: SweepPage, budget: number, best: Priced | null): Layer[] {
  const rule: Layer = { kind: "rule", axis: "x", at: budget, color: "ink" };
  if (!best) return [rule];
  const marks = [{ id: best.name, x: best.cost, y: best.score, text: () => runText(page, best) }];
  return [rule, { kind: "points", shape: "ring", color: "ink", size: 7, marks }];
}
