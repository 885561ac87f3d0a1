import type { Parameter, SweepPage } from "../api.ts";
import { filter, rangesOf, setBrush } from "../store/filter.ts";
import { axisLabel } from "../store/selection.ts";
import { scalar, visible } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

/** The brushes of the parallel coordinates as numbers and checkboxes: the same filter, by keyboard. */
export function RangeInputs({ page }: { page: SweepPage }) {
  return (
    <div class="ranges">
      {page.parameters.map((p) =>
        p.values ? <Choices key={p.path} parameter={p} /> : <Range key={p.path} axis={p.path} label={p.label} />,
      )}
      {["index", "cost", "score"].map((axis) => (
        <Range key={axis} axis={axis} label={axisLabel(page, axis)} />
      ))}
    </div>
  );
}

function Range({ axis, label }: { axis: string; label: string }) {
  const [low, high] = rangesOf(filter.value, axis)[0] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const set = (from: number, to: number) =>
    setBrush(axis, from === Number.NEGATIVE_INFINITY && to === Number.POSITIVE_INFINITY ? [] : [[from, to]]);
  const input = (name: string, value: number, apply: (v: number) => void, none: number) => (
    <input
      type="number"
      step="any"
      class="short"
      placeholder={name}
      aria-label={`${visible(label, 80)}, ${name}`}
      value={Number.isFinite(value) ? Number(value.toPrecision(4)) : ""}
      onChange={(event) => {
        const typed = event.currentTarget.valueAsNumber;
        apply(Number.isFinite(typed) ? typed : none);
      }}
    />
  );
  return (
    <fieldset>
      <legend>
        <Text value={label} limit={40} />
      </legend>
      {input("from", low, (v) => set(v, high), Number.NEGATIVE_INFINITY)}
      {input("to", high, (v) => set(low, v), Number.POSITIVE_INFINITY)}
    </fieldset>
  );
}

function Choices({ parameter }: { parameter: Parameter }) {
  const values = parameter.values ?? [];
  const ranges = rangesOf(filter.value, parameter.path);
  const inside = (i: number) => ranges.some(([low, high]) => i >= low && i <= high);
  const toggle = (i: number) => {
    const next = values.map((_, k) => k).filter((k) => (k === i ? !inside(k) : inside(k)));
    setBrush(
      parameter.path,
      next.map((k) => [k - 0.5, k + 0.5]),
    );
  };
  return (
    <fieldset>
      <legend>
        <Text value={parameter.label} limit={40} />
      </legend>
      {values.map((value, i) => (
        <label key={String(value)}>
          <input type="checkbox" checked={inside(i)} onChange={() => toggle(i)} />{" "}
          <Text value={scalar(value)} limit={30} />
        </label>
      ))}
    </fieldset>
  );
}
