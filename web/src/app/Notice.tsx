import type { ComponentChildren } from "preact";

/** A page that has nothing else to show, and says why. */
export function Notice({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="panel notice">
      <h1>{title}</h1>
      {children}
    </div>
  );
}

export function Loading() {
  return (
    <div class="empty" role="status">
      <h1 class="visually-hidden">Loading</h1>
      Loading…
    </div>
  );
}
