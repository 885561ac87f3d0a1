import { useMemo } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import type { AxisSpec } from "../charts/Plot.tsx";
import { Plot } from "../charts/Plot.tsx";
import { domainOf, robustDomain } from "../charts/scale.ts";
import { costName, scoreName } from "../text/quantities.ts";
import { type Measure, nameOf, progressOf, seriesLayers } from "./progress.ts";

const TEXTS = {
  runs: { title: "Best score by finished runs", help: "The best score so far, after each run that ended." },
  cost: {
    title: "Best score by cost",
    help: "The best score so far against the cost of all runs that had ended by then, failed ones included.",
  },
};

/** The best score so far of each sweep. */
export function ProgressPlot({ pages, measure }: { pages: SweepPage[]; measure: Measure }) {
  const series = useMemo(() => pages.map((page) => progressOf(page, measure)), [...pages, measure]);
  const layers = useMemo(() => seriesLayers(pages, series, measure), [series]);
  const { goal } = pages[0]!.row;
  const scores = series.flatMap((s) => s.y);
  const label = measure === "runs" ? "finished runs" : costName(pages[0]!);
  const x: AxisSpec = {
    label,
    kind: "linear",
    domain: domainOf("linear", [0, ...series.flatMap((s) => s.x)], 0.02),
    integer: measure === "runs",
  };
  return (
    <Plot
      {...TEXTS[measure]}
      x={x}
      y={{ label: scoreName(pages[0]!), kind: "linear", domain: robustDomain(scores, goal, []) }}
      layers={layers}
      linked={false}
      empty={scores.length === 0 && "None of these sweeps has a score yet."}
      table={() => ({
        columns: ["Sweep", label, "Best score"],
        rows: series.flatMap((s, i) => s.x.map((at, k) => [nameOf(pages[i]!), at, s.y[k]!])),
      })}
    />
  );
}
