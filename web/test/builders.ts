/** Runs and parameters for tests: each test writes only the fields that it is about. */
import type { RunRow, SweepPage } from "../src/api.ts";

export const T0 = Date.parse("2026-03-01T09:00:00Z");

export function at(seconds: number): string {
  return new Date(T0 + seconds * 1000).toISOString();
}

export function run(name: string, fields: Partial<RunRow> = {}): RunRow {
  return {
    name, label: name, index: 0, origin: "model", manual: false, imported: false, state: "Completed",
    group: "succeeded", failure: null, score: null, cost: null, metrics: {}, parameters: [], predicted: null,
    created: at(0), ended: at(100), progress: null, phases: [], verdict: null, within: true, seconds: 0, lostSeconds: {}, hasCurve: false, ...fields,
  }; // biome-ignore format: one block
}

export function phase(
  name: RunRow["phases"][number]["phase"],
  start: number,
  end: number | null,
  node: string | null = null,
): RunRow["phases"][number] {
  return { phase: name, stage: "train", attempt: 1, start: at(start), end: end === null ? null : at(end), node };
}

export function parameter(
  path: string,
  fields: Partial<SweepPage["parameters"][number]> = {},
): SweepPage["parameters"][number] {
  return {
    path,
    label: path,
    kind: "number",
    axis: "linear",
    min: 0,
    max: 1,
    values: null,
    mean: null,
    when: null,
    ...fields,
  };
}
