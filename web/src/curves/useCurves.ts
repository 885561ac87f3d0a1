import { useMemo } from "preact/hooks";
import type { Curves, RunRow, SweepPage } from "../api.ts";
import type { Layer } from "../charts/layers.ts";
import { domainOf, robustDomain } from "../charts/scale.ts";
import { passingRuns } from "../store/filter.ts";
import { own } from "../store/own.ts";
import {
  type Band,
  bandsOf,
  chosenRuns,
  extentOf,
  type Forecasts,
  type Line,
  linesOf,
  type Mark,
  marksOf,
  type XAxis,
} from "./geometry.ts";
import { curveLayers } from "./layers.ts";

export const MOST = 400;

export interface View {
  axis: XAxis;
  logX: boolean;
  logY: boolean;
}

export interface Drawing {
  layers: Layer[];
  /** Curves that pass the filter, and how many of them are drawn. */
  count: number;
  drawn: number;
  x: [number, number];
  y: [number, number];
}

const NOTHING: Drawing = { layers: [], count: 0, drawn: 0, x: [0, 1], y: [0, 1] };

/** What is drawn of the curves. */
export function useCurves(page: SweepPage, all: Curves | null, view: View, forecasts: Forecasts): Drawing {
  const runs = passingRuns.value;
  return useMemo(() => (all ? drawing(page, runs, all, view, forecasts) : NOTHING), [runs, all, view, forecasts]);
}

function drawing(page: SweepPage, passing: RunRow[], all: Curves, view: View, forecasts: Forecasts): Drawing {
  const { axis, logX, logY } = view;
  const runs = passing.filter((run) => own(all.items, run.name));
  const lines = linesOf(all, chosenRuns(runs, page.ranking, MOST), axis, logX, logY);
  const bands = bandsOf(lines, axis, forecasts);
  const marks = marksOf(lines, all, axis);
  const [x, whole] = extentOf(lines, bands, marks) ?? [[], []];
  const y = logY ? domainOf("log10", whole, 0.05) : shownValues(lines, bands, marks, page);
  return {
    layers: curveLayers({ lines, bands, marks, forecasts, y }, page),
    count: runs.length,
    drawn: lines.length,
    x: domainOf(logX ? "log10" : "linear", x, 0.01),
    y,
  };
}

/** The domain of values, which a run that has diverged does not stretch. */
function shownValues(lines: Line[], bands: Band[], marks: Mark[], { row }: SweepPage): [number, number] {
  const ends = lines.flatMap(({ y }) => [Math.min(...y), Math.max(...y)]);
  const keep = [...bands.flatMap(({ low, high }) => [low, high]), ...marks.map((mark) => mark.threshold)];
  return robustDomain(ends, row.goal, keep, 0.05);
}
