/** How each part of a plot is drawn on the canvas. */
import { drawGrid } from "./drawGrid.ts";
import { drawPoints, FADED } from "./drawPoints.ts";
import type { Layer } from "./layers.ts";
import type { Palette } from "./palette.ts";
import type { Scale } from "./scale.ts";

export interface View {
  x: Scale;
  y: Scale;
  colors: Palette;
  width: number;
  height: number;
  selected: Set<string> | null;
}

export function draw(context: CanvasRenderingContext2D, layer: Layer, view: View): void {
  context.save();
  const color = view.colors[layer.color];
  context.fillStyle = color;
  context.strokeStyle = color;
  context.globalAlpha = layer.alpha ?? 1;
  if (layer.kind === "points") drawPoints(context, layer, view);
  else if (layer.kind === "line") drawLine(context, layer, view);
  else if (layer.kind === "band") drawBand(context, layer, view);
  else if (layer.kind === "intervals") drawIntervals(context, layer, view);
  else if (layer.kind === "rule") drawRule(context, layer, view);
  else if (layer.kind === "bars") drawBars(context, layer, view);
  else drawGrid(context, layer, view);
  context.restore();
}

function drawLine(context: CanvasRenderingContext2D, layer: Layer & { kind: "line" }, view: View): void {
  if (layer.id !== undefined && view.selected && !view.selected.has(layer.id)) context.globalAlpha = FADED;
  context.lineWidth = layer.width ?? 1.5;
  context.lineJoin = "round";
  context.setLineDash(layer.dash ?? []);
  context.beginPath();
  let previous = Number.NaN;
  layer.x.forEach((value, i) => {
    const [x, y] = [view.x.of(value), view.y.of(layer.y[i]!)];
    if (!Number.isFinite(x + y)) previous = Number.NaN;
    else if (Number.isNaN(previous)) context.moveTo(x, y);
    else {
      if (layer.step) context.lineTo(x, previous);
      context.lineTo(x, y);
    }
    previous = Number.isFinite(x + y) ? y : Number.NaN;
  });
  context.stroke();
}

function drawBand(context: CanvasRenderingContext2D, layer: Layer & { kind: "band" }, view: View): void {
  context.globalAlpha = layer.alpha ?? 0.18;
  for (const part of finiteParts(layer)) {
    context.beginPath();
    for (const i of part) context.lineTo(view.x.of(layer.x[i]!), view.y.of(layer.high[i]!));
    for (const i of part.reverse()) context.lineTo(view.x.of(layer.x[i]!), view.y.of(layer.low[i]!));
    context.closePath();
    context.fill();
  }
}

/** Indices of the stretches in which the band has both ends. */
function finiteParts({ x, low, high }: Layer & { kind: "band" }): number[][] {
  const parts: number[][] = [[]];
  x.forEach((_, i) => {
    if (Number.isFinite(low[i]! + high[i]!)) parts.at(-1)!.push(i);
    else parts.push([]);
  });
  return parts.filter((part) => part.length > 1);
}

function drawIntervals(context: CanvasRenderingContext2D, layer: Layer & { kind: "intervals" }, view: View): void {
  context.lineWidth = 1;
  const alpha = layer.alpha ?? 0.5;
  for (const shown of view.selected && layer.ids ? [false, true] : [true]) {
    context.globalAlpha = shown ? alpha : FADED / 2;
    context.beginPath();
    layer.x.forEach((value, i) => {
      if (view.selected && layer.ids && view.selected.has(layer.ids[i]!) !== shown) return;
      const x = view.x.of(value);
      context.moveTo(x, view.y.of(layer.low[i]!));
      context.lineTo(x, view.y.of(layer.high[i]!));
    });
    context.stroke();
  }
}

function drawRule(context: CanvasRenderingContext2D, layer: Layer & { kind: "rule" }, view: View): void {
  context.lineWidth = 1;
  context.setLineDash(layer.dash ?? [4, 3]);
  context.beginPath();
  const at = Math.round(layer.axis === "x" ? view.x.of(layer.at) : view.y.of(layer.at)) + 0.5;
  if (layer.axis === "x") {
    context.moveTo(at, 0);
    context.lineTo(at, view.height);
  } else {
    context.moveTo(0, at);
    context.lineTo(view.width, at);
  }
  context.stroke();
}

function drawBars(context: CanvasRenderingContext2D, layer: Layer & { kind: "bars" }, view: View): void {
  const alpha = layer.alpha ?? 1;
  layer.marks.forEach((mark, i) => {
    context.globalAlpha = view.selected && !view.selected.has(mark.id) ? FADED : alpha;
    const from = view.x.of(layer.x0[i]!);
    context.fillRect(
      from,
      view.y.of(mark.y) - layer.height / 2,
      Math.max(1, view.x.of(layer.x1[i]!) - from),
      layer.height,
    );
  });
}
