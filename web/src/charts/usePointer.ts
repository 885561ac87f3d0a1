import { type Signal, useSignal } from "@preact/signals";
import type { Margins } from "./Axes.tsx";
import type { Mark } from "./layers.ts";
import type { Box } from "./Plot.tsx";
import type { Scale } from "./scale.ts";

interface Pixels {
  x: number;
  y: number;
}
export type Drag = { from: Pixels; to: Pixels } | null;

interface Options {
  scales: { x: Scale; y: Scale };
  margins: Margins;
  candidates: () => Mark[];
  focused: Signal<Mark | null>;
  onOpen: ((id: string) => void) | undefined;
  onBrush: ((box: Box) => void) | undefined;
}

const REACH = 14;
const DRAG_STARTS = 5;

/** Mouse, touch and keys of a plot: hover and focus of marks, open, and a brush by dragging. */
export function usePointer({ scales, margins, candidates, focused, onOpen, onBrush }: Options) {
  const drag = useSignal<Drag>(null);
  const pressed = useSignal<Pixels | null>(null);

  const at = (event: PointerEvent): Pixels => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return { x: event.clientX - box.left - margins.left, y: event.clientY - box.top - margins.top };
  };
  const nearest = (p: Pixels): Mark | null => {
    let [found, best]: [Mark | null, number] = [null, REACH ** 2];
    for (const mark of candidates()) {
      const distance = (scales.x.of(mark.x) - p.x) ** 2 + (scales.y.of(mark.y) - p.y) ** 2;
      if (distance < best) [found, best] = [mark, distance];
    }
    return found;
  };
  const step = (count: number) => {
    const marks = candidates();
    const now = focused.value ? marks.findIndex((m) => m.id === focused.value?.id) : -1;
    const next = now < 0 ? (count > 0 ? 0 : marks.length - 1) : Math.max(0, Math.min(marks.length - 1, now + count));
    focused.value = marks[next] ?? null;
  };
  const keys: Record<string, () => void> = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    PageDown: () => step(10),
    PageUp: () => step(-10),
    Home: () => {
      focused.value = candidates()[0] ?? null;
    },
    End: () => {
      focused.value = candidates().at(-1) ?? null;
    },
    Escape: () => {
      focused.value = null;
    },
    Enter: () => focused.value && onOpen?.(focused.value.id),
  };
  return {
    drag,
    handlers: {
      onPointerMove: (event: PointerEvent) => {
        const p = at(event);
        const from = pressed.value;
        if (from && onBrush && (drag.value || Math.hypot(p.x - from.x, p.y - from.y) > DRAG_STARTS)) {
          focused.value = null;
          drag.value = { from, to: p };
        } else focused.value = nearest(p);
      },
      onPointerLeave: () => {
        if (!drag.value) focused.value = null;
      },
      onPointerDown: (event: PointerEvent) => {
        if (event.button !== 0) return;
        pressed.value = at(event);
        if (onBrush && event.pointerType === "mouse")
          (event.currentTarget as Element).setPointerCapture(event.pointerId);
      },
      onPointerUp: (event: PointerEvent) => {
        if (drag.value && onBrush) onBrush(boxOf(drag.value, scales));
        else if (pressed.value) {
          const mark = nearest(at(event));
          if (mark) onOpen?.(mark.id);
        }
        pressed.value = null;
        drag.value = null;
      },
      onPointerCancel: () => {
        pressed.value = null;
        drag.value = null;
      },
      onBlur: () => {
        focused.value = null;
      },
      onKeyDown: (event: KeyboardEvent) => {
        const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
        if (!action) return;
        event.preventDefault();
        action();
      },
    },
  };
}

function boxOf({ from, to }: NonNullable<Drag>, { x, y }: { x: Scale; y: Scale }): Box {
  const ordered = (a: number, b: number): [number, number] => (a < b ? [a, b] : [b, a]);
  return { x: ordered(x.invert(from.x), x.invert(to.x)), y: ordered(y.invert(from.y), y.invert(to.y)) };
}
