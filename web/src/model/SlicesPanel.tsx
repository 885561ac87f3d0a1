import { useSignal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { ParameterSlice, Slices, SweepPage } from "../api.ts";
import { Panel, type TableData } from "../charts/Panel.tsx";
import { Choice, named } from "../controls/Choice.tsx";
import { Expander } from "../controls/Expander.tsx";
import { RunLink } from "../text/RunLink.tsx";
import { Answered } from "./Answered.tsx";
import { useExplanation } from "./explanation.ts";
import { Slice } from "./Slice.tsx";
import { type Quantity, quantitiesOf } from "./slices.ts";

const HELP =
  "What the model predicts if one parameter changes and the others stay as in the best run. The band is the 80% interval " +
  "of one measurement. Points are runs; they have other values of the other parameters, too. " +
  "There is no line where the constraints of the sweep forbid the configuration.";

/** What each parameter does. `order`: paths of the parameters, the most important first. */
export function SlicesPanel({ page, order }: { page: SweepPage; order: readonly string[] }) {
  const answer = useExplanation<Slices>({ what: "slices" });
  const [of, setOf] = useState<Quantity>("score");
  const found = answer.value?.parameters ?? [];
  const sorted = order.flatMap((path) => found.find((slice) => slice.path === path) ?? []);
  const quantities = quantitiesOf(found);
  return (
    <Panel
      title="What each parameter does"
      help={HELP}
      wide
      table={found.length > 0 ? () => sliceTable(sorted) : undefined}
      controls={
        quantities.length > 1 && <Choice label="show" value={of} options={named(quantities)} onChange={setOf} />
      }
    >
      <Answered answer={answer} page={page}>
        {(slices) => (
          <>
            {slices.run && sorted.length > 0 && (
              <p class="muted">
                The slices go through the configuration of <RunLink page={page} name={slices.run} before="run " />
                {slices.run === page.row.best?.run && ", the best one so far"}.
              </p>
            )}
            <Grid page={page} slices={sorted} at={slices.at} of={of} />
          </>
        )}
      </Answered>
    </Panel>
  );
}

const AT_FIRST = 6;

interface GridProps {
  page: SweepPage;
  slices: readonly ParameterSlice[];
  at: Slices["at"];
  of: Quantity;
}

function Grid({ page, slices, at, of }: GridProps) {
  const all = useSignal(false);
  const text = all.value ? "Show the most important only" : `Show all ${slices.length} parameters`;
  return (
    <>
      <div class="slices">
        {slices.slice(0, all.value ? undefined : AT_FIRST).map((slice) => (
          <Slice key={slice.path} page={page} slice={slice} at={at} of={of} />
        ))}
      </div>
      {slices.length > AT_FIRST && <Expander open={all} text={text} />}
    </>
  );
}

function sliceTable(slices: readonly ParameterSlice[]): TableData {
  return {
    columns: ["parameter", "value", "mean", "low", "high", "cost"],
    rows: slices.flatMap((s) =>
      s.grid.map((value, i) => [
        s.path,
        value,
        ...[s.mean, s.low, s.high, s.cost].map((values) => values?.[i] ?? null),
      ]),
    ),
  };
}
