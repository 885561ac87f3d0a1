/** A map of colors on a canvas. */
import type { View } from "./draw.ts";
import type { Layer } from "./layers.ts";

type Grid = Layer & { kind: "grid" };

export function drawGrid(context: CanvasRenderingContext2D, layer: Grid, view: View): void {
  const xs = edges(layer.x.map(view.x.of));
  const ys = edges(layer.y.map(view.y.of));
  context.beginPath();
  context.rect(0, 0, view.width, view.height);
  context.clip();
  if (layer.smooth && isEven(xs) && isEven(ys)) drawSmooth(context, layer, xs, ys);
  else drawCells(context, layer, xs, ys);
}

/** Each cell is one pixel of a picture, which is enlarged. */
function drawSmooth(context: CanvasRenderingContext2D, layer: Grid, xs: number[], ys: number[]): void {
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = [layer.x.length, layer.y.length];
  const unit = (count: number) => Array.from({ length: count + 1 }, (_, i) => i);
  const flipped = ys.at(-1)! < ys[0]!;
  const rows = flipped ? unit(layer.y.length).reverse() : unit(layer.y.length);
  drawCells(picture.getContext("2d")!, layer, unit(layer.x.length), rows);
  const [top, bottom] = [Math.min(ys[0]!, ys.at(-1)!), Math.max(ys[0]!, ys.at(-1)!)];
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, xs[0]!, top, xs.at(-1)! - xs[0]!, bottom - top);
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

/** True if all cells are about equally large: values of an integer parameter may not be. */
function isEven(borders: number[]): boolean {
  const sizes = borders.slice(1).map((border, i) => Math.abs(border - borders[i]!));
  return Math.max(...sizes) < 1.3 * Math.min(...sizes);
}

/** Borders of cells around their centers. */
function edges(centers: number[]): number[] {
  const inner = centers.slice(1).map((c, i) => (c + centers[i]!) / 2);
  const first = centers[0] ?? 0;
  const last = centers.at(-1) ?? 0;
  return [2 * first - (inner[0] ?? first - 1), ...inner, 2 * last - (inner.at(-1) ?? last + 1)];
}
