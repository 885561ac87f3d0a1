import type { SweepPage } from "../api.ts";
import type { TabProps } from "../app/tabs.ts";
import { Panel } from "../charts/Panel.tsx";
import { cost, percent, plural, time } from "../text/format.ts";
import "./money.css";
import { currentTime } from "../text/useNow.ts";
import { OutlookPanel } from "./OutlookPanel.tsx";
import { comparisonText, type Part, partsOf, runsComeFirst } from "./parts.ts";
import { WastePanel } from "./WastePanel.tsx";

/** Where the cost went, what early stopping saved, and what more runs would buy. */
export function MoneyTab({ page }: TabProps) {
  return (
    <div class="panels two">
      <Spent page={page} />
      <OutlookPanel page={page} />
      <WastePanel page={page} />
      <EarlyStopping page={page} />
    </div>
  );
}

const COLORS: Record<Part["kind"], string> = {
  useful: "var(--good)",
  pruned: "var(--pruned)",
  wasted: "var(--failed)",
  open: "var(--running)",
  left: "var(--line)",
};

function Spent({ page }: TabProps) {
  const { money } = page;
  const parts = partsOf(money, page.row.counts.succeeded);
  const whole = parts.reduce((sum, part) => sum + part.cost, 0);
  return (
    <Panel
      title="Where the cost went"
      wide
      help="The cost of failed attempts is wasted. Stopped early: cost of the runs that early stopping ended."
      empty={parts.length === 0 && "Nothing has been spent yet."}
      table={() => ({
        columns: ["part", "runs", `cost (${money.unit})`, "share"],
        rows: parts.map((p) => [p.label, p.runs, p.cost, percent(p.cost / whole)]),
      })}
    >
      <p>{budgetText(page)}</p>
      <svg
        class="stack"
        width="100%"
        height="34"
        role="img"
        aria-label={`Cost: ${parts.map((p) => `${p.label} ${percent(p.cost / whole)}`).join(", ")}`}
      >
        {parts.map((part, at) => {
          const before = parts.slice(0, at).reduce((sum, p) => sum + p.cost, 0);
          const percentage = (value: number) => `${(100 * value) / whole}%`;
          return (
            <rect
              key={part.key}
              x={percentage(before)}
              width={percentage(part.cost)}
              height="34"
              fill={COLORS[part.kind]}
              class="stack-part"
            />
          );
        })}
      </svg>
      <ul class="parts">
        {parts.map((part) => (
          <li key={part.key}>
            <svg width="12" height="12" aria-hidden="true">
              <rect width="12" height="12" rx="2" fill={COLORS[part.kind]} />
            </svg>{" "}
            <strong>{cost(part.cost, money.unit)}</strong> {part.label}
            {part.runs !== null && `, ${plural(part.runs, "run")}`}{" "}
            <span class="muted">{percent(part.cost / whole)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function budgetText(page: SweepPage): string {
  const { money, row, limits } = page;
  const spent = `Spent ${cost(money.spent, money.unit)}`;
  if (money.budget === null) return `${spent}. The sweep has no budget (limits.totalCost).${deadlineText(page)}`;
  const left = money.budget - money.spent;
  const used = `${spent} of ${cost(money.budget, money.unit)} (${percent(money.spent / money.budget)}); ${cost(Math.max(0, left), money.unit)} is left.`;
  if (row.etaSeconds === null) return `${used}${deadlineText(page)}`;
  const until = time(new Date(currentTime() + row.etaSeconds * 1000).toISOString());
  const rate = runsComeFirst(money, row.counts)
    ? ` The sweep is expected to reach its ${limits.maxRuns} runs before the budget is used up.`
    : ` At the rate so far it lasts until ${until}.`;
  return `${used}${rate}${deadlineText(page)}`;
}

function deadlineText({ limits, row }: SweepPage): string {
  if (limits.deadlineSeconds === null || row.ended) return "";
  const at = Date.parse(row.created) + limits.deadlineSeconds * 1000;
  return ` The deadline is ${time(new Date(at).toISOString())}, later by the time that the sweep was suspended.`;
}

function EarlyStopping({ page }: TabProps) {
  const { pruned, unit } = page.money;
  const compared = page.runs.filter((run) => run.verdict?.shadow && run.ended !== null).length;
  const none = page.earlyStopping === "none" || page.earlyStopping === "";
  return (
    <Panel
      title="Early stopping"
      empty={none && pruned.runs === 0 && "Early stopping is off, so no run is stopped (spec.earlyStopping)."}
      help="Some runs continue although the rule would stop them. Their results show how often the rule is wrong."
    >
      <dl class="terms">
        <dt>Rule</dt>
        <dd>{page.earlyStopping}</dd>
        <dt>Stopped</dt>
        <dd>
          {plural(pruned.runs, "run")} after {cost(pruned.cost, unit)}
        </dd>
        <dt>Saved</dt>
        <dd>about {cost(pruned.saved, unit)}</dd>
        <dt>Continued for comparison</dt>
        <dd>{comparisonText(compared, pruned.wrong)}</dd>
      </dl>
    </Panel>
  );
}
