/** The layers of the history plot. */
import type { RunRow, SweepPage } from "../api.ts";
import type { Layer, Mark } from "../charts/layers.ts";
import { clamped, domainOf, robustDomain } from "../charts/scale.ts";
import { bestSoFar, runText } from "./history.ts";

export function historyOf(page: SweepPage): { layers: Layer[]; x: [number, number]; y: [number, number] } {
  const placed = page.runs.filter((r) => r.index !== null);
  const waiting = placed.filter((r) => (r.group === "running" || r.group === "waiting") && r.predicted?.score != null);
  const scores = placed.map((r) => r.score).filter((v) => v !== null);
  const ends = waiting.flatMap((r) => [r.predicted!.scoreLow, r.predicted!.scoreHigh]);
  const y = robustDomain(scores, page.row.goal, [...ends, page.target]);
  // Runs without a score stand on the axis.
  const marks = (runs: RunRow[]): Mark[] =>
    runs.map((r) => ({ id: r.name, x: r.index!, y: clamped(r.score ?? y[0], y), text: () => runText(page, r) }));
  const layers = [...ended(placed, marks), ...inProgress(page, waiting)];
  if (page.target !== null)
    layers.unshift({ kind: "rule", axis: "y", at: page.target, color: "good", label: "target" });
  const best = bestSoFar(page.runs, page.row.goal, (r) => r.index);
  if (best.x.length > 0)
    layers.push({ kind: "line", color: "accent", width: 2, step: true, label: "best so far", ...best });
  return {
    layers,
    x: domainOf(
      "linear",
      placed.map((r) => r.index),
      0.02,
    ),
    y,
  };
}

function ended(runs: RunRow[], marks: (runs: RunRow[]) => Mark[]): Layer[] {
  const of = (group: RunRow["group"]) => runs.filter((r) => r.group === group);
  const size = runs.length > 1000 ? 2 : 3;
  const failed = of("failed");
  const layers: (Layer & { kind: "points" })[] = [
    { kind: "points", shape: "dot", color: "muted", alpha: 0.7, label: "succeeded", marks: marks(of("succeeded")) },
    {
      kind: "points",
      shape: "square",
      color: "pruned",
      size,
      alpha: 0.8,
      label: "stopped early",
      marks: marks(of("pruned")),
    },
    { kind: "points", shape: "cross", color: "failed", size, label: failureLabel(failed), marks: marks(failed) },
  ];
  return layers.filter((layer) => layer.marks.length > 0);
}

/** Runs in progress, at the score that is predicted for them. */
function inProgress(page: SweepPage, runs: RunRow[]): Layer[] {
  if (runs.length === 0) return [];
  const x = runs.map((r) => r.index!);
  const low = runs.map((r) => r.predicted!.scoreLow ?? r.predicted!.score!);
  const high = runs.map((r) => r.predicted!.scoreHigh ?? r.predicted!.score!);
  const marks = runs.map((r) => ({ id: r.name, x: r.index!, y: r.predicted!.score!, text: () => runText(page, r) }));
  return [
    { kind: "intervals", color: "running", x, low, high, ids: runs.map((r) => r.name) },
    { kind: "points", shape: "ring", color: "running", label: "in progress, predicted", marks },
  ];
}

/** "failed: 3 oom, 1 nan", the most frequent class first. */
function failureLabel(runs: RunRow[]): string {
  const classes = [...Map.groupBy(runs, (r) => r.failure?.class || "unknown")].sort(
    (a, b) => b[1].length - a[1].length,
  );
  return `failed: ${classes.map(([kind, of]) => `${of.length} ${kind}`).join(", ")}`;
}
