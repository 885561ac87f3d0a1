/** What is said about learning curves, and the same data as a table. */

import type { Curves, RunRow } from "../api.ts";
import type { TableData } from "../charts/Panel.tsx";
import { passingRuns } from "../store/filter.ts";
import { own } from "../store/own.ts";
import { number, plural } from "../text/format.ts";
import { type Forecasts, forecastOf } from "./geometry.ts";
import { type Drawing, MOST } from "./useCurves.ts";

export function emptyText(all: Curves | null, count: number): string | false {
  if (!all) return "Loading…";
  if (Object.keys(all.items).length === 0)
    return "No run has reported a learning curve. The documentation's page on progress says how a program reports.";
  return count === 0 && "No curve passes the filter, or none can be shown on a logarithmic axis.";
}

export function summary(runs: readonly RunRow[], { count, drawn }: Drawing): string {
  const running = runs.filter((run) => run.group === "running").length;
  const stopped = runs.filter((run) => run.verdict && !run.verdict.shadow).length;
  const few = count > MOST ? `, ${number(drawn)} of them drawn (running, best, and a choice of the others)` : "";
  const parts = [`${plural(count, "curve")}${few}`];
  if (running > 0) parts.push(`${plural(running, "run")} in progress`);
  if (stopped > 0) parts.push(`${plural(stopped, "run")} stopped early`);
  return `${parts.join(", ")}.`;
}

export function curveTable(all: Curves | null, forecasts: Forecasts): TableData {
  const runs = passingRuns.value.flatMap((run) => {
    const curve = all && own(all.items, run.name);
    return curve ? [{ run, curve }] : [];
  });
  return {
    columns: ["run", "state", "points", "last step", "last value", "forecast", "80% interval", "verdict"],
    rows: runs.map(({ run, curve }) => {
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
