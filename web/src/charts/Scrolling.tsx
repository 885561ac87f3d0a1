import type { ComponentChildren } from "preact";

/** A wide table that scrolls sideways, also by keyboard. */
export function Scrolling({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}
