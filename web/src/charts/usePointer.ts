import { type Signal, useSignal } from "@preact/signals";
import type { Mark } from "./layers.ts";
import type { Box } from "./Plot.tsx";
import type { Frame } from "./useFrame.ts";

interface Pixels {
  x: number;
  y: number;
}
export type Drag = { from: Pixels; to: Pixels } | null;

interface Options {
  frame: Frame;
  candidates: () => Mark[];
  focused: Signal<Mark | null>;
  onOpen: ((id: string) => void) | undefined;
  onBrush: ((box: Box) => void) | undefined;
}

const REACH = 14;
const DRAG_STARTS = 5;

/** Mouse and touch of a plot: hover and open marks, and a brush by dragging. */
export function usePointer({ frame, candidates, focused, onOpen, onBrush }: Options) {
  const drag = useSignal<Drag>(null);
  const pressed = useSignal<Pixels | null>(null);
  const leave = () => {
    if (!drag.value) focused.value = null;
  };
  const release = () => {
    pressed.value = null;
    drag.value = null;
  };
  const handlers = {
    onPointerMove: (event: PointerEvent) => {
      const [to, from] = [pixelsOf(event, frame), pressed.value];
      const drags = from && onBrush && (drag.value || Math.hypot(to.x - from.x, to.y - from.y) > DRAG_STARTS);
      if (drags) drag.value = { from, to };
      focused.value = drags ? null : nearest(to, candidates(), frame);
    },
    onPointerLeave: leave,
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0) return;
      pressed.value = pixelsOf(event, frame);
      if (onBrush && event.pointerType === "mouse") (event.currentTarget as Element).setPointerCapture(event.pointerId);
    },
    onPointerUp: (event: PointerEvent) => {
      const mark = pressed.value && !drag.value && nearest(pixelsOf(event, frame), candidates(), frame);
      if (mark) onOpen?.(mark.id);
      if (drag.value) onBrush?.(boxOf(drag.value, frame));
      release();
    },
    onPointerCancel: release,
    onBlur: leave,
  };
  return { drag, handlers };
}

function pixelsOf(event: PointerEvent, { margins }: Frame): Pixels {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  return { x: event.clientX - box.left - margins.left, y: event.clientY - box.top - margins.top };
}

function nearest(at: Pixels, marks: Mark[], { scales }: Frame): Mark | null {
  let [found, best]: [Mark | null, number] = [null, REACH ** 2];
  for (const mark of marks) {
    const distance = (scales.x.of(mark.x) - at.x) ** 2 + (scales.y.of(mark.y) - at.y) ** 2;
    if (distance < best) [found, best] = [mark, distance];
  }
  return found;
}

function boxOf({ from, to }: NonNullable<Drag>, { scales: { x, y } }: Frame): Box {
  const ordered = (a: number, b: number): [number, number] => (a < b ? [a, b] : [b, a]);
  return { x: ordered(x.invert(from.x), x.invert(to.x)), y: ordered(y.invert(from.y), y.invert(to.y)) };
}
