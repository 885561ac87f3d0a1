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

/** A term with its explanation, which shows on hover and on keyboard focus. */
export function Help({ text }: { text: string }) {
  return (
    <button type="button" class="help" aria-label={text}>
      ?
      <span class="help-text" aria-hidden="true">
        {text}
      </span>
    </button>
  );
}
