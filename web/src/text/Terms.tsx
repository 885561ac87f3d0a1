import { type ComponentChildren, Fragment } from "preact";

/** A term and what it is; false or null: not shown. */
export type Term = readonly [term: ComponentChildren, what: ComponentChildren] | false | null | undefined;

/** Terms and what they are, in two columns. */
export function Terms({ items }: { items: readonly Term[] }) {
  return (
    <dl class="terms">
      {items.map(
        (item, at) =>
          item && (
            <Fragment key={at}>
              <dt>{item[0]}</dt>
              <dd>{item[1]}</dd>
            </Fragment>
          ),
      )}
    </dl>
  );
}
