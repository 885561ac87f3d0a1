import { useSignal } from "@preact/signals";
import type { SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { Expander } from "../controls/Expander.tsx";
import { scoreName } from "../text/quantities.ts";
import { Coordinates } from "./Coordinates.tsx";
import { RangeInputs } from "./RangeInputs.tsx";

const HELP =
  "Each line is a run; it crosses each axis at its value. The darker the line (lighter on dark), the better the score. Drag along an axis to keep the runs in that range, in every panel; click the axis to remove the range. “Ranges” does the same with numbers. A line below an axis means that the run has no such value.";

/** Parallel coordinates of parameters, cost and score. Its brush filters all panels. */
export function ParallelPlot({ page }: { page: SweepPage }) {
  const ranges = useSignal(false);
  return (
    <Panel
      title="Parameters"
      help={HELP}
      wide
      empty={page.runs.length === 0 && "No run has started yet."}
      controls={<Expander open={ranges} text="Ranges" />}
      table={() => ({
        columns: ["Run", ...page.parameters.map((p) => p.label), "Cost", scoreName(page)],
        rows: page.runs.map((r) => [r.label, ...r.parameters, r.cost, r.score]),
      })}
    >
      {ranges.value && <RangeInputs page={page} />}
      <Coordinates page={page} />
    </Panel>
  );
}
