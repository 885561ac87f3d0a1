import type { Signal } from "@preact/signals";

/** A button that shows more, and less again. */
export function Expander({ open, text }: { open: Signal<boolean>; text: string }) {
  return (
    <button
      type="button"
      class="quiet"
      aria-expanded={open.value}
      onClick={() => {
        open.value = !open.value;
      }}
    >
      {text}
    </button>
  );
}
