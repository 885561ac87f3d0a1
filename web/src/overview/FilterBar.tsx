import { chips, clearFilter, filter, selected, setBrush, setMaxCost, setText } from "../store/filter.ts";
import { page } from "../store/store.ts";
import { plural } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

/** The filter of the page: a field for text, one chip per part, and how many runs pass. */
export function FilterBar() {
  const total = page.value?.runs.length ?? 0;
  const count = selected.value?.size;
  return (
    <search class="filter">
      <input
        type="search"
        aria-label="Filter runs by text"
        placeholder="Filter runs: name, state, reason, value"
        value={filter.value.text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <ul class="chips" aria-label="Active filters">
        {chips.value
          .filter((c) => c.axis !== "text")
          .map((chip) => (
            <li key={chip.axis} class="chip">
              <Text value={chip.text} limit={90} />
              <button type="button" aria-label={`Remove filter ${chip.text}`} onClick={() => remove(chip.axis)}>
                ×
              </button>
            </li>
          ))}
      </ul>
      <span class="muted" role="status">
        {count === undefined ? plural(total, "run") : `${count.toLocaleString("en-US")} of ${plural(total, "run")}`}
      </span>
      {count !== undefined && (
        <button type="button" class="quiet" onClick={clearFilter}>
          Clear
        </button>
      )}
    </search>
  );
}

function remove(axis: string): void {
  if (axis === "maxCost") setMaxCost(null);
  else setBrush(axis, []);
}
