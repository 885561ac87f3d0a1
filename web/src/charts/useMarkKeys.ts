import type { Signal } from "@preact/signals";
import type { Mark } from "./layers.ts";

/** Where a mark is, also after the marks were made again. One run may have several. */
function indexOf(marks: Mark[], mark: Mark | null): number {
  const same = mark ? marks.indexOf(mark) : -1;
  return same >= 0 ? same : marks.findIndex((m) => m.id === mark?.id);
}

/** Keys of a plot: from mark to mark, and open. */
export function useMarkKeys(
  candidates: () => Mark[],
  focused: Signal<Mark | null>,
  onOpen: ((id: string) => void) | undefined,
): (event: KeyboardEvent) => void {
  const focus = (mark: Mark | undefined) => {
    focused.value = mark ?? null;
  };
  const step = (count: number) => {
    const marks = candidates();
    const now = indexOf(marks, focused.value);
    const next = now < 0 ? (count > 0 ? 0 : marks.length - 1) : Math.max(0, Math.min(marks.length - 1, now + count));
    focus(marks[next]);
  };
  const keys: Record<string, () => void> = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    PageDown: () => step(10),
    PageUp: () => step(-10),
    Home: () => focus(candidates()[0]),
    End: () => focus(candidates().at(-1)),
    Escape: () => focus(undefined),
    Enter: () => focused.value && onOpen?.(focused.value.id),
  };
  return (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };
}
