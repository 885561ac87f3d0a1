/** Axes of parameters, and positions of their values on them. */
import type { Parameter, RunRow, Scalar, SweepPage } from "../api.ts";
import type { AxisSpec } from "../charts/Plot.tsx";
import { domainOf, makeScale, type ScaleKind } from "../charts/scale.ts";

export function kindOf(parameter: Parameter): ScaleKind {
  return parameter.values ? "category" : parameter.axis;
}

/** Positions of a grid's values: numbers themselves, categories by their place in the list. */
export function positionsOf(parameter: Parameter, grid: readonly Scalar[]): number[] {
  return grid.map((value) => (parameter.values ? parameter.values.indexOf(value) : Number(value)));
}

export function axisOf(parameter: Parameter, positions: readonly number[]): AxisSpec {
  const kind = kindOf(parameter);
  if (parameter.values) {
    return { label: parameter.label, kind, domain: [-0.5, parameter.values.length - 0.5], values: parameter.values };
  }
  return { label: parameter.label, kind, domain: domainOf(kind, positions, 0.02) };
}

/** The value that lies between two others on the axis. */
export function between(kind: ScaleKind, from: number, to: number, share: number): number {
  return from === to ? from : makeScale(kind, [from, to], [0, 1], 2).invert(share);
}

export interface Seen {
  run: RunRow;
  value: number;
}

/** The position of a parameter in each run that has it. */
export function reader(page: SweepPage, path: string): (run: RunRow) => number | null {
  const at = page.parameters.findIndex((p) => p.path === path);
  const parameter = page.parameters[at];
  return (run) => {
    const value = run.parameters[at];
    if (!parameter || value === null || value === undefined) return null;
    const [position] = positionsOf(parameter, [value]);
    return position !== undefined && Number.isFinite(position) && (!parameter.values || position >= 0) ? position : null;
  };
}
