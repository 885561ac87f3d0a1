import { useMemo } from "preact/hooks";
import type { RunRow, SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { runHref } from "../app/routes.ts";
import type { Layer, Mark } from "../charts/layers.ts";
import { type Box, Plot } from "../charts/Plot.tsx";
import { clamped, domainOf, robustDomain } from "../charts/scale.ts";
import { setBrush } from "../store/filter.ts";
import { bestSoFar, runText } from "./history.ts";

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

function historyOf(page: SweepPage): { layers: Layer[]; x: [number, number]; y: [number, number] } {
  const groups = Map.groupBy(
    page.runs.filter((r) => r.index !== null),
    (r) => r.group,
  );
  const of = (group: RunRow["group"]) => groups.get(group) ?? [];
  const scored = (runs: RunRow[]) => runs.filter((r) => r.score !== null);
  const waiting = [...of("running"), ...of("waiting")].filter((r) => r.predicted?.score != null);
  const best = bestSoFar(page.runs, page.row.goal, (r) => r.index);
  const scores = page.runs.map((r) => r.score).filter((v) => v !== null);
  const y = robustDomain(scores, page.row.goal, [
    ...waiting.flatMap((r) => [r.predicted!.scoreLow, r.predicted!.scoreHigh]),
    page.target,
  ]);
  const marks = (runs: RunRow[], at: (r: RunRow) => number): Mark[] =>
    runs.map((r) => ({ id: r.name, x: r.index!, y: clamped(at(r), y), text: () => runText(page, r) }));
  const size = page.runs.length > 1000 ? 2 : 3;
  const layers: Layer[] = [];
  if (page.target !== null) layers.push({ kind: "rule", axis: "y", at: page.target, color: "good", label: "target" });
  add(layers, {
    kind: "points",
    shape: "dot",
    color: "muted",
    alpha: 0.7,
    label: "succeeded",
    marks: marks(scored(of("succeeded")), (r) => r.score!),
  });
  add(layers, {
    kind: "points",
    shape: "square",
    size,
    alpha: 0.8,
    color: "pruned",
    label: "stopped early",
    marks: marks(of("pruned"), (r) => r.score ?? y[0]),
  });
  add(layers, {
    kind: "points",
    shape: "cross",
    size,
    color: "failed",
    label: failureLabel(of("failed")),
    marks: marks(of("failed"), () => y[0]),
  });
  if (waiting.length > 0) {
    layers.push({
      kind: "intervals",
      color: "running",
      x: waiting.map((r) => r.index!),
      low: waiting.map((r) => r.predicted!.scoreLow ?? r.predicted!.score!),
      high: waiting.map((r) => r.predicted!.scoreHigh ?? r.predicted!.score!),
      ids: waiting.map((r) => r.name),
    });
    layers.push({
      kind: "points",
      shape: "ring",
      color: "running",
      label: "in progress, predicted",
      marks: marks(waiting, (r) => r.predicted!.score!),
    });
  }
  if (best.x.length > 0)
    layers.push({ kind: "line", color: "accent", width: 2, step: true, label: "best so far", ...best });
  return {
    layers,
    x: domainOf(
      "linear",
      page.runs.map((r) => r.index),
      0.02,
    ),
    y,
  };
}

function add(layers: Layer[], layer: Layer & { kind: "points" }): void {
  if (layer.marks.length > 0) layers.push(layer);
}

/** "failed: 3 oom, 1 nan", the most frequent class first. */
function failureLabel(runs: RunRow[]): string {
  const classes = [...Map.groupBy(runs, (r) => r.failure?.class || "unknown")].sort(
    (a, b) => b[1].length - a[1].length,
  );
  return `failed: ${classes.map(([kind, of]) => `${of.length} ${kind}`).join(", ")}`;
}
