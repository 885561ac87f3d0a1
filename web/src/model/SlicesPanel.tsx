import { useMemo, useState } from "preact/hooks";
import type { Parameter, ParameterSlice, Scalar, Slices, SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { runHref } from "../app/routes.ts";
import type { Layer } from "../charts/layers.ts";
import { Panel } from "../charts/Panel.tsx";
import { PlotArea } from "../charts/Plot.tsx";
import { domainOf } from "../charts/scale.ts";
import { RunLink } from "../run/WhyPoint.tsx";
import { reader } from "../store/selection.ts";
import { number, scalar } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { Answered } from "./Answered.tsx";
import { axisOf, positionsOf } from "./axes.ts";
import { useExplanation } from "./explanation.ts";
import { type Quantity, quantitiesOf, type Series, seriesOf } from "./slices.ts";

const AT_FIRST = 6;
const HELP =
  "What the model predicts if one parameter changes and the others stay as in the best run. The band is the 80% interval " +
  "of one measurement. Points are runs; they have other values of the other parameters, too.";

/** What each parameter does. */
export function SlicesPanel({ page, order }: { page: SweepPage; order: readonly string[] }) {
  const answer = useExplanation<Slices>({ what: "slices" });
  const [all, setAll] = useState(false);
  const [of, setOf] = useState<Quantity>("score");
  const found = answer.value?.parameters ?? [];
  const sorted = order.flatMap((path) => found.find((slice) => slice.path === path) ?? []);
  const quantities = quantitiesOf(found);
  return (
    <Panel
      title="What each parameter does"
      help={HELP}
      wide
      {...(found.length > 0 ? { table: () => sliceTable(sorted) } : {})}
      controls={
        quantities.length > 1 && (
          <label>
            show{" "}
            <select value={of} onChange={(e) => setOf(e.currentTarget.value as Quantity)}>
              {quantities.map((quantity) => (
                <option key={quantity} value={quantity}>
                  {quantity}
                </option>
              ))}
            </select>
          </label>
        )
      }
    >
      <Answered answer={answer} page={page}>
        {(slices) => (
          <>
            {slices.run && (
              <p class="muted">
                The slices go through the configuration of <RunLink now={page} name={slices.run} />, the best one so
                far.
              </p>
            )}
            <div class="slices">
              {sorted.slice(0, all ? undefined : AT_FIRST).map((slice) => (
                <Slice key={slice.path} page={page} slice={slice} at={slices.at} of={of} />
              ))}
            </div>
            {sorted.length > AT_FIRST && (
              <button type="button" onClick={() => setAll(!all)}>
                {all ? "Show the most important only" : `Show all ${sorted.length} parameters`}
              </button>
            )}
          </>
        )}
      </Answered>
    </Panel>
  );
}

interface SliceProps {
  page: SweepPage;
  slice: ParameterSlice;
  at: Slices["at"];
  of: Quantity;
}

function Slice({ page, slice, at, of }: SliceProps) {
  const parameter = page.parameters.find((p) => p.path === slice.path);
  const drawn = useMemo(
    () => parameter && drawing(page, parameter, slice, at[slice.path] ?? null, of),
    [page.runs, slice, at, of],
  );
  const { namespace, name, metric, costUnit } = page.row;
  if (!drawn || !parameter) return null;
  const label = of === "score" ? metric || "score" : of === "cost" ? `cost (${costUnit})` : of;
  const assumed = Object.entries(slice.assumed).map(([path, value]) => `${path} = ${scalar(value)}`);
  return (
    <figure class="slice">
      <figcaption title={slice.path}>
        <Text value={parameter.label} limit={60} />
        {assumed.length > 0 && (
          <span class="muted">
            {" "}
            with <Text value={assumed.join(", ")} limit={120} />
          </span>
        )}
      </figcaption>
      <PlotArea
        title={`${label} by ${parameter.label}`}
        x={{ ...drawn.axis, label: "" }}
        y={{ label, kind: of === "cost" ? "log10" : "linear", domain: drawn.domain }}
        layers={drawn.layers}
        height={200}
        onOpen={(run) => go(runHref(namespace, name, run))}
      />
    </figure>
  );
}

function drawing(page: SweepPage, parameter: Parameter, slice: ParameterSlice, at: Scalar | null, of: Quantity) {
  const series = seriesOf(slice, of);
  if (!series) return null;
  const x = positionsOf(parameter, slice.grid);
  const read = reader(page, parameter.path);
  const runs = page.runs.flatMap((run) => {
    const position = read(run);
    const value = of === "score" ? run.score : of === "cost" ? run.cost : null;
    return position === null || value === null ? [] : [{ run, position, value }];
  });
  // beside the interval of a category, which they would cover
  const aside = parameter.values ? 0.12 : 0;
  const here = at === null ? [] : positionsOf(parameter, [at]);
  const layers: Layer[] = [
    ...curve(x, series, parameter.values !== null),
    {
      kind: "points",
      color: "muted",
      shape: "dot",
      size: 2,
      alpha: 0.65,
      marks: runs.map(({ run, position, value }) => ({
        id: run.name,
        x: position + aside,
        y: value,
        text: () => [
          `Run ${run.label}`,
          `${parameter.label} = ${scalar(run.parameters[page.parameters.indexOf(parameter)])}`,
          `${of} ${number(value)}`,
        ],
      })),
    },
    ...here.map((value): Layer => ({ kind: "rule", axis: "x", at: value, color: "accent" })),
  ];
  const drawnValues = [...series.middle, ...(series.low ?? []), ...(series.high ?? []), ...runs.map((r) => r.value)];
  return {
    layers,
    axis: axisOf(parameter, x),
    domain: domainOf(of === "cost" ? "log10" : "linear", drawnValues, 0.05),
  };
}

/** A line with its band; for categories a point with its interval. */
function curve(x: number[], { middle, low, high }: Series, separate: boolean): Layer[] {
  const interval: Layer[] =
    !low || !high
      ? []
      : [
          separate
            ? { kind: "intervals", color: "accent", alpha: 0.9, x, low, high }
            : { kind: "band", color: "accent", x, low, high },
        ];
  if (!separate) return [...interval, { kind: "line", color: "accent", width: 2, x, y: middle }];
  const marks = x.map((value, i) => ({
    id: "",
    x: value,
    y: middle[i]!,
    text: () => [`predicted ${number(middle[i])}`],
  }));
  return [...interval, { kind: "points", color: "accent", shape: "diamond", size: 5, marks }];
}

function sliceTable(slices: readonly ParameterSlice[]) {
  return {
    columns: ["parameter", "value", "mean", "low", "high", "cost"],
    rows: slices.flatMap((s) =>
      s.grid.map((value, i) => [
        s.path,
        value,
        s.mean[i] ?? null,
        s.low[i] ?? null,
        s.high[i] ?? null,
        s.cost?.[i] ?? null,
      ]),
    ),
  };
}
