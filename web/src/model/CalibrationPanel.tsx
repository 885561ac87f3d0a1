import { useMemo, useState } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { runHref } from "../app/routes.ts";
import type { Layer } from "../charts/layers.ts";
import { Plot } from "../charts/Plot.tsx";
import { domainOf, type ScaleKind } from "../charts/scale.ts";
import { cost, number } from "../text/format.ts";
import { type Comparison, comparisons, judgment } from "./calibration.ts";

type Quantity = "score" | "cost";

const HELP =
  "Each point is a finished run: what the model predicted before the run, with its 80% interval, and what was observed. " +
  "On the diagonal, both are the same. A model that knows how sure it is has 80% of the results inside.";

/** How sure is the model, and is it right to be? */
export function CalibrationPanel({ page }: { page: SweepPage }) {
  const [of, setOf] = useState<Quantity>("score");
  const found = useMemo(() => comparisons(page.runs, of), [page.runs, of]);
  const kind: ScaleKind = of === "cost" && found.every((c) => c.low > 0 && c.observed > 0) ? "log10" : "linear";
  const observed = domainOf(
    kind,
    found.map((c) => c.observed),
    0.05,
  );
  const domain = domainOf(
    kind,
    found.flatMap((c) => [c.low, c.high, c.predicted]),
    0.05,
  );
  const layers = useMemo(() => layersOf(found, observed, (v) => shown(page, of, v)), [found]);
  const { namespace, name, metric } = page.row;
  const label = of === "cost" ? `cost (${page.row.costUnit})` : metric || "score";
  return (
    <Plot
      title="How sure is the model?"
      help={HELP}
      x={{ label: `observed ${label}`, kind, domain: observed }}
      y={{ label: `predicted ${label}`, kind, domain }}
      layers={layers}
      height={300}
      onOpen={(run) => go(runHref(namespace, name, run))}
      empty={
        found.length === 0 &&
        `No finished run has a prediction of its ${of} yet: the first runs are not suggested by the model.`
      }
      table={() => ({
        columns: ["run", "predicted", "low", "high", "observed", "inside"],
        rows: found.map((c) => [c.run.label, c.predicted, c.low, c.high, c.observed, c.inside ? "yes" : "no"]),
      })}
      controls={
        <label>
          of{" "}
          <select value={of} onChange={(e) => setOf(e.currentTarget.value as Quantity)}>
            <option value="score">score</option>
            <option value="cost">cost</option>
          </select>
        </label>
      }
    >
      <p class="muted">{judgment(found)}</p>
    </Plot>
  );
}

function shown(page: SweepPage, of: Quantity, value: number): string {
  return of === "cost" ? cost(value, page.row.costUnit) : number(value);
}

function layersOf(found: Comparison[], domain: [number, number], show: (value: number) => string): Layer[] {
  const part = (some: Comparison[], label: string, color: "good" | "failed", shape: "dot" | "cross"): Layer[] => [
    {
      kind: "intervals",
      color,
      alpha: 0.45,
      x: some.map((c) => c.observed),
      low: some.map((c) => c.low),
      high: some.map((c) => c.high),
      ids: some.map((c) => c.run.name),
    },
    {
      kind: "points",
      color,
      shape,
      label,
      marks: some.map((c) => ({
        id: c.run.name,
        x: c.observed,
        y: c.predicted,
        text: () => [
          `Run ${c.run.label}`,
          `predicted ${show(c.predicted)} (80%: ${show(c.low)} to ${show(c.high)})`,
          `observed ${show(c.observed)}: ${c.inside ? "inside" : "outside"}`,
        ],
      })),
    },
  ];
  return [
    { kind: "line", color: "muted", x: [...domain], y: [...domain], width: 1, dash: [4, 3] },
    ...part(
      found.filter((c) => c.inside),
      "inside the interval",
      "good",
      "dot",
    ),
    ...part(
      found.filter((c) => !c.inside),
      "outside",
      "failed",
      "cross",
    ),
  ];
}
