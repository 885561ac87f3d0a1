import { useId } from "preact/hooks";
import { visible } from "./format.ts";

/** Text that comes from a Sweep: invisible characters are shown as escapes, and its direction stays inside. */
export function Text({ value, limit = 300 }: { value: string; limit?: number }) {
  const shown = visible(value, limit);
  return (
    <bdi class="text" {...(value.length > limit ? { title: visible(value, 4000) } : {})}>
      {shown}
    </bdi>
  );
}

/** The explanation of a panel's terms, which shows on hover and on keyboard focus. */
export function Help({ about, text }: { about: string; text: string }) {
  const id = useId();
  return (
    <button type="button" class="help" aria-label={`About ${about}`} aria-describedby={id}>
      ?
      <span class="help-text" id={id}>
        {text}
      </span>
    </button>
  );
}

/** A sentence beside what matters. */
export function Remark({ text, limit = 1000 }: { text: string; limit?: number }) {
  return (
    <p class="muted">
      <Text value={text} limit={limit} />
    </p>
  );
}
