/** Layers of a contour plot: the map, the lines of equal values, and the runs. */
import type { Contour, Parameter, SweepPage } from "../api.ts";
import { faint, type Layer, type Mark } from "../charts/layers.ts";
import { reader } from "../store/selection.ts";
import { number, scalar } from "../text/format.ts";
import { axisOf, between, kindOf, positionsOf } from "./axes.ts";
import { contourLine, levels } from "./contour.ts";

export type Quantity = "score" | "uncertainty" | "cost";

const LINES = 8;

export function contourDrawing(page: SweepPage, contour: Contour, of: Quantity, ramp: readonly string[]) {
  const xs = page.parameters.find((p) => p.path === contour.x);
  const ys = page.parameters.find((p) => p.path === contour.y);
  const values = valuesOf(contour, of);
  if (!xs || !ys || !values) return null;
  const x = positionsOf(xs, contour.gridX);
  const y = positionsOf(ys, contour.gridY);
  const known = values.flat().filter(Number.isFinite);
  if (known.length === 0) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  // strong colors mean good: high scores, or low ones if the sweep minimizes; low uncertainty and low cost are good, too
  const turned = of !== "score" || page.row.goal === "minimize";
  const colors = turned ? [...ramp].reverse() : [...ramp];
  const smooth = !xs.values && !ys.values;
  const layers: Layer[] = [{ kind: "grid", color: "line", x, y, values, colors, smooth }, ...runLayers(page, xs, ys)];
  if (smooth) layers.splice(1, 0, ...lineLayers(values, low, high, xs, ys, x, y));
  return { layers, x: axisOf(xs, x), y: axisOf(ys, y), low, high, colors };
}

function valuesOf(contour: Contour, of: Quantity): number[][] | undefined {
  const values = of === "score" ? contour.mean : of === "cost" ? contour.cost : contour.sd;
  return values?.map((row, r) => row.map((value, c) => (contour.allowed?.[r]?.[c] === false ? Number.NaN : value)));
}

function lineLayers(
  values: number[][],
  low: number,
  high: number,
  xs: Parameter,
  ys: Parameter,
  x: number[],
  y: number[],
): Layer[] {
  const place = (parameter: Parameter, grid: number[], at: number) => {
    const cell = Math.min(Math.floor(at), grid.length - 2);
    return between(kindOf(parameter), grid[cell]!, grid[cell + 1]!, at - cell);
  };
  return levels(low, high, LINES).map((level): Layer => {
    const segments = contourLine(values, level);
    return {
      kind: "line",
      color: "ink",
      alpha: 0.35,
      width: 1,
      x: segments.flatMap(({ from, to }) => [place(xs, x, from[0]), place(xs, x, to[0]), Number.NaN]),
      y: segments.flatMap(({ from, to }) => [place(ys, y, from[1]), place(ys, y, to[1]), Number.NaN]),
    };
  });
}

function runLayers(page: SweepPage, xs: Parameter, ys: Parameter): Layer[] {
  const [readX, readY] = [reader(page, xs.path), reader(page, ys.path)];
  const at = (parameter: Parameter) => page.parameters.indexOf(parameter);
  const marks: Mark[] = page.runs.flatMap((run) => {
    const [x, y] = [readX(run), readY(run)];
    if (run.score === null || x === null || y === null) return [];
    const text = () => [
      `Run ${run.label}: ${number(run.score)}`,
      `${xs.label} = ${scalar(run.parameters[at(xs)])}`,
      `${ys.label} = ${scalar(run.parameters[at(ys)])}`,
    ];
    return [{ id: run.name, x, y, text }];
  });
  const best = marks.filter((mark) => mark.id === page.row.best?.run);
  return [
    // a light dot below a dark one: visible on every color of the map
    { kind: "points", color: "surface", shape: "dot", size: 3.5, alpha: faint(marks), marks },
    { kind: "points", color: "ink", shape: "dot", size: 2.2, alpha: 0.1 + faint(marks), marks: [...marks] },
    { kind: "points", color: "surface", shape: "diamond", size: 8, marks: [...best] },
    { kind: "points", color: "series-2", shape: "diamond", size: 6, marks: [...best] },
  ];
}
