/** Why the optimizer suggested a run: what it knew, what it expected, and what came of it. */
import type { Range, RunPage, RunRow, SweepPage, Why } from "../api.ts";
import { runHref } from "../app/routes.ts";
import { useExplanation } from "../model/explanation.ts";
import { isReport } from "../store/store.ts";
import { cost, number, percent, plural } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

interface Props {
  now: SweepPage;
  details: RunPage;
}

const ORIGINS: Record<string, string> = {
  center: "It is the search center, the configuration that you expected to work.",
  sobol: "It belongs to the initial design, which covers the whole search space evenly.",
  random: "It was drawn at random.",
  resample: "It repeats a Pareto-optimal run, to measure the noise.",
  fallback: "It was drawn at random, because the optimizer did not answer.",
  manual: "A person added it.",
  imported: "It was run elsewhere and imported.",
};

const ACQUISITIONS: Record<string, string> = {
  ei: "expected improvement",
  ucb: "upper confidence bound",
  area: "growth of the area under the front",
};

export function WhyPoint({ now, details }: Props) {
  const { row, provenance } = details;
  const asks = row.origin === "model" && !isReport.value;
  const why = useExplanation<Why>(asks ? { what: "why", run: row.name } : null);
  const sentences = why.value?.sentences ?? [];
  const known =
    row.origin === "model" &&
    provenance &&
    `The optimizer knew ${plural(provenance.observations, "result")}; ${plural(provenance.pending, "run")} had none yet.`;
  return (
    <>
      {sentences.length > 0 ? (
        sentences.map((sentence) => (
          <p key={sentence}>
            <Text value={sentence} limit={1000} />
          </p>
        ))
      ) : (
        <p>
          {ORIGINS[row.origin] ?? "The optimizer suggested it."} {known}
        </p>
      )}
      {why.state === "waiting" && asks && <p class="muted">Asking the model…</p>}
      {(why.reason || why.value?.note) && (
        <p class="muted">
          <Text value={why.reason || why.value!.note} limit={1000} />
        </p>
      )}
      <Facts now={now} details={details} why={why.value} />
    </>
  );
}

function Facts({ now, details, why }: Props & { why: Why | null }) {
  const { row } = details;
  const unit = now.row.costUnit;
  const level = why?.costLevel ?? null;
  const nearest = why?.nearest ?? null;
  const score = why?.score ?? expected(row, "score");
  const price = why?.cost ?? expected(row, "cost");
  return (
    <dl class="terms">
      {score && <Against label={now.row.metric || "score"} range={score} value={row.score} show={(v) => number(v)} />}
      {price && <Against label="cost" range={price} value={row.cost} show={(v) => exactCost(v, unit)} />}
      {level !== null && (
        <>
          <dt>Cost level</dt>
          <dd>{cost(level, unit)}: at this cost, the run was to improve the front</dd>
        </>
      )}
      {why?.acquisition && (
        <>
          <dt>Acquisition function</dt>
          <dd>{ACQUISITIONS[why.acquisition] ?? why.acquisition}</dd>
        </>
      )}
      {why?.success != null && why.success < 0.995 && (
        <>
          <dt>Chance not to fail</dt>
          <dd>{percent(why.success)}, as predicted</dd>
        </>
      )}
      {nearest && (
        <>
          <dt>Nearest known run</dt>
          <dd>
            {nearest.run === null ? "a run that no longer exists" : <RunLink now={now} name={nearest.run} />}, at a distance
            of {number(nearest.distance, 2)} (1 is the whole range of a parameter)
          </dd>
        </>
      )}
    </dl>
  );
}

export function RunLink({ now, name }: { now: SweepPage; name: string }) {
  const label = now.runs.find((run) => run.name === name)?.label ?? name;
  return (
    <a href={runHref(now.row.namespace, now.row.name, name)}>
      run <Text value={label} limit={60} />
    </a>
  );
}

function expected(row: RunRow, of: "score" | "cost"): Range | null {
  const {
    [of]: value,
    [`${of}Low`]: low,
    [`${of}High`]: high,
  } = (row.predicted ?? {}) as Record<string, number | null>;
  return value == null ? null : { expected: value, low: low ?? value, high: high ?? value };
}

/** Short times with more digits, so that values beside each other differ where it matters. */
function exactCost(value: number | null, unit: string): string {
  return unit === "seconds" && value !== null && value < 60 ? `${number(value)} s` : cost(value, unit);
}

interface AgainstProps {
  label: string;
  range: Range;
  value: number | null;
  show: (value: number | null) => string;
}

/** A forecast, and how the result compares with it. */
function Against({ label, range, value, show }: AgainstProps) {
  const place =
    value === null
      ? ""
      : value < range.low
        ? "below the interval"
        : value > range.high
          ? "above the interval"
          : "as predicted";
  return (
    <>
      <dt>
        Forecast of <Text value={label} limit={60} />
      </dt>
      <dd>
        {show(range.expected)}
        {range.low < range.high && ` (80%: ${show(range.low)} to ${show(range.high)})`}
        {value !== null && (
          <>
            {" "}
            → <strong>{show(value)}</strong>, {place}
          </>
        )}
      </dd>
    </>
  );
}
