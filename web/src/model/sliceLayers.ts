/** Layers of a slice: what the model predicts along a parameter, and the runs. */
import type { Parameter, ParameterSlice, Scalar, SweepPage } from "../api.ts";
import { faint, type Layer, type Mark } from "../charts/layers.ts";
import type { AxisSpec } from "../charts/Plot.tsx";
import { domainOf } from "../charts/scale.ts";
import { reader } from "../store/selection.ts";
import { number, scalar } from "../text/format.ts";
import { axisOf, positionsOf } from "./axes.ts";
import { type Quantity, type Series, seriesOf } from "./slices.ts";

export interface SliceDrawing {
  parameter: Parameter;
  axis: AxisSpec;
  domain: [number, number];
  layers: Layer[];
}

/** `at`: the value of the configuration that the slice goes through. */
export function sliceDrawing(
  page: SweepPage,
  slice: ParameterSlice,
  at: Scalar | null,
  of: Quantity,
): SliceDrawing | null {
  const parameter = page.parameters.find((p) => p.path === slice.path);
  const series = seriesOf(slice, of);
  if (!parameter || !series) return null;
  const x = positionsOf(parameter, slice.grid);
  const marks = marksOf(page, parameter, of);
  const here = at === null ? [] : positionsOf(parameter, [at]);
  const values = [...series.middle, ...(series.low ?? []), ...(series.high ?? []), ...marks.map((m) => m.y)];
  return {
    parameter,
    axis: axisOf(parameter, x),
    domain: domainOf(of === "cost" ? "log10" : "linear", values, 0.05),
    layers: [
      { kind: "points", color: "muted", shape: "dot", size: 2, alpha: faint(marks), marks },
      ...curve(x, series, parameter.values !== null),
      ...here.map((value): Layer => ({ kind: "rule", axis: "x", at: value, color: "accent" })),
    ],
  };
}

/** The runs, at what they have measured. */
function marksOf(page: SweepPage, parameter: Parameter, of: Quantity): Mark[] {
  const read = reader(page, parameter.path);
  const at = page.parameters.indexOf(parameter);
  // beside the interval of a category, which they would cover
  const aside = parameter.values ? 0.12 : 0;
  return page.runs.flatMap((run) => {
    const position = read(run);
    const y = of === "score" ? run.score : of === "cost" ? run.cost : null;
    if (position === null || y === null) return [];
    const text = () => [`Run ${run.label}`, `${parameter.label} = ${scalar(run.parameters[at])}`, `${of} ${number(y)}`];
    return [{ id: run.name, x: position + aside, y, text }];
  });
}

/** A line with its band; for categories a point with its interval. */
function curve(x: number[], { middle, low, high }: Series, separate: boolean): Layer[] {
  const interval: Layer[] = [];
  if (low && high && separate) interval.push({ kind: "intervals", color: "accent", alpha: 0.9, x, low, high });
  else if (low && high) interval.push({ kind: "band", color: "accent", x, low, high });
  if (!separate) return [...interval, { kind: "line", color: "accent", width: 2, x, y: middle }];
  const marks = x.map((at, i) => ({ id: "", x: at, y: middle[i]!, text: () => [`predicted ${number(middle[i])}`] }));
  return [...interval, { kind: "points", color: "accent", shape: "diamond", size: 5, marks }];
}
