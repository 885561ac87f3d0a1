import type { ComponentChildren } from "preact";
import { visible } from "./format.ts";
import { Text } from "./Text.tsx";

interface FactProps {
  label: string;
  note?: string;
  children: ComponentChildren;
}

/** A large figure with its name, for the head of a page. Belongs into `<dl class="facts">`. */
export function Fact({ label, note, children }: FactProps) {
  return (
    <div class="fact">
      <dt>
        <Text value={label} limit={60} />
      </dt>
      <dd>{children}</dd>
      {note && <dd class="note">{note}</dd>}
    </div>
  );
}

export interface Value {
  label: string;
  /** The long form of the label. */
  title?: string;
  /** A string is text of a Sweep. */
  value: ComponentChildren;
}

/** Many small values with their names. */
export function Values({ items, mono = false }: { items: readonly Value[]; mono?: boolean }) {
  return (
    <dl class="values">
      {items.map(({ label, title, value }, at) => (
        <div key={`${at} ${label}`}>
          <dt title={title && visible(title, 500)}>
            <Text value={label} limit={80} />
          </dt>
          <dd class={mono ? "mono" : undefined}>
            {typeof value === "string" ? <Text value={value} limit={200} /> : value}
          </dd>
        </div>
      ))}
    </dl>
  );
}
