import { useMemo } from "preact/hooks";
import type { RunRow, SweepPage } from "../api.ts";
import { Plot } from "../charts/Plot.tsx";
import { domainOf } from "../charts/scale.ts";
import { bandsOf, extentOf, linesOf, marksOf } from "../curves/geometry.ts";
import { curveLayers } from "../curves/layers.ts";
import { useForecasts } from "../curves/useForecasts.ts";
import { curves as known } from "../store/store.ts";
import { number } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";

/** The learning curve of the run, together with that of the best run. */
export function RunCurve({ now, row }: { now: SweepPage; row: RunRow }) {
  const all = known.value;
  const { forecasts } = useForecasts(now);
  const drawn = useMemo(() => {
    if (!all) return null;
    const best = now.runs.filter((run) => run.name === now.row.best?.run && run.name !== row.name);
    const lines = linesOf(all, [...best, row], "step", false, false);
    const parts = { lines, bands: bandsOf(lines, "step", forecasts), marks: marksOf(lines, all, "step"), forecasts };
    const extent = extentOf(parts.lines, parts.bands, parts.marks);
    return (
      extent && {
        layers: curveLayers(parts, now),
        x: domainOf("linear", extent[0], 0.01),
        y: domainOf("linear", extent[1], 0.05),
      }
    );
  }, [all, now.row.best?.run, row, forecasts]);
  const curve = all?.items[row.name];
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
