import { useMemo } from "preact/hooks";
import type { Curves, SweepPage } from "../api.ts";
import type { Layer } from "../charts/layers.ts";
import { domainOf } from "../charts/scale.ts";
import { selected } from "../store/filter.ts";
import { bandsOf, chosenRuns, extentOf, type Forecasts, linesOf, marksOf, type XAxis } from "./geometry.ts";
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
  const passing = selected.value;
  return useMemo(
    () => (all ? drawing(page, all, view, forecasts) : NOTHING),
    [page.runs, all, view, passing, forecasts],
  );
}

function drawing(page: SweepPage, all: Curves, { axis, logX, logY }: View, forecasts: Forecasts): Drawing {
  const passing = selected.peek();
  const runs = page.runs.filter((run) => all.items[run.name] && (!passing || passing.has(run.name)));
  const lines = linesOf(all, chosenRuns(runs, page.ranking, MOST), axis, logX, logY);
  const bands = bandsOf(lines, axis, forecasts);
  const marks = marksOf(lines, all, axis);
  const [x, y] = extentOf(lines, bands, marks) ?? [[], []];
  return {
    layers: curveLayers({ lines, bands, marks, forecasts }, page),
    count: runs.length,
    drawn: lines.length,
    x: domainOf(logX ? "log10" : "linear", x, 0.01),
    y: domainOf(logY ? "log10" : "linear", y, 0.05),
  };
}
