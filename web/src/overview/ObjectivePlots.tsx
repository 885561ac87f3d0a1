import { useMemo } from "preact/hooks";
import type { Objective, SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { runHref } from "../app/routes.ts";
import type { Mark } from "../charts/layers.ts";
import { Plot } from "../charts/Plot.tsx";
import { clamped, domainOf, robustDomain } from "../charts/scale.ts";
import { visible } from "../text/format.ts";
import { runText } from "./history.ts";
import { type Measured, measured } from "./objectives.ts";

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
  const { namespace, name, goal, metric } = page.row;
  const runs = useMemo(() => measured(page.runs, objective.metric), [page.runs, objective.metric]);
  const front = new Set(page.front);
  const y = robustDomain(
    runs.map((r) => r.score),
    goal,
    [],
  );
  const mark = (r: Measured): Mark => ({
    id: r.name,
    x: r.value,
    y: clamped(r.score, y),
    text: () => runText(page, r),
  });
  const threshold = objective.threshold;
  const values = [...runs.map((r) => r.value), ...(threshold === null ? [] : [threshold])];
  return (
    <Plot
      title={`Score and ${visible(objective.metric, 40)}`}
      help={HELP}
      x={{
        label: `${visible(objective.metric, 40)} (${objective.goal})`,
        kind: "linear",
        domain: domainOf("linear", values),
      }}
      y={{ label: metric || "score", kind: "linear", domain: y }}
      layers={[
        {
          kind: "points",
          shape: "dot",
          color: "muted",
          alpha: 0.6,
          label: "succeeded",
          marks: runs.filter((r) => !front.has(r.name)).map(mark),
        },
        {
          kind: "points",
          shape: "diamond",
          color: "accent",
          size: 4,
          label: "Pareto-optimal",
          marks: runs.filter((r) => front.has(r.name)).map(mark),
        },
        ...(threshold === null
          ? []
          : [{ kind: "rule" as const, axis: "x" as const, at: threshold, color: "ink" as const }]),
      ]}
      onOpen={(run) => go(runHref(namespace, name, run))}
      empty={runs.length === 0 && "No run has reported it yet."}
      table={() => ({
        columns: ["Run", metric || "Score", objective.metric, "Pareto-optimal"],
        rows: runs.map((r) => [r.label, r.score, r.value, front.has(r.name) ? "yes" : "no"]),
      })}
    />
  );
}
