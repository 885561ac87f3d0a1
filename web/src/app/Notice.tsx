import type { ComponentChildren } from "preact";
import { unreadable } from "../store/store.ts";
import { Text } from "../text/Text.tsx";

/** A page that has nothing else to show, and says why. */
export function Notice({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="panel notice">
      <h1>{title}</h1>
      {children}
    </div>
  );
}

/** What cannot be read, each with the reason and the remedy. */
export function Unreadable() {
  if (unreadable.value.length === 0) return null;
  return (
    <div class="notice panel" role="alert">
      <p>Not everything can be read:</p>
      <ul>
        {unreadable.value.map((text) => (
          <li key={text}>
            <Text value={text} limit={1000} />
          </li>
        ))}
      </ul>
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
