/** Why the optimizer suggested a run: what it knew, what it expected, and what came of it. */
import type { ParameterReason, Range, RunPage, RunRow, SweepPage, Why } from "../api.ts";
import { useExplanation } from "../model/explanation.ts";
import { cost, number, percent, plural, scalar } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";
import { RunLink } from "../text/RunLink.tsx";
import { type Term, Terms } from "../text/Terms.tsx";
import { Remark, Text } from "../text/Text.tsx";

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

/** Origins of which the model knows more. */
const ASKED: ReadonlySet<string> = new Set(["model", "resample"]);

const ACQUISITIONS: Record<string, string> = {
  ei: "expected improvement",
  ucb: "upper confidence bound",
};

export function WhyPoint({ now, details }: Props) {
  const { row, provenance } = details;
  const asks = ASKED.has(row.origin);
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
      {(why.reason || why.value?.note) && <Remark text={why.reason || why.value!.note} />}
      <Facts now={now} details={details} why={why.value} />
      {why.value && <Reasons now={now} reasons={why.value.parameters} />}
    </>
  );
}

function Facts({ now, details: { row }, why }: Props & { why: Why | null }) {
  const unit = now.row.costUnit;
  const [score, price] = [why?.score ?? expected(row, "score"), why?.cost ?? expected(row, "cost")];
  return (
    <Terms
      items={[
        score && [forecastOf(scoreName(now)), <Against key="score" range={score} value={row.score} show={number} />],
        price && [
          forecastOf("cost"),
          <Against key="cost" range={price} value={row.cost} show={(v) => exactCost(v, unit)} />,
        ],
        ...(why ? reasonsOf(now, why) : []),
      ]}
    />
  );
}

/** Each parameter, compared with the best run that the optimizer knew. */
function Reasons({ now, reasons }: { now: SweepPage; reasons: ParameterReason[] }) {
  if (reasons.length === 0) return null;
  const label = (path: string) => now.parameters.find((p) => p.path === path)?.label ?? path;
  return (
    <details>
      <summary>Parameter by parameter</summary>
      <Terms items={reasons.map(({ path, value, text }) => [label(path), `${scalar(value)}: ${text}`])} />
    </details>
  );
}

function forecastOf(label: string) {
  return (
    <>
      Forecast of <Text value={label} limit={60} />
    </>
  );
}

function reasonsOf(now: SweepPage, { acquisition, success, nearest }: Why): Term[] {
  return [
    acquisition !== null && ["Acquisition function", ACQUISITIONS[acquisition] ?? acquisition],
    success !== null && success < 0.995 && ["Chance not to fail", `${percent(success)}, as predicted`],
    nearest && [
      "Nearest known run",
      <>
        {nearest.run === null ? "one that no longer exists" : <RunLink page={now} name={nearest.run} before="run " />},
        at a distance of {number(nearest.distance, 2)} (1 is the whole range of a parameter)
      </>,
    ],
  ];
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
  range: Range;
  value: number | null;
  show: (value: number | null) => string;
}

/** A forecast, and how the result compares with it. */
function Against({ range: { expected, low, high }, value, show }: AgainstProps) {
  return (
    <>
      {show(expected)}
      {low < high && ` (80%: ${show(low)} to ${show(high)})`}
      {value !== null && (
        <>
          {" "}
          → <strong>{show(value)}</strong>,{" "}
          {value < low ? "below the interval" : value > high ? "above the interval" : "as predicted"}
        </>
      )}
    </>
  );
}
