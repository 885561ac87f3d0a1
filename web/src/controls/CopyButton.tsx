import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { copied } from "./copied.ts";

/** Copies a text. Where the browser forbids that, shows the text, selected. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const state = useSignal<"ready" | "copied" | "shown">("ready");
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.select(), [state.value]);
  const copy = async () => {
    state.value = (await copied(text)) ? "copied" : "shown";
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
