import type { Signal } from "@preact/signals";
import { useId, useMemo } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { runHref } from "../app/routes.ts";
import { filter, setMaxCost } from "../store/filter.ts";
import { cost, number, plural } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { type Priced, sliderScale } from "./front.ts";

interface BudgetProps {
  page: SweepPage;
  runs: Priced[];
  budget: Signal<number | null>;
  best: Priced | null;
}

/** "Best for at most X": a slider and a number, which are the same. */
export function BudgetSlider({ page, runs, budget, best }: BudgetProps) {
  const scale = useMemo(() => sliderScale(runs.map((r) => r.cost)), [runs]);
  const { namespace, name, costUnit, metric } = page.row;
  const value = budget.value;
  const id = useId();
  const affordable = value === null ? 0 : runs.filter((r) => r.cost <= value).length;
  return (
    <div class="budget">
      <label for={id}>Best for at most</label>
      <input
        id={id}
        type="range"
        min="0"
        max="1000"
        value={value === null ? 1000 : scale.of(value)}
        aria-valuetext={value === null ? "any cost" : cost(value, costUnit)}
        onInput={(event) => {
          budget.value = scale.at(Number(event.currentTarget.value));
        }}
      />
      <input
        type="number"
        min="0"
        step="any"
        class="short"
        aria-label={`Highest cost in ${costUnit}`}
        placeholder="any"
        value={value === null ? "" : Number(value.toPrecision(4))}
        onChange={(event) => {
          const typed = event.currentTarget.valueAsNumber;
          budget.value = Number.isFinite(typed) ? typed : null;
        }}
      />
      <span class="muted">
        <Text value={costUnit} limit={20} />
      </span>
      <output class="answer" for={id}>
        {value === null ? (
          <span class="muted">Move the slider to choose a budget.</span>
        ) : best ? (
          <>
            <a href={runHref(namespace, name, best.name)}>
              <Text value={best.label} limit={60} />
            </a>
            {`: ${metric || "score"} `}
            <strong>{number(best.score)}</strong>
            {`, cost ${cost(best.cost, costUnit)}. `}
            <span class="muted">
              {plural(affordable, "run")} cost at most {cost(value, costUnit)}.
            </span>
          </>
        ) : (
          "No run is that cheap."
        )}
      </output>
      {value !== null && (
        <button
          type="button"
          class="quiet"
          aria-pressed={filter.value.maxCost === value}
          onClick={() => setMaxCost(filter.value.maxCost === value ? null : value)}
        >
          Filter by this cost
        </button>
      )}
    </div>
  );
}
