import { useMemo, useState } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { opener } from "../app/router.ts";
import type { TableData } from "../charts/Panel.tsx";
import { Plot } from "../charts/Plot.tsx";
import { domainOf, type ScaleKind } from "../charts/scale.ts";
import { Choice, named } from "../controls/Choice.tsx";
import { passingRuns } from "../store/filter.ts";
import { costName, scoreName } from "../text/quantities.ts";
import { type Comparison, comparisons, judgment } from "./calibration.ts";
import { calibrationLayers } from "./calibrationLayers.ts";

const QUANTITIES = ["score", "cost"] as const;

const HELP =
  "Each point is a finished run: what the model predicted before the run, with its 80% interval, and what was observed. " +
  "On the diagonal, both are the same. A model that knows how sure it is has 80% of the results inside.";

/** How sure is the model, and is it right to be? */
export function CalibrationPanel({ page }: { page: SweepPage }) {
  const [of, setOf] = useState<"score" | "cost">("score");
  const found = useMemo(() => comparisons(page.runs, of), [page.runs, of]);
  const kind: ScaleKind = of === "cost" && found.every((c) => c.low > 0 && c.observed > 0) ? "log10" : "linear";
  const domain = (values: number[]) => domainOf(kind, values, 0.05);
  const observed = domain(found.map((c) => c.observed));
  const predicted = domain(found.flatMap((c) => [c.low, c.high, c.predicted]));
  const layers = useMemo(() => calibrationLayers(page, found, of, observed), [found]);
  const passing = useMemo(() => comparisons(passingRuns.value, of), [passingRuns.value, of]);
  const label = of === "cost" ? costName(page) : scoreName(page);
  const none = `No finished run has a prediction of its ${of} yet: the first runs are not suggested by the model.`;
  return (
    <Plot
      title="How sure is the model?"
      help={HELP}
      x={{ label: `observed ${label}`, kind, domain: observed }}
      y={{ label: `predicted ${label}`, kind, domain: predicted }}
      layers={layers}
      height={300}
      onOpen={opener(page)}
      empty={found.length === 0 && none}
      table={() => calibrationTable(found)}
      controls={<Choice label="of" value={of} options={named(QUANTITIES)} onChange={setOf} />}
    >
      <p class="muted">{judgment(passing)}</p>
    </Plot>
  );
}

function calibrationTable(found: Comparison[]): TableData {
  return {
    columns: ["run", "predicted", "low", "high", "observed", "inside"],
    rows: found.map((c) => [c.run.label, c.predicted, c.low, c.high, c.observed, c.inside ? "yes" : "no"]),
  };
}
