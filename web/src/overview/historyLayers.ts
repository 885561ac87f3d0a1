/** The layers of the history plot. */

import type { RunRow, SweepPage } from "../api.ts";
import { faint, type Layer, type Mark } from "../charts/layers.ts";
import { clamped, domainOf, robustDomain } from "../charts/scale.ts";
import type { Shape } from "../charts/shapes.ts";
import { own } from "../store/own.ts";
import { bestSoFar, runText } from "./history.ts";

type Points = Layer & { kind: "points" };

/** Shapes of the failure classes. A class that is not listed has a cross. */
const FAILURES: Readonly<Record<string, Shape>> = {
  parameters: "cross",
  crash: "up",
  eval: "down",
  preempted: "plus",
  infrastructure: "dash",
  timeout: "hourglass",
  silent: "ring",
};

export function historyOf(page: SweepPage): { layers: Layer[]; x: [number, number]; y: [number, number] } {
  const placed = page.runs.filter((r) => r.index !== null);
  const waiting = placed.filter((r) => r.group === "running" || r.group === "waiting");
  const scores = placed.map((r) => r.score).filter((v) => v !== null);
  const ends = waiting.flatMap((r) => [r.predicted?.scoreLow, r.predicted?.scoreHigh]);
  const y = robustDomain(scores, page.row.goal, [...ends, page.target]);
  // Runs without a score or a prediction stand on the axis.
  const place = (r: RunRow) => clamped(r.score ?? (r.ended === null ? r.predicted?.score : null) ?? y[0], y);
  const marks = (runs: RunRow[]): Mark[] =>
    runs.map((r) => ({ id: r.name, x: r.index!, y: place(r), text: () => runText(page, r) }));
  const layers = [...targetLayers(page), ...ended(placed, marks), ...inProgress(waiting, marks)];
  const best = bestSoFar(page.runs, page.row.goal, (r) => r.index);
  if (best.x.length > 0)
    layers.push({ kind: "line", color: "accent", width: 2, step: true, label: "best so far", ...best });
  const indices = placed.map((r) => r.index);
  return { layers, x: domainOf("linear", indices, 0.02), y };
}

function targetLayers({ target }: SweepPage): Layer[] {
  return target === null ? [] : [{ kind: "rule", axis: "y", at: target, color: "good", label: "target" }];
}

function ended(runs: RunRow[], marks: (runs: RunRow[]) => Mark[]): Layer[] {
  const size = runs.length > 1000 ? 2 : 3;
  const points = (group: RunRow["group"], style: Omit<Points, "kind" | "marks">): Points[] => {
    const own = runs.filter((r) => r.group === group);
    return own.length > 0 ? [{ kind: "points", ...style, marks: marks(own) }] : [];
  };
  return [
    ...points("succeeded", { shape: "dot", color: "muted", alpha: faint(runs), label: "succeeded" }),
    ...points("pruned", { shape: "square", color: "pruned", size, alpha: 0.8, label: "stopped early" }),
    ...points("stopped", { shape: "square", color: "waiting", size, alpha: 0.8, label: "stopped by a person" }),
    ...failures(runs, size + 0.5, marks),
  ];
}

/** Failed runs, a layer for each class. The most frequent class comes first. */
function failures(runs: RunRow[], size: number, marks: (runs: RunRow[]) => Mark[]): Points[] {
  const classes = Map.groupBy(
    runs.filter((r) => r.group === "failed"),
    (r) => r.failure?.class || "unknown",
  );
  const ordered = [...classes].sort((a, b) => b[1].length - a[1].length);
  return ordered.map(([kind, of]) => ({
    kind: "points",
    shape: own(FAILURES, kind) ?? "cross",
    color: "failed",
    size,
    label: `failed: ${of.length} ${kind}`,
    marks: marks(of),
  }));
}

/** Runs in progress, at the score that is predicted for them. */
function inProgress(runs: RunRow[], marks: (runs: RunRow[]) => Mark[]): Layer[] {
  if (runs.length === 0) return [];
  const known = runs.filter((r) => r.predicted?.score != null);
  const low = known.map((r) => r.predicted!.scoreLow ?? r.predicted!.score!);
  const high = known.map((r) => r.predicted!.scoreHigh ?? r.predicted!.score!);
  const x = known.map((r) => r.index!);
  const label = known.length > 0 ? "in progress, predicted" : "in progress";
  return [
    { kind: "intervals", color: "running", x, low, high, ids: known.map((r) => r.name) },
    { kind: "points", shape: "ring", color: "running", label, marks: marks(runs) },
  ];
}
