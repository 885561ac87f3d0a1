import type { ComponentChildren } from "preact";
import { SweepActions } from "../actions/Actions.tsx";
import type { SweepPage } from "../api.ts";
import { runHref } from "../app/routes.ts";
import { cost, duration, number, time } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { ProgressBar } from "./ProgressBar.tsx";
import { State } from "./State.tsx";

/** What a reader wants to know first: state, best, counts, budget, time left. */
export function SweepHeader({ page }: { page: SweepPage }) {
  const { row } = page;
  const { counts, best } = row;
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
        <Fact
          label={`Best ${row.metric || "score"}`}
          note={row.goal === "minimize" ? "lower is better" : "higher is better"}
        >
          {best ? (
            <a class="big" href={runHref(row.namespace, row.name, best.run)}>
              {number(best.score)}
            </a>
          ) : (
            <span class="big">–</span>
          )}
          {best && (
            <span class="muted">
              {" "}
              <Text value={best.label} limit={40} />, cost {cost(best.cost, row.costUnit)}
            </span>
          )}
        </Fact>
        <Fact label="Finished runs" note={countsText(page)}>
          <ProgressBar
            value={counts.finished}
            of={counts.maxRuns}
            text={`${number(counts.finished)}${counts.maxRuns === null ? "" : ` of ${number(counts.maxRuns)}`}`}
          />
        </Fact>
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

function countsText({ row: { counts } }: SweepPage): string {
  const parts = [
    [counts.succeeded, "succeeded"],
    [counts.failed, "failed"],
    [counts.pruned, "stopped early"],
    [counts.running, "running"],
    [counts.waiting, "waiting"],
  ] as const;
  return (
    parts
      .filter(([count]) => count > 0)
      .map(([count, word]) => `${number(count)} ${word}`)
      .join(" · ") || "no runs yet"
  );
}

function Fact({ label, note, children }: { label: string; note?: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>
        <Text value={label} limit={60} />
      </dt>
      <dd>{children}</dd>
      {note && <dd class="note">{note}</dd>}
    </div>
  );
}
