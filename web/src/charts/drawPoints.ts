/** How marks are drawn on a canvas: thousands of them, and again for each movement of a brush. */
import type { View } from "./draw.ts";
import type { Layer, Mark } from "./layers.ts";
import type { Scale } from "./scale.ts";
import { isFilled, trace } from "./shapes.ts";

/** Opacity of what the filter excludes. */
export const FADED = 0.12;

export function drawPoints(context: CanvasRenderingContext2D, layer: Layer & { kind: "points" }, view: View): void {
  const alpha = layer.alpha ?? 1;
  const size = layer.size ?? 3;
  // The faded ones first, so that they never cover the others.
  for (const shown of view.selected ? [false, true] : [true]) {
    context.globalAlpha = shown ? alpha : FADED;
    if (layer.shape === "dot" && layer.marks.length > MANY) {
      drawSmall(context, layer.marks, shown, view);
      continue;
    }
    context.beginPath();
    for (const mark of layer.marks) {
      if (view.selected && view.selected.has(mark.id) !== shown) continue;
      trace(context, layer.shape, view.x.of(mark.x), view.y.of(mark.y), size);
    }
    context.lineWidth = 1.5;
    if (isFilled(layer.shape)) context.fill();
    else context.stroke();
  }
}

/** Above this number, dots are small squares: one path of thousands of circles is slow to fill. */
const MANY = 1000;

function drawSmall(context: CanvasRenderingContext2D, marks: Mark[], shown: boolean, view: View): void {
  const at = positions(marks, view);
  marks.forEach((mark, i) => {
    if (view.selected && view.selected.has(mark.id) !== shown) return;
    context.fillRect(at[2 * i]!, at[2 * i + 1]!, 3, 3);
  });
}

const kept = new WeakMap<Mark[], { x: Scale; y: Scale; at: Float32Array }>();

/** Corners of the squares. Kept, because a filter redraws thousands of marks that have not moved. */
function positions(marks: Mark[], { x, y }: View): Float32Array {
  const known = kept.get(marks);
  if (known?.x === x && known.y === y) return known.at;
  const at = Float32Array.from(marks.flatMap((m) => [x.of(m.x) - 1.5, y.of(m.y) - 1.5]));
  kept.set(marks, { x, y, at });
  return at;
}
