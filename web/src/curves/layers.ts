/** Layers of the plot of learning curves. */
import type { Forecast, RunRow, SweepPage } from "../api.ts";
import type { Layer, Mark as PlotMark } from "../charts/layers.ts";
import type { ColorName } from "../charts/palette.ts";
import { clamped } from "../charts/scale.ts";
import { number, percent } from "../text/format.ts";
import { type Band, type Forecasts, forecastOf, type Line, type Mark } from "./geometry.ts";

interface Style {
  color: ColorName;
  label: string;
  width: number;
  alpha: number;
}

/** Drawn in this order: what matters most lies on top. */
const STYLES: [RunRow["group"], Style][] = [
  ["stopped", { color: "waiting", label: "stopped by a person", width: 1, alpha: 0.6 }],
  ["failed", { color: "failed", label: "failed", width: 1, alpha: 0.7 }],
  ["pruned", { color: "pruned", label: "stopped early", width: 1, alpha: 0.7 }],
  ["succeeded", { color: "good", label: "succeeded", width: 1, alpha: 0.6 }],
  ["waiting", { color: "waiting", label: "waiting", width: 1.5, alpha: 0.9 }],
  ["running", { color: "running", label: "running", width: 2, alpha: 1 }],
];
/** Curves that are drawn as one path: thousands of paths are slow, and so is one path of thousands of curves. */
const TOGETHER = 40;

interface Drawn {
  lines: Line[];
  bands: Band[];
  marks: Mark[];
  forecasts: Forecasts;
  /** The values that the plot shows; marks of others stand at its border. */
  y: [number, number];
}

export function curveLayers(drawn: Drawn, page: SweepPage): Layer[] {
  const best = drawn.lines.filter((line) => line.run.name === page.row.best?.run);
  return [
    ...drawn.bands.map((band, at) => bandLayer(band, at === 0)),
    ...STYLES.flatMap(([group, style]) =>
      groupLayers(
        drawn.lines.filter((line) => line.run.group === group),
        style,
        drawn,
        page,
      ),
    ),
    ...groupLayers(best, { color: "ink", label: "best run", width: 2.5, alpha: 1 }, drawn, page),
    ...drawn.bands.map((band): Layer => {
      return {
        kind: "line",
        color: "running",
        x: [band.from[0], band.to],
        y: [band.from[1], band.middle],
        width: 1,
        dash: [4, 3],
      };
    }),
    ...markLayers(drawn),
  ];
}

function bandLayer({ from, to, low, high }: Band, first: boolean): Layer {
  const shape = { x: [from[0], to], low: [from[1], low], high: [from[1], high] };
  return { kind: "band", color: "running", alpha: 0.16, ...shape, ...(first ? { label: "forecast (80%)" } : {}) };
}

function groupLayers(lines: Line[], style: Style, drawn: Drawn, page: SweepPage): Layer[] {
  const layers: Layer[] = [];
  for (let from = 0; from < lines.length; from += TOGETHER) {
    const some = lines.slice(from, from + TOGETHER);
    layers.push({
      kind: "line",
      color: style.color,
      alpha: style.alpha,
      width: style.width,
      // not a number separates two curves
      x: some.flatMap((line) => [...line.x, Number.NaN]),
      y: some.flatMap((line) => [...line.y, Number.NaN]),
      ...(from === 0 ? { label: style.label } : {}),
    });
  }
  if (lines.length > 0) {
    const ends = lines.map((line) => endOf(line, drawn, page));
    layers.push({
      kind: "points",
      color: style.color,
      alpha: style.alpha,
      shape: "dot",
      size: style.width + 0.8,
      marks: ends,
    });
  }
  return layers;
}

function endOf({ run, x, y }: Line, { forecasts, y: shown }: Drawn, page: SweepPage): PlotMark {
  return {
    id: run.name,
    x: x[x.length - 1]!,
    y: clamped(y[y.length - 1]!, shown),
    text: () => description(run, y[y.length - 1]!, forecastOf(run, forecasts), page),
  };
}

function description(run: RunRow, last: number, forecast: Forecast | null, page: SweepPage): string[] {
  return [
    `Run ${run.label}: ${run.state}`,
    `last value ${number(last)}${run.score === null ? "" : `, score ${number(run.score)}`}`,
    ...(forecast
      ? [`forecast ${number(forecast.score)} (80%: ${number(forecast.low)} to ${number(forecast.high)})`]
      : []),
    ...(forecast ? [`chance to become Pareto-optimal: ${percent(forecast.probability)}`] : []),
    ...(run.verdict ? [run.verdict.text] : []),
    ...(run.name === page.row.best?.run ? ["best run"] : []),
  ];
}

function markLayers({ marks, y }: Drawn): Layer[] {
  if (marks.length === 0) return [];
  const needed = marks.filter((mark) => mark.threshold !== null);
  return [
    {
      kind: "intervals",
      color: "pruned",
      alpha: 0.6,
      x: needed.map((mark) => mark.x),
      low: needed.map((mark) => Math.min(mark.y, mark.threshold!)),
      high: needed.map((mark) => Math.max(mark.y, mark.threshold!)),
    },
    {
      kind: "points",
      color: "pruned",
      shape: "square",
      size: 3,
      label: "verdict of early stopping, and the value that was needed",
      marks: marks.map((mark) => ({
        id: mark.run.name,
        x: mark.x,
        y: clamped(mark.y, y),
        text: () => [`Run ${mark.run.label}`, mark.run.verdict!.text],
      })),
    },
  ];
}
