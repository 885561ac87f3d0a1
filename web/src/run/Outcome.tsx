/** What became of a run that has no result: failed, stopped early, or still waiting. */
import type { RunPage, RunRow, SweepPage } from "../api.ts";
import { cost, number, percent, plural } from "../text/format.ts";
import { type Term, Terms } from "../text/Terms.tsx";
import { Text } from "../text/Text.tsx";
import { adviceOn } from "./advice.ts";

export function Outcome({ now, details }: { now: SweepPage; details: RunPage }) {
  const { row } = details;
  return (
    <>
      {row.failure && row.group !== "pruned" && <Failure failure={row.failure} />}
      {row.verdict && <Verdict now={now} row={row} verdict={row.verdict} />}
      {row.group === "waiting" && <Waiting details={details} />}
    </>
  );
}

function Failure({ failure }: { failure: NonNullable<RunRow["failure"]> }) {
  const { happened, remedy } = adviceOn(failure);
  return (
    <section class="panel outcome failed" aria-labelledby="failure-title">
      <h2 id="failure-title">Why it failed</h2>
      <p>
        <strong>{happened}</strong>
      </p>
      {failure.message && (
        <blockquote class="message" tabIndex={0} aria-label="Message">
          <Text value={failure.message} limit={4000} />
        </blockquote>
      )}
      <p>
        <strong>What to do:</strong> {remedy}
      </p>
      <p class="muted">
        Reason{" "}
        <code>
          <Text value={failure.reason} />
        </code>
        , class <code>{failure.class}</code>
        {failure.stage && `, stage ${failure.stage}`}: {failure.consequence}.
      </p>
    </section>
  );
}

type Judged = NonNullable<RunRow["verdict"]>;

function Verdict({ now, row, verdict }: { now: SweepPage; row: RunRow; verdict: Judged }) {
  const compared = now.runs.filter((run) => run.verdict?.shadow && run.ended !== null && run.score !== null);
  return (
    <section class="panel outcome pruned" aria-labelledby="verdict-title">
      <h2 id="verdict-title">{verdict.shadow ? "Early stopping would have stopped it" : "Stopped early"}</h2>
      <p>
        <Text value={verdict.text} limit={1000} />
      </p>
      <Terms items={termsOf(verdict, now.row.costUnit)} />
      <p>
        <strong>Was it right?</strong> {rightness(row, compared, now.front)}
      </p>
    </section>
  );
}

function termsOf({ policy, step, value, low, high, threshold, probability, ...verdict }: Judged, unit: string): Term[] {
  const interval = low !== null && high !== null ? ` (80%: ${number(low)} to ${number(high)})` : "";
  const saved = verdict.shadow ? null : verdict.savedCost;
  return [
    ["Judged at step", number(step)],
    [policy === "model" ? "Predicted score" : "Value", `${number(value)}${interval}`],
    threshold !== null && ["It needed", number(threshold)],
    probability !== null && ["Chance to become Pareto-optimal", percent(probability)],
    saved !== null && ["Saved", `about ${cost(saved, unit)}`],
  ];
}

/** Runs that continued for comparison tell how often the rule is wrong: it is if such a run is Pareto-optimal. */
function rightness(row: RunRow, compared: readonly RunRow[], front: readonly string[]): string {
  if (compared.includes(row)) {
    return front.includes(row.name)
      ? `Stopping it would have been wrong: it continued for comparison, and is Pareto-optimal with ${number(row.score)}.`
      : `Stopping it would have been right: it continued for comparison, and its result ${number(row.score)} is not Pareto-optimal.`;
  }
  if (row.verdict?.shadow && row.ended === null) return "It continues for comparison. Its result will tell.";
  if (compared.length === 0) {
    return "Its result is unknown, and no run has continued for comparison yet (earlyStopping.shadow).";
  }
  const wrong = compared.filter((run) => front.includes(run.name)).length;
  const those = `Of ${plural(compared.length, "run")} that continued for comparison, `;
  return `Its own result is unknown. ${those}${wrong === 0 ? "none" : wrong} became Pareto-optimal.`;
}

function Waiting({ details }: { details: RunPage }) {
  const { conditions } = details;
  const interrupted = conditions.find((c) => c.type === "Interrupted" && c.status === "True");
  const condition = interrupted ?? conditions.find((c) => c.type === "Succeeded");
  return (
    <section class="panel outcome waiting" aria-labelledby="waiting-title">
      <h2 id="waiting-title">Why it waits</h2>
      <p>
        <strong>
          <Text value={condition?.reason ?? details.row.state} />
        </strong>
        {condition?.message && (
          <>
            {": "}
            <Text value={condition.message} limit={2000} />
          </>
        )}
      </p>
    </section>
  );
}
