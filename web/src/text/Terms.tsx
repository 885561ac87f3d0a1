import { type ComponentChildren, Fragment } from "preact";
import { Text } from "./Text.tsx";

/** A term and what it is, of which strings can be texts of a Sweep; false or null: not shown. */
export type Term = readonly [term: ComponentChildren, what: ComponentChildren] | false | null | undefined;

/** Terms and what they are, in two columns. */
export function Terms({ items }: { items: readonly Term[] }) {
  return (
    <dl class="terms">
      {items.map(
        (item, at) =>
          item && (
            <Fragment key={at}>
              <dt>{shown(item[0])}</dt>
              <dd>{shown(item[1])}</dd>
            </Fragment>
          ),
      )}
    </dl>
  );
}

function shown(part: ComponentChildren): ComponentChildren {
  return typeof part === "string" ? <Text value={part} limit={500} /> : part;
}
