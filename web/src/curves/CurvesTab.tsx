import { useMemo, useState } from "preact/hooks";
import type { Curves, RunRow, SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { runHref } from "../app/routes.ts";
import type { TabProps } from "../app/tabs.ts";
import type { TableData } from "../charts/Panel.tsx";
import { Plot } from "../charts/Plot.tsx";
import { domainOf } from "../charts/scale.ts";
import { selected } from "../store/filter.ts";
import { curves as known } from "../store/store.ts";
import { number, plural } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import {
  bandsOf,
  chosenRuns,
  type Extent,
  extentOf,
  type Forecasts,
  forecastOf,
  linesOf,
  marksOf,
  type XAxis,
} from "./geometry.ts";
import { curveLayers } from "./layers.ts";
import { useForecasts } from "./useForecasts.ts";

const HELP =
  "Each line is a run. The band of a running run is the forecast of its final score: 80% of such runs end inside. " +
  "A square marks where early stopping judged a run; the line from it ends at the value that the run needed.";

const MOST = 400;

/** The learning curves of all runs that pass the filter, with forecasts and verdicts. */
export function CurvesTab({ page }: TabProps) {
  const [axis, setAxis] = useState<XAxis>("step");
  const [logX, setLogX] = useState(false);
  const [logY, setLogY] = useState(false);
  const { forecasts, note } = useForecasts(page);
  const all = known.value;
  const passing = selected.value;
  const drawn = useMemo(
    () => all && drawing(page, all, { axis, logX, logY }, forecasts),
    [page.runs, all, axis, logX, logY, passing, forecasts],
  );
  const { namespace, name, metric } = page.row;
  return (
    <div class="panels">
      <Plot
        title="Learning curves"
        help={HELP}
        wide
        height={440}
        linked={false}
        x={{
          label: axis === "step" ? "step" : "time of training",
          kind: kindOf(axis, logX),
          domain: drawn?.x ?? [0, 1],
        }}
        y={{ label: metric || "score", kind: logY ? "log10" : "linear", domain: drawn?.y ?? [0, 1] }}
        layers={drawn?.layers ?? []}
        onOpen={(run) => go(runHref(namespace, name, run))}
        table={() => curveTable(page, all, forecasts)}
        empty={emptyText(all, drawn?.drawn ?? 0)}
        controls={
          <>
            <label>
              x:{" "}
              <select value={axis} onChange={(e) => setAxis(e.currentTarget.value as XAxis)}>
                <option value="step">step</option>
                <option value="seconds">time of training</option>
              </select>
            </label>
            <Switch label="log x" on={logX} onChange={setLogX} />
            <Switch label="log y" on={logY} onChange={setLogY} />
          </>
        }
      >
        <p class="muted">{summary(page.runs, drawn?.count ?? 0, drawn?.drawn ?? 0)}</p>
        {note && (
          <p class="muted">
            No forecast: <Text value={note} limit={500} />
          </p>
        )}
      </Plot>
    </div>
  );
}

function Switch({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label>
      <input type="checkbox" checked={on} onChange={(e) => onChange(e.currentTarget.checked)} /> {label}
    </label>
  );
}

function kindOf(axis: XAxis, log: boolean) {
  return log ? "log10" : axis === "seconds" ? "seconds" : "linear";
}

interface View {
  axis: XAxis;
  logX: boolean;
  logY: boolean;
}

function drawing(page: SweepPage, all: Curves, { axis, logX, logY }: View, forecasts: Forecasts) {
  const passing = selected.peek();
  const runs = page.runs.filter((run) => all.items[run.name] && (!passing || passing.has(run.name)));
  const lines = linesOf(all, chosenRuns(runs, page.ranking, MOST), axis, logX, logY);
  const bands = bandsOf(lines, axis, forecasts);
  const marks = marksOf(lines, all, axis);
  const extent = extentOf(lines, bands, marks);
  const padded = (range: Extent, log: boolean, pad: number) => domainOf(log ? "log10" : "linear", range, pad);
  return {
    layers: curveLayers({ lines, bands, marks, forecasts }, page),
    count: runs.length,
    drawn: lines.length,
    x: extent && padded(extent[0], logX, 0.01),
    y: extent && padded(extent[1], logY, 0.05),
  };
}

function emptyText(all: Curves | null, count: number): string | false {
  if (!all) return "Loading…";
  if (Object.keys(all.items).length === 0)
    return "No run has reported a learning curve. The documentation's page on progress says how a program reports.";
  return count === 0 && "No curve passes the filter, or none can be shown on a logarithmic axis.";
}

function summary(runs: readonly RunRow[], count: number, drawn: number): string {
  const running = runs.filter((run) => run.group === "running").length;
  const stopped = runs.filter((run) => run.verdict && !run.verdict.shadow).length;
  const few =
    count > MOST ? `, ${drawn.toLocaleString("en-US")} of them drawn (running, best, and a choice of the others)` : "";
  const parts = [`${plural(count, "curve")}${few}`];
  if (running > 0) parts.push(`${plural(running, "run")} in progress`);
  if (stopped > 0) parts.push(`${plural(stopped, "run")} stopped early`);
  return `${parts.join(", ")}.`;
}

function curveTable(page: SweepPage, all: Curves | null, forecasts: Forecasts): TableData {
  const runs = page.runs.filter((run) => all?.items[run.name] && (!selected.peek() || selected.peek()!.has(run.name)));
  return {
    columns: ["run", "state", "points", "last step", "last value", "forecast", "80% interval", "verdict"],
    rows: runs.map((run) => {
      const curve = all!.items[run.name]!;
      const forecast = forecastOf(run, forecasts);
      return [
        run.label,
        run.state,
        curve.step.length,
        curve.step.at(-1) ?? null,
        curve.value.at(-1) ?? null,
        forecast?.score ?? null,
        forecast ? `${number(forecast.low)} to ${number(forecast.high)}` : null,
        run.verdict?.text ?? null,
      ];
    }),
  };
}
