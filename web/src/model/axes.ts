/** Axes of parameters, and positions of their values on them. */
import type { Parameter, Scalar } from "../api.ts";
import type { AxisSpec } from "../charts/Plot.tsx";
import { domainOf, makeScale, type ScaleKind } from "../charts/scale.ts";
import { positionOf } from "../store/selection.ts";

export function kindOf(parameter: Parameter): ScaleKind {
  return parameter.values ? "category" : parameter.axis;
}

/** Positions of a grid's values: numbers themselves, categories by their place in the list. */
export function positionsOf(parameter: Parameter, grid: readonly Scalar[]): number[] {
  return grid.map((value) => positionOf(parameter, value) ?? Number.NaN);
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
