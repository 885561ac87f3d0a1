import type { Signal } from "@preact/signals";
import { useId, useMemo } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { filter, setMaxCost } from "../store/filter.ts";
import { cost, number, plural, visible } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";
import { RunLink } from "../text/RunLink.tsx";
import { Text } from "../text/Text.tsx";
import { type Priced, sliderScale } from "./front.ts";

interface BudgetProps {
  page: SweepPage;
  runs: Priced[];
  /** Those of them that pass the filter. */
  passing: Priced[];
  budget: Signal<number | null>;
  best: Priced | null;
}

/** "Best for at most X": a slider and a number, which are the same. */
export function BudgetSlider({ page, runs, passing, budget, best }: BudgetProps) {
  const id = useId();
  const value = budget.value;
  return (
    <div class="budget">
      <Slider id={id} page={page} runs={runs} budget={budget} />
      <Amount unit={page.row.costUnit} budget={budget} />
      <output class="answer" for={id}>
        {value === null ? (
          <span class="muted">Move the slider to choose a budget.</span>
        ) : best ? (
          <Answer page={page} runs={passing} budget={value} best={best} />
        ) : passing.length < runs.length ? (
          "No run that passes the filter is that cheap."
        ) : (
          "No run is that cheap."
        )}
      </output>
      {value !== null && <FilterButton budget={value} />}
    </div>
  );
}

function Slider({ id, page, runs, budget }: Pick<BudgetProps, "page" | "runs" | "budget"> & { id: string }) {
  const scale = useMemo(() => sliderScale(runs.map((r) => r.cost)), [runs]);
  const value = budget.value;
  return (
    <>
      <label for={id}>Best for at most</label>
      <input
        id={id}
        type="range"
        min="0"
        max="1000"
        value={value === null ? 1000 : scale.of(value)}
        aria-valuetext={value === null ? "any cost" : cost(value, page.row.costUnit)}
        onInput={(event) => {
          budget.value = scale.at(Number(event.currentTarget.value));
        }}
      />
    </>
  );
}

function Amount({ unit, budget }: { unit: string; budget: Signal<number | null> }) {
  const value = budget.value;
  return (
    <>
      <input
        type="number"
        min="0"
        step="any"
        class="short"
        aria-label={`Highest cost in ${visible(unit, 20)}`}
        placeholder="any"
        value={value === null ? "" : Number(value.toPrecision(4))}
        onChange={(event) => {
          const typed = event.currentTarget.valueAsNumber;
          budget.value = Number.isFinite(typed) ? typed : null;
        }}
      />
      <span class="muted">
        <Text value={unit} limit={20} />
      </span>
    </>
  );
}

interface AnswerProps {
  page: SweepPage;
  runs: Priced[];
  budget: number;
  best: Priced;
}

function Answer({ page, runs, budget, best }: AnswerProps) {
  const unit = page.row.costUnit;
  const affordable = runs.filter((r) => r.cost <= budget).length;
  return (
    <>
      <RunLink page={page} name={best.name} label={best.label} />
      {": "}
      <Text value={scoreName(page)} limit={60} /> <strong>{number(best.score)}</strong>
      {`, cost ${cost(best.cost, unit)}. `}
      <span class="muted">
        {plural(affordable, "run")} cost at most {cost(budget, unit)}.
      </span>
    </>
  );
}

function FilterButton({ budget }: { budget: number }) {
  const filters = filter.value.maxCost === budget;
  return (
    <button type="button" class="quiet" aria-pressed={filters} onClick={() => setMaxCost(filters ? null : budget)}>
      Filter by this cost
    </button>
  );
}
