import { useMemo } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { runHref } from "../app/routes.ts";
import { type Box, Plot } from "../charts/Plot.tsx";
import { setBrush } from "../store/filter.ts";
import { historyOf } from "./historyLayers.ts";

const HELP =
  "Each point is a run, in the order of their numbers. The line is the best score so far. Runs in progress stand at the score that the model predicts, with an 80% interval. Runs without a score, such as failed ones, stand on the axis. Drag to filter.";

/** Scores over runs, with the best so far, failures and predictions. */
export function HistoryPlot({ page }: { page: SweepPage }) {
  const { layers, x, y } = useMemo(() => historyOf(page), [page]);
  const { namespace, name, metric } = page.row;
  return (
    <Plot
      title="History"
      help={HELP}
      x={{ label: "run", kind: "linear", domain: x, integer: true }}
      y={{ label: metric || "score", kind: "linear", domain: y }}
      layers={layers}
      onOpen={(run) => go(runHref(namespace, name, run))}
      onBrush={(box: Box) => {
        setBrush("index", [box.x]);
        setBrush("score", [box.y]);
      }}
      empty={page.runs.length === 0 && "No run has started yet."}
      table={() => ({
        columns: ["Run", "State", metric || "Score", "Predicted", "Predicted low", "Predicted high", "Cost"],
        rows: page.runs.map((r) => [
          r.label,
          r.state,
          r.score,
          r.predicted?.score ?? null,
          r.predicted?.scoreLow ?? null,
          r.predicted?.scoreHigh ?? null,
          r.cost,
        ]),
      })}
    />
  );
}
