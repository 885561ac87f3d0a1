/** Layers of predicted against observed values. */
import type { SweepPage } from "../api.ts";
import type { Layer, Mark } from "../charts/layers.ts";
import { amount } from "../text/quantities.ts";
import type { Comparison } from "./calibration.ts";

type Quantity = "score" | "cost";

/** The points with their intervals, and the diagonal over the domain of the observed values. */
export function calibrationLayers(
  page: SweepPage,
  found: Comparison[],
  of: Quantity,
  domain: [number, number],
): Layer[] {
  const part = (inside: boolean, label: string, style: Style) => {
    const some = found.filter((c) => c.inside === inside);
    return partLayers(
      some,
      some.map((c) => markOf(page, c, of)),
      label,
      style,
    );
  };
  return [
    { kind: "line", color: "muted", x: [...domain], y: [...domain], width: 1, dash: [4, 3] },
    ...part(true, "inside the interval", { color: "good", shape: "dot" }),
    ...part(false, "outside", { color: "failed", shape: "cross" }),
  ];
}

interface Style {
  color: "good" | "failed";
  shape: "dot" | "cross";
}

function partLayers(some: Comparison[], marks: Mark[], label: string, { color, shape }: Style): Layer[] {
  return [
    {
      kind: "intervals",
      color,
      alpha: some.length > 500 ? 0.12 : 0.45,
      x: some.map((c) => c.observed),
      low: some.map((c) => c.low),
      high: some.map((c) => c.high),
      ids: some.map((c) => c.run.name),
    },
    { kind: "points", color, shape, label, size: some.length > 500 ? 2 : 3, marks },
  ];
}

function markOf(page: SweepPage, { run, predicted, low, high, observed, inside }: Comparison, of: Quantity): Mark {
  const show = (value: number) => amount(page, of, value);
  const text = () => [
    `Run ${run.label}`,
    `predicted ${show(predicted)} (80%: ${show(low)} to ${show(high)})`,
    `observed ${show(observed)}: ${inside ? "inside" : "outside"}`,
  ];
  return { id: run.name, x: observed, y: predicted, text };
}
