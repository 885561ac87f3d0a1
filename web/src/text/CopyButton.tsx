import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

/** Copies a text. Where the browser forbids that (a page over plain HTTP), shows the text, selected. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const state = useSignal<"ready" | "copied" | "shown">("ready");
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.select(), [state.value]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      state.value = "copied";
    } catch {
      state.value = "shown";
    }
  };
  return (
    <>
      <button type="button" class="quiet" onClick={copy}>
        {label}
      </button>
      <span role="status" class={state.value === "copied" ? "muted" : "visually-hidden"}>
        {state.value === "copied" ? "Copied" : ""}
      </span>
      {state.value === "shown" && (
        <textarea
          ref={field}
          class="mono copy-text"
          readOnly
          rows={3}
          aria-label={label}
          value={text}
          onBlur={() => {
            state.value = "ready";
          }}
        />
      )}
    </>
  );
}
