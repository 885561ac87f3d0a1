/** A map of colors on a canvas. */
import type { View } from "./draw.ts";
import type { Layer } from "./layers.ts";

type Grid = Layer & { kind: "grid" };

export function drawGrid(context: CanvasRenderingContext2D, layer: Grid, view: View): void {
  const [xs, ys] = [layer.x.map(view.x.of), layer.y.map(view.y.of)];
  context.beginPath();
  context.rect(0, 0, view.width, view.height);
  context.clip();
  if (layer.smooth) drawSmooth(context, layer, view, [xs, ys]);
  else drawCells(context, layer, edges(xs), edges(ys));
}

/** Pixels of a smooth map that have one color. */
const DOT = 4;

/** Each dot has the value between the four nearest centers. */
function drawSmooth(
  context: CanvasRenderingContext2D,
  layer: Grid,
  { width, height }: View,
  centers: number[][],
): void {
  const colorOf = coloring(layer);
  const places = ([own, length]: [number[], number]) =>
    Array.from({ length: Math.ceil(length / DOT) }, (_, i) => placeAmong(own, (i + 0.5) * DOT));
  const [columns, rows] = [places([centers[0]!, width]), places([centers[1]!, height])];
  rows.forEach((row, r) => {
    columns.forEach((column, c) => {
      context.fillStyle = colorOf(valueAt(layer.values, row, column));
      context.fillRect(c * DOT, r * DOT, DOT, DOT);
    });
  });
}

/** Between two centers: the index of the first, and the share of the way to the second. */
type Place = readonly [index: number, share: number];

function placeAmong(centers: number[], pixel: number): Place {
  const rises = centers.at(-1)! > centers[0]!;
  const after = centers.findIndex((center) => (rises ? center >= pixel : center <= pixel));
  if (after === 0 || centers.length === 1) return [0, 0];
  if (after < 0) return [centers.length - 2, 1];
  return [after - 1, (pixel - centers[after - 1]!) / (centers[after]! - centers[after - 1]!)];
}

function valueAt(values: number[][], [r, below]: Place, [c, right]: Place): number {
  const along = (row: number[]) => row[c]! + (right > 0 ? right * (row[c + 1]! - row[c]!) : 0);
  const first = along(values[r]!);
  return first + (below > 0 ? below * (along(values[r + 1]!) - first) : 0);
}

function drawCells(context: CanvasRenderingContext2D, layer: Grid, xs: number[], ys: number[]): void {
  const colorOf = coloring(layer);
  layer.values.forEach((row, r) => {
    const [top, bottom] = [Math.min(ys[r]!, ys[r + 1]!), Math.max(ys[r]!, ys[r + 1]!)];
    row.forEach((value, c) => {
      const [left, right] = [Math.min(xs[c]!, xs[c + 1]!), Math.max(xs[c]!, xs[c + 1]!)];
      context.fillStyle = colorOf(value);
      context.fillRect(Math.floor(left), Math.floor(top), Math.ceil(right - left), Math.ceil(bottom - top));
    });
  });
}

/** The color of a value; not a number is transparent. */
function coloring({ values, colors }: Grid): (value: number) => string {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values.flat().filter(Number.isFinite)) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return (value) => {
    const share = high > low ? (value - low) / (high - low) : 0.5;
    return Number.isFinite(value) ? colors[Math.round(share * (colors.length - 1))]! : "transparent";
  };
}

/** Borders of cells around their centers. */
function edges(centers: number[]): number[] {
  const inner = centers.slice(1).map((c, i) => (c + centers[i]!) / 2);
  const first = centers[0] ?? 0;
  const last = centers.at(-1) ?? 0;
  return [2 * first - (inner[0] ?? first - 1), ...inner, 2 * last - (inner.at(-1) ?? last + 1)];
}
