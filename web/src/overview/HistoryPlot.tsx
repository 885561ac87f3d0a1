import { useMemo } from "preact/hooks";
import type { RunRow, SweepPage } from "../api.ts";
import { opener } from "../app/router.ts";
import type { TableData } from "../charts/Panel.tsx";
import { Plot } from "../charts/Plot.tsx";
import { setBrush } from "../store/filter.ts";
import { scoreName } from "../text/quantities.ts";
import { historyOf } from "./historyLayers.ts";

const HELP =
  "Each point is a run, in the order of their numbers. The line is the best score so far. Runs in progress stand at the score that the model predicts, with an 80% interval. Failed runs and others without a score stand on the axis; the shape tells the failure class. Drag to filter.";

/** Scores over runs, with the best so far, failures and predictions. */
export function HistoryPlot({ page }: { page: SweepPage }) {
  const { layers, x, y } = useMemo(() => historyOf(page), [page]);
  return (
    <Plot
      title="History"
      help={HELP}
      x={{ label: "run", kind: "linear", domain: x, integer: true }}
      y={{ label: scoreName(page), kind: "linear", domain: y }}
      layers={layers}
      onOpen={opener(page)}
      onBrush={(box) => {
        setBrush("index", [box.x]);
        setBrush("score", [box.y]);
      }}
      empty={page.runs.length === 0 && "No run has started yet."}
      table={() => historyTable(page)}
    />
  );
}

function historyTable(page: SweepPage): TableData {
  const predicted = (r: RunRow) => [r.predicted?.score, r.predicted?.scoreLow, r.predicted?.scoreHigh];
  return {
    columns: ["Run", "State", scoreName(page), "Predicted", "Predicted low", "Predicted high", "Cost"],
    rows: page.runs.map((r) => [r.label, r.state, r.score, ...predicted(r).map((v) => v ?? null), r.cost]),
  };
}
