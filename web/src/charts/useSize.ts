import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Width of an element in pixels, kept current. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const width = useSignal(0);
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const measure = () => {
      width.value = Math.floor(target.clientWidth);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return width.value;
}

/** Room around a plot's area, so that marks at its border are drawn whole. */
export const PAD = 6;

/** Prepares a canvas for the screen's resolution, cleared; the origin is `PAD` inside of it. */
export function prepared(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [w, h] = [Math.round((width + 2 * PAD) * ratio), Math.round((height + 2 * PAD) * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, w, h);
  context.setTransform(ratio, 0, 0, ratio, PAD * ratio, PAD * ratio);
  return context;
}

/** Where a canvas lies whose drawing area is the given rectangle. */
export function canvasBox(left: number, top: number, width: number, height: number): Record<string, string> {
  return {
    left: `${left - PAD}px`,
    top: `${top - PAD}px`,
    width: `${width + 2 * PAD}px`,
    height: `${height + 2 * PAD}px`,
  };
}
