import type { SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { RunLink } from "../run/WhyPoint.tsx";
import { cost, plural } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { wastedRuns } from "./parts.ts";

const SHOWN = 5;

/** Which runs cost the most without a result. */
export function WastePanel({ page }: { page: SweepPage }) {
  const runs = wastedRuns(page.runs);
  return (
    <Panel
      title="Most expensive failures"
      empty={runs.length === 0 && "No run has failed at a cost."}
      table={() => ({
        columns: ["run", "class", "reason", `cost (${page.money.unit})`],
        rows: runs.map((run) => [run.label, run.failure?.class ?? "", run.failure?.reason ?? "", run.cost]),
      })}
    >
      <ol>
        {runs.slice(0, SHOWN).map((run) => (
          <li key={run.name}>
            <RunLink now={page} name={run.name} />: <strong>{cost(run.cost, page.money.unit)}</strong>,{" "}
            <Text value={`${run.failure?.class ?? ""}: ${run.failure?.reason ?? ""}`} limit={80} />
          </li>
        ))}
      </ol>
      {runs.length > SHOWN && <p class="muted">and {plural(runs.length - SHOWN, "other run")}.</p>}
    </Panel>
  );
}
