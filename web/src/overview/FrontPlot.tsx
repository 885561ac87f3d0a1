import { useComputed, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { opener } from "../app/router.ts";
import { Plot } from "../charts/Plot.tsx";
import { passingRuns, setBrush } from "../store/filter.ts";
import { costName, scoreName } from "../text/quantities.ts";
import { BudgetSlider } from "./BudgetSlider.tsx";
import { bestWithin, priced } from "./front.ts";
import { answerLayers, frontLayers } from "./frontLayers.ts";

const HELP =
  "Score and cost of the succeeded runs. The line connects the Pareto-optimal runs: no other run is both better and cheaper. Move the slider to see the best run for a budget, of those that pass the filter. Drag to filter.";

/** Score against cost, with the Pareto front and the best run for a budget. */
export function FrontPlot({ page }: { page: SweepPage }) {
  const runs = useMemo(() => priced(page.runs), [page.runs]);
  const budget = useSignal<number | null>(null);
  const base = useMemo(() => frontLayers(page, runs), [page, runs]);
  const limit = budget.value;
  const passing = useComputed(() => priced(passingRuns.value)).value;
  const best = limit === null ? null : bestWithin(passing, page.row.goal, limit);
  const layers = useMemo(
    () => (limit === null ? base.layers : [...base.layers, ...answerLayers(page, limit, best)]),
    [base, limit, best],
  );
  return (
    <Plot
      title="Score and cost"
      help={HELP}
      x={{ label: costName(page), kind: base.kind, domain: base.x }}
      y={{ label: scoreName(page), kind: "linear", domain: base.y }}
      layers={layers}
      onOpen={opener(page)}
      onBrush={(box) => {
        setBrush("cost", [box.x]);
        setBrush("score", [box.y]);
      }}
      empty={runs.length === 0 && "No run with a score and a cost yet."}
      table={() => ({
        columns: ["Run", scoreName(page), costName(page), "Pareto-optimal"],
        rows: runs.map((r) => [r.label, r.score, r.cost, page.front.includes(r.name) ? "yes" : "no"]),
      })}
    >
      <BudgetSlider page={page} runs={runs} passing={passing} budget={budget} best={best} />
    </Plot>
  );
}
