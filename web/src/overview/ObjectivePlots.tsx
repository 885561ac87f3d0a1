import { useMemo } from "preact/hooks";
import type { Objective, SweepPage } from "../api.ts";
import { opener } from "../app/router.ts";
import type { Layer } from "../charts/layers.ts";
import { Plot } from "../charts/Plot.tsx";
import { domainOf } from "../charts/scale.ts";
import { visible } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";
import { measured } from "./objectives.ts";
import { scatterOf } from "./scatter.ts";

const HELP =
  "Score and a further objective of the succeeded runs. Pareto-optimal: no other run is better in one objective or cheaper, and not worse in any other. The dotted line is the threshold that a run must reach.";

/** The score against each objective after the first. */
export function ObjectivePlots({ page }: { page: SweepPage }) {
  return (
    <>
      {page.objectives.slice(1).map((objective) => (
        <ObjectivePlot key={objective.metric} page={page} objective={objective} />
      ))}
    </>
  );
}

function ObjectivePlot({ page, objective }: { page: SweepPage; objective: Objective }) {
  const points = useMemo(() => measured(page.runs, objective.metric), [page.runs, objective.metric]);
  const { layers, x, y } = useMemo(() => drawing(page, points, objective.threshold), [page, points]);
  const metric = visible(objective.metric, 40);
  return (
    <Plot
      title={`Score and ${metric}`}
      help={HELP}
      x={{ label: `${metric} (${objective.goal})`, kind: "linear", domain: x }}
      y={{ label: scoreName(page), kind: "linear", domain: y }}
      layers={layers}
      onOpen={opener(page)}
      empty={points.length === 0 && "No run has reported it yet."}
      table={() => ({
        columns: ["Run", scoreName(page), metric, "Pareto-optimal"],
        rows: points.map(({ run, x, score }) => [run.label, score, x, page.front.includes(run.name) ? "yes" : "no"]),
      })}
    />
  );
}

function drawing(page: SweepPage, points: ReturnType<typeof measured>, threshold: number | null) {
  const { others, optimal, y } = scatterOf(page, points);
  const rule: Layer[] = threshold === null ? [] : [{ kind: "rule", axis: "x", at: threshold, color: "ink" }];
  const x = domainOf("linear", [...points.map((p) => p.x), threshold]);
  return { layers: [others, optimal, ...rule], x, y };
}
