import type { RunRow, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { cost, plural } from "../text/format.ts";
import { RunLink } from "../text/RunLink.tsx";
import { Text } from "../text/Text.tsx";
import { wastedRuns } from "./parts.ts";

const SHOWN = 5;

/** Which runs cost the most without a result. */
export function WastePanel({ page, runs: all }: { page: SweepPage; runs: readonly RunRow[] }) {
  const runs = wastedRuns(all);
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
            <RunLink page={page} name={run.name} before="run " />: <strong>{cost(run.cost, page.money.unit)}</strong>,{" "}
            <Text value={`${run.failure?.class ?? ""}: ${run.failure?.reason ?? ""}`} limit={80} />
          </li>
        ))}
      </ol>
      {runs.length > SHOWN && <p class="muted">and {plural(runs.length - SHOWN, "other run")}.</p>}
    </Panel>
  );
}
