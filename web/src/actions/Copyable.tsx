/** Text to take elsewhere, such as a command, with a button that copies it. */
import { useRef, useState } from "preact/hooks";
import "./actions.css";
import { visible } from "../text/format.ts";

export function Copyable({ text, label }: { text: string; label: string }) {
  const box = useRef<HTMLPreElement>(null);
  const [said, say] = useState("");
  return (
    <div class="copyable">
      <pre ref={box} tabIndex={0} role="group" aria-label={label}>
        {visible(text)}
      </pre>
      <button type="button" onClick={() => void copied(text, box.current!).then(say)} aria-label={`Copy: ${label}`}>
        Copy
      </button>
      <span role="status" class="copied">
        {said}
      </span>
    </div>
  );
}

async function copied(text: string, box: HTMLElement): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    // without TLS, browsers offer no clipboard
    getSelection()?.selectAllChildren(box);
    return "Selected: press Ctrl+C";
  }
}
