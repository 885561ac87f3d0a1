import { SweepActions } from "../actions/Actions.tsx";
import type { SweepPage, SweepRow } from "../api.ts";
import { Fact } from "../text/Facts.tsx";
import { cost, duration, number, time } from "../text/format.ts";
import { ProgressBar } from "../text/ProgressBar.tsx";
import { scoreName } from "../text/quantities.ts";
import { RunLink } from "../text/RunLink.tsx";
import { State } from "../text/State.tsx";
import { Text } from "../text/Text.tsx";

/** What a reader wants to know first: state, best, counts, budget, time left. */
export function SweepHeader({ page }: { page: SweepPage }) {
  const { row } = page;
  return (
    <header class="sweep-head">
      <div class="title-row">
        <h1>
          <Text value={row.displayName || row.name} limit={120} />
        </h1>
        <State row={row} />
        <span class="muted">
          <Text value={`${row.namespace}/${row.name}`} limit={120} />
        </span>
        <SweepActions page={page} />
      </div>
      {row.message && (
        <p class="message muted">
          <Text value={row.message} limit={400} />
        </p>
      )}
      <dl class="facts">
        <Best page={page} />
        <Finished row={row} />
        <Fact label="Spent" note={row.budget === null ? "no budget" : `budget ${cost(row.budget, row.costUnit)}`}>
          <ProgressBar value={row.spent} of={row.budget} text={cost(row.spent, row.costUnit)} />
        </Fact>
        <Fact label={row.ended ? "Ended" : "Remaining"} note={`started ${time(row.created)}`}>
          <span class="big">{row.ended ? time(row.completed) : duration(row.etaSeconds)}</span>
        </Fact>
      </dl>
    </header>
  );
}

function Best({ page }: { page: SweepPage }) {
  const { best, goal, costUnit } = page.row;
  return (
    <Fact label={`Best ${scoreName(page)}`} note={goal === "minimize" ? "lower is better" : "higher is better"}>
      <span class="big">{best ? <RunLink page={page} name={best.run} label={number(best.score)} /> : "–"}</span>
      {best && (
        <span class="muted">
          {" "}
          <Text value={best.label} limit={40} />, cost {cost(best.cost, costUnit)}
        </span>
      )}
    </Fact>
  );
}

function Finished({ row }: { row: SweepRow }) {
  const { finished, maxRuns } = row.counts;
  const text = maxRuns === null ? number(finished) : `${number(finished)} of ${number(maxRuns)}`;
  return (
    <Fact label="Finished runs" note={countsText(row)}>
      <ProgressBar value={finished} of={maxRuns} text={text} />
    </Fact>
  );
}

function countsText({ counts }: SweepRow): string {
  const parts = [
    [counts.succeeded, "succeeded"],
    [counts.failed, "failed"],
    [counts.pruned, "stopped early"],
    [counts.running, "running"],
    [counts.waiting, "waiting"],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, word]) => `${number(count)} ${word}`);
  return shown.join(" · ") || "no runs yet";
}
