import type { Money, RunRow, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { cost, plural } from "../text/format.ts";
import { Terms } from "../text/Terms.tsx";
import { comparisonText } from "./parts.ts";

interface EarlyStoppingProps {
  page: SweepPage;
  money: Money;
  runs: readonly RunRow[];
}

/** What early stopping has saved, and how often it is wrong. */
export function EarlyStopping({ page, money: { pruned, unit }, runs }: EarlyStoppingProps) {
  const compared = runs.filter((run) => run.verdict?.shadow && run.ended !== null).length;
  const none = page.earlyStopping === "none" || page.earlyStopping === "";
  return (
    <Panel
      title="Early stopping"
      empty={pruned.runs + compared === 0 && nothing(none ? "" : page.earlyStopping)}
      help="Some runs continue although the rule would stop them. Their results show how often the rule is wrong."
    >
      <Terms
        items={[
          ["Rule", page.earlyStopping],
          ["Stopped", `${plural(pruned.runs, "run")} after ${cost(pruned.cost, unit)}`],
          ["Saved", `about ${cost(pruned.saved, unit)}`],
          ["Continued for comparison", comparisonText(compared, pruned.wrong)],
        ]}
      />
    </Panel>
  );
}

function nothing(rule: string): string {
  if (rule === "") return "Early stopping is off, so no run is stopped (spec.earlyStopping).";
  return `The rule ${rule} has not stopped any run yet.`;
}
