import { useRef } from "preact/hooks";
import { chips, clearFilter, filter, selected, setBrush, setMaxCost, setText } from "../store/filter.ts";
import { page } from "../store/store.ts";
import { number, plural, visible } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

/** The filter of the page: a field for text, one chip per part, and how many runs pass. */
export function FilterBar() {
  const field = useRef<HTMLInputElement>(null);
  const total = page.value?.runs.length ?? 0;
  const count = selected.value?.size;
  /** The button that was pressed disappears, and would take the focus of the keyboard with it. */
  const removed = (remove: () => void) => (event: MouseEvent) => {
    remove();
    if (event.detail === 0) field.current?.focus();
  };
  return (
    <search class="filter">
      <input
        ref={field}
        type="search"
        aria-label="Filter runs by text"
        placeholder="Filter runs: name, state, reason, value"
        value={filter.value.text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Chips removed={removed} />
      <span class="muted" role="status">
        {count === undefined ? plural(total, "run") : `${number(count)} of ${plural(total, "run")}`}
      </span>
      {count !== undefined && (
        <button type="button" class="quiet" onClick={removed(clearFilter)}>
          Clear
        </button>
      )}
    </search>
  );
}

function Chips({ removed }: { removed: (remove: () => void) => (event: MouseEvent) => void }) {
  return (
    <ul class="chips" aria-label="Active filters">
      {chips.value
        .filter((chip) => chip.axis !== "text")
        .map(({ axis, text }) => (
          <li key={axis} class="chip">
            <Text value={text} limit={90} />
            <button
              type="button"
              aria-label={`Remove filter ${visible(text, 90)}`}
              onClick={removed(() => remove(axis))}
            >
              ×
            </button>
          </li>
        ))}
    </ul>
  );
}

function remove(axis: string): void {
  if (axis === "maxCost") setMaxCost(null);
  else setBrush(axis, []);
}
