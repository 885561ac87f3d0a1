/** What the next runs are expected to buy. */
import { useState } from "preact/hooks";
import type { Outlook, Range, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { Answered } from "../model/Answered.tsx";
import { useExplanation } from "../model/explanation.ts";
import { isReport } from "../store/store.ts";
import { cost, number, percent, plural } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

const CHOICES = [5, 10, 20, 50, 100];

export function OutlookPanel({ page }: { page: SweepPage }) {
  const [runs, setRuns] = useState(10);
  const answer = useExplanation<Outlook>({ what: "outlook", runs });
  return (
    <Panel
      title="What more runs would buy"
      help="The model's expectation, with 80% intervals. The front gain is the growth of the area under the front of score over cost."
      controls={
        !isReport.value && (
          <label>
            next{" "}
            <select value={runs} onChange={(e) => setRuns(Number(e.currentTarget.value))}>
              {CHOICES.map((count) => (
                <option key={count} value={count}>
                  {count} runs
                </option>
              ))}
            </select>
          </label>
        )
      }
    >
      <Answered answer={answer} page={page}>
        {(outlook) => <Facts outlook={outlook} page={page} />}
      </Answered>
    </Panel>
  );
}

function Facts({ outlook, page }: { outlook: Outlook; page: SweepPage }) {
  const unit = outlook.costUnit || page.row.costUnit;
  const metric = page.row.metric || "score";
  return (
    <>
      <dl class="terms">
        {outlook.best && (
          <>
            <dt>
              Best <Text value={metric} limit={40} />
            </dt>
            <dd>
              {outlook.bestNow !== null && `${number(outlook.bestNow)} → `}
              <strong>{number(outlook.best.expected)}</strong> {interval(outlook.best, (v) => number(v))}
            </dd>
          </>
        )}
        {outlook.probabilityBetter !== null && (
          <>
            <dt>Chance of a new best</dt>
            <dd>{percent(outlook.probabilityBetter)}</dd>
          </>
        )}
        {outlook.frontGain && (
          <>
            <dt>Growth of the front</dt>
            <dd>
              {percent(outlook.frontGain.expected)} {interval(outlook.frontGain, percent)}
            </dd>
          </>
        )}
        {outlook.cost && (
          <>
            <dt>Cost of {plural(outlook.runs, "run")}</dt>
            <dd>
              <strong>{cost(outlook.cost.expected, unit)}</strong> {interval(outlook.cost, (v) => cost(v, unit))}
            </dd>
          </>
        )}
      </dl>
      {outlook.assumptions.length > 0 && (
        <details>
          <summary>What this assumes</summary>
          <ul>
            {outlook.assumptions.map((sentence) => (
              <li key={sentence}>
                <Text value={sentence} limit={500} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function interval({ low, high }: Range, show: (value: number) => string): string {
  return `(80%: ${show(low)} to ${show(high)})`;
}
