/** What a user enters in the dialogs of actions: values, bounds, limits. */
import type { RunRow, SweepPage } from "../api.ts";

type Parameter = SweepPage["parameters"][number];
type Scalar = string | number | boolean;

export interface Entry {
  /** Null: the parameter is omitted and takes its search center. */
  value: Scalar | null;
  error: string;
  warning: string;
}

/** The value of a text field. Outside of the bounds is allowed, but warned of; another type is an error. */
export function entryOf(text: string, parameter: Parameter): Entry {
  const entered = text.trim();
  if (entered === "") return { value: null, error: "", warning: "" };
  if (parameter.kind === "category") return category(entered, parameter);
  const value = Number(entered);
  if (!Number.isFinite(value)) return { value: null, error: `${entered} is not a number`, warning: "" };
  if (parameter.kind === "integer" && !Number.isInteger(value)) {
    return { value: null, error: `${entered} is not an integer`, warning: "" };
  }
  const { min, max } = parameter;
  const outside = (min !== null && value < min) || (max !== null && value > max);
  return { value, error: "", warning: outside ? `outside the bounds (${boundsOf(parameter)})` : "" };
}

function category(entered: string, parameter: Parameter): Entry {
  const found = (parameter.values ?? []).find((value) => String(value) === entered);
  if (found !== undefined) return { value: found, error: "", warning: "" };
  return { value: entered, error: "", warning: `not one of the values (${boundsOf(parameter)})` };
}

export function boundsOf({ values, min, max }: Parameter): string {
  if (values) return values.map(String).join(", ");
  if (min === null && max === null) return "no bounds";
  return `${min ?? "−∞"} to ${max ?? "∞"}`;
}

/** The texts of the fields, prefilled from a run; empty where it does not have the parameter. */
export function prefilled(parameters: readonly Parameter[], run: RunRow | null): Record<string, string> {
  return Object.fromEntries(parameters.map((p, at) => [p.path, textOf(run?.parameters[at])]));
}

/** The exact value, small numbers as 1.5e-5. */
function textOf(value: Scalar | null | undefined): string {
  if (typeof value === "number" && value !== 0 && Math.abs(value) < 1e-3) return value.toExponential();
  return value === null || value === undefined ? "" : String(value);
}

export function parametersOf(
  texts: Readonly<Record<string, string>>,
  parameters: readonly Parameter[],
): { values: Record<string, Scalar>; errors: Record<string, string>; warnings: Record<string, string> } {
  const values: Record<string, Scalar> = {};
  const errors: Record<string, string> = {};
  const warnings: Record<string, string> = {};
  for (const parameter of parameters) {
    const { value, error, warning } = entryOf(texts[parameter.path] ?? "", parameter);
    if (value !== null) values[parameter.path] = value;
    if (error) errors[parameter.path] = error;
    if (warning) warnings[parameter.path] = warning;
  }
  return { values, errors, warnings };
}

const NAME = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/;

/** What is wrong with the name of a run; empty if nothing is. */
export function nameError(name: string): string {
  return name && !NAME.test(name) ? "lower case letters, digits, hyphens and dots; at most 63" : "";
}

export interface LimitField {
  name: string;
  label: string;
  help: string;
  value: number | null;
  least: number;
  integer: boolean;
}

const REQUIRED: ReadonlySet<string> = new Set(["maxRuns", "maxParallelRuns"]);

export function limitFields(limits: SweepPage["limits"], unit: string): LimitField[] {
  return [
    { name: "maxRuns", label: "Runs", help: "Number of runs at most", value: limits.maxRuns, least: 0, integer: true },
    {
      name: "maxParallelRuns",
      label: "Parallel runs",
      help: "Number of runs at the same time",
      value: limits.maxParallelRuns,
      least: 0,
      integer: true,
    },
    {
      name: "totalCost",
      label: "Budget",
      help: `Total cost (${unit})`,
      value: limits.totalCost,
      least: 0,
      integer: false,
    },
    {
      name: "activeDeadlineSeconds",
      label: "Deadline",
      help: "Seconds since the sweep started",
      value: limits.deadlineSeconds,
      least: 1,
      integer: true,
    },
  ];
}

export function limitTexts(fields: readonly LimitField[]): Record<string, string> {
  return Object.fromEntries(fields.map(({ name, value }) => [name, value === null ? "" : String(value)]));
}

/** The limits that were changed. An emptied field removes its limit. */
export function changedLimits(
  texts: Readonly<Record<string, string>>,
  fields: readonly LimitField[],
): { limits: Record<string, number | null>; errors: Record<string, string> } {
  const limits: Record<string, number | null> = {};
  const errors: Record<string, string> = {};
  for (const field of fields) {
    const text = (texts[field.name] ?? "").trim();
    const value = text === "" ? null : Number(text);
    if (value === field.value) continue;
    if (value === null && REQUIRED.has(field.name)) errors[field.name] = "a number is required";
    else if (value !== null && !(value >= field.least))
      errors[field.name] = `must be a number of at least ${field.least}`;
    else if (value !== null && field.integer && !Number.isInteger(value)) errors[field.name] = "must be an integer";
    else limits[field.name] = value;
  }
  return { limits, errors };
}
