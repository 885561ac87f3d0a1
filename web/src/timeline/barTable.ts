import type { TableData } from "../charts/Panel.tsx";
import { duration } from "../text/format.ts";
import type { Bar } from "./layout.ts";

/** The bars of the timeline as a table. */
export function barTable(runs: { name: string; label: string }[], bars: readonly Bar[]): TableData {
  const labels = new Map(runs.map((run) => [run.name, run.label]));
  return {
    columns: ["run", "phase", "stage", "attempt", "start", "duration", "node"],
    rows: bars.map((bar) => [
      labels.get(bar.run) ?? bar.run,
      bar.open ? `${bar.phase} (now)` : bar.phase,
      bar.stage,
      bar.attempt,
      new Date(bar.start).toLocaleString("en-US", { hourCycle: "h23" }),
      duration((bar.end - bar.start) / 1000),
      bar.node,
    ]),
  };
}
