/** A modal dialog. The browser keeps the focus inside, closes it with Escape, and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Text } from "../text/Text.tsx";
import "./actions.css";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    // before the next key: after it, another element would have the focus, and would get it back
    const dialog = element.current!;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const keepFocus = (event: KeyboardEvent) => {
    if (event.key === "Tab") wrapFocus(element.current!, event);
  };
  return (
    <dialog ref={element} class="dialog" aria-labelledby="dialog-title" onClose={onClose} onKeyDown={keepFocus}>
      <h2 id="dialog-title">
        <Text value={title} limit={200} />
      </h2>
      {children}
    </dialog>
  );
}

/** The browser's own trap lets Tab reach its toolbar; here it goes round. */
function wrapFocus(dialog: HTMLElement, event: KeyboardEvent): void {
  const all = [...dialog.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea, [tabindex='0']")];
  const reachable = all.filter((e) => !(e as HTMLButtonElement).disabled && e.offsetParent !== null);
  const [first, last] = [reachable[0], reachable[reachable.length - 1]];
  if (!first || !last) return;
  if (event.shiftKey && document.activeElement === first) last.focus();
  else if (!event.shiftKey && document.activeElement === last) first.focus();
  else return;
  event.preventDefault();
}
