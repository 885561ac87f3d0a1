/** Text to take elsewhere, such as a command, with a button that copies it. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { visible } from "../text/format.ts";
import { copied } from "./copied.ts";
import "./copyable.css";

export function Copyable({ text, label }: { text: string; label: string }) {
  const box = useRef<HTMLPreElement>(null);
  const said = useSignal("");
  const copy = async () => {
    const done = await copied(text);
    if (!done) getSelection()?.selectAllChildren(box.current!);
    said.value = done ? "Copied" : "Selected: press Ctrl+C";
  };
  return (
    <div class="copyable">
      <pre ref={box} tabIndex={0} role="group" aria-label={label}>
        {visible(text)}
      </pre>
      <button type="button" onClick={copy} aria-label={`Copy: ${label}`}>
        Copy
      </button>
      <span role="status" class="copied">
        {said.value}
      </span>
    </div>
  );
}
