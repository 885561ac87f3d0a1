import { useMemo } from "preact/hooks";
import type { Curves, RunRow, SweepPage } from "../api.ts";
import { Plot } from "../charts/Plot.tsx";
import { domainOf } from "../charts/scale.ts";
import { bandsOf, extentOf, type Forecasts, linesOf, marksOf } from "../curves/geometry.ts";
import { curveLayers } from "../curves/layers.ts";
import { useForecasts } from "../curves/useForecasts.ts";
import { own } from "../store/own.ts";
import { curves as known } from "../store/store.ts";
import { number } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";

/** The learning curve of the run, together with that of the best run. */
export function RunCurve({ now, row }: { now: SweepPage; row: RunRow }) {
  const all = known.value;
  const { forecasts } = useForecasts(now);
  const drawn = useMemo(() => all && drawing(now, row, all, forecasts), [all, now.row.best?.run, row, forecasts]);
  const curve = all && own(all.items, row.name);
  return (
    <Plot
      title="Learning curve"
      help="The band is the forecast of the final score. A square marks where early stopping judged the run."
      linked={false}
      x={{ label: "step", kind: "linear", domain: drawn?.x ?? [0, 1] }}
      y={{ label: scoreName(now), kind: "linear", domain: drawn?.y ?? [0, 1] }}
      layers={drawn?.layers ?? []}
      empty={!drawn && "Loading…"}
      table={() => ({
        columns: ["step", "value", "time of training"],
        rows: (curve?.step ?? []).map((step, i) => [step, curve!.value[i] ?? null, number(curve!.seconds[i])]),
      })}
    />
  );
}

function drawing(now: SweepPage, row: RunRow, all: Curves, forecasts: Forecasts) {
  const best = now.runs.filter((run) => run.name === now.row.best?.run && run.name !== row.name);
  const lines = linesOf(all, [...best, row], "step", false, false);
  const parts = { lines, bands: bandsOf(lines, "step", forecasts), marks: marksOf(lines, all, "step"), forecasts };
  const extent = extentOf(parts.lines, parts.bands, parts.marks);
  if (!extent) return null;
  const [x, y] = [domainOf("linear", extent[0], 0.01), domainOf("linear", extent[1], 0.05)];
  return { layers: curveLayers({ ...parts, y }, now), x, y };
}
