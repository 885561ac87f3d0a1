import { useSignal } from "@preact/signals";
import { filter, rangesOf, setBrush } from "../store/filter.ts";
import { HEIGHT, type ParallelAxis } from "./parallel.ts";

interface Drag {
  from: number;
  to: number;
  /** To the ranges that the axis has already. */
  add: boolean;
}

/** A shorter drag is a click. */
const LEAST = 3;

/** Pointer handlers of an axis: a drag sets its range, with Shift one more, and a click removes all. */
export function useAxisBrush(axis: ParallelAxis) {
  const drag = useSignal<Drag | null>(null);
  const brush = ({ from, to, add }: Drag) => {
    const kept = add ? rangesOf(filter.peek(), axis.id).slice(0, -1) : [];
    const [a, b] = [axis.scale.invert(from), axis.scale.invert(to)];
    setBrush(axis.id, [...kept, a < b ? [a, b] : [b, a]]);
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      const at = heightOf(event);
      drag.value = { from: at, to: at, add: event.shiftKey };
      const point = axis.scale.invert(at);
      if (event.shiftKey) setBrush(axis.id, [...rangesOf(filter.peek(), axis.id), [point, point]]);
    },
    onPointerMove: (event: PointerEvent) => {
      if (!drag.value) return;
      drag.value = { ...drag.value, to: heightOf(event) };
      if (isDrag(drag.value)) brush(drag.value);
    },
    onPointerUp: () => {
      if (drag.value && !isDrag(drag.value)) setBrush(axis.id, []);
      drag.value = null;
    },
  };
}

const isDrag = ({ from, to }: Drag): boolean => Math.abs(to - from) > LEAST;

/** Pixels from the top of the axis. */
function heightOf(event: PointerEvent): number {
  const top = (event.currentTarget as Element).getBoundingClientRect().top;
  return Math.max(0, Math.min(HEIGHT, event.clientY - top));
}
