/** The bar of all parts of the cost. */
import type { Layer } from "../charts/layers.ts";
import type { ColorName } from "../charts/palette.ts";
import { cost, percent, plural } from "../text/format.ts";
import type { Part } from "./parts.ts";

export const COLORS: Record<Part["kind"], ColorName> = {
  useful: "good",
  pruned: "pruned",
  wasted: "failed",
  open: "running",
  left: "line",
};
const HEIGHT = 34;
/** Between two parts, which may have the same color: this share of the bar. */
const GAP = 0.002;

/** One layer per part, side by side. */
export function barOf(parts: readonly Part[], whole: number, unit: string): Layer[] {
  let end = 0;
  return parts.map((part): Layer => {
    const start = end;
    end += part.cost;
    const text = () => [
      part.label,
      `${cost(part.cost, unit)}, ${percent(part.cost / whole)}`,
      ...(part.runs === null ? [] : [plural(part.runs, "run")]),
    ];
    return {
      kind: "bars",
      color: COLORS[part.kind],
      height: HEIGHT,
      x0: [start],
      x1: [end - GAP * whole],
      marks: [{ id: part.key, x: (start + end) / 2, y: 0, text }],
    };
  });
}
