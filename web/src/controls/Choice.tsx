import { visible } from "../text/format.ts";

export interface Option<T extends string> {
  value: T;
  label: string;
  disabled?: boolean;
}

interface ChoiceProps<T extends string> {
  label: string;
  /** The label is for screen readers only. */
  hidden?: boolean;
  value: T;
  options: readonly Option<T>[];
  onChange: (value: T) => void;
}

/** One of several values. */
export function Choice<T extends string>({ label, hidden, value, options, onChange }: ChoiceProps<T>) {
  return (
    <label class="choice">
      <span class={hidden ? "visually-hidden" : undefined}>{label}</span>{" "}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {options.map((option) => (
          <option key={option.value} value={option.value} disabled={option.disabled ?? false}>
            {visible(option.label, 80)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Options whose labels are their values. */
export function named<T extends string>(values: readonly T[]): Option<T>[] {
  return values.map((value) => ({ value, label: value }));
}

/** On or off. */
export function Switch({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label>
      <input type="checkbox" checked={on} onChange={(event) => onChange(event.currentTarget.checked)} /> {label}
    </label>
  );
}
