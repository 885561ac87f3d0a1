import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { draw } from "./draw.ts";
import type { Layer } from "./layers.ts";
import { palette } from "./palette.ts";
import type { Frame } from "./useFrame.ts";
import { prepared } from "./useSize.ts";

/** The canvas of a plot, drawn again when the layers, the size, the colors or the filter have changed. */
export function useDrawing(
  layers: Layer[],
  { inner, scales }: Frame,
  selected: Set<string> | null,
): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colors = palette.value;
  useLayoutEffect(() => {
    if (!canvas.current || inner.width === 0) return;
    const context = prepared(canvas.current, inner.width, inner.height);
    for (const layer of layers) draw(context, layer, { ...scales, colors, ...inner, selected });
  }, [layers, scales, colors, selected]);
  return canvas;
}
