/** What the next runs are expected to buy. */
import { useState } from "preact/hooks";
import type { Outlook, Range, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { Choice } from "../controls/Choice.tsx";
import { Answered } from "../model/Answered.tsx";
import { useExplanation } from "../model/explanation.ts";
import { isReport } from "../store/store.ts";
import { cost, number, percent, plural } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";
import { type Term, Terms } from "../text/Terms.tsx";
import { Text } from "../text/Text.tsx";

const CHOICES = [5, 10, 20, 50, 100].map((count) => ({ value: `${count}`, label: `${count} runs` }));

export function OutlookPanel({ page }: { page: SweepPage }) {
  const [runs, setRuns] = useState("10");
  const answer = useExplanation<Outlook>({ what: "outlook", runs: Number(runs) });
  return (
    <Panel
      title="What more runs would buy"
      help="The model's expectation, with 80% intervals. The front gain is the growth of the area under the front of score over cost."
      controls={!isReport.value && <Choice label="next" value={runs} options={CHOICES} onChange={setRuns} />}
    >
      <Answered answer={answer} page={page}>
        {(outlook) => (
          <>
            <Terms items={termsOf(outlook, page)} />
            <Assumptions sentences={outlook.assumptions} />
          </>
        )}
      </Answered>
    </Panel>
  );
}

function termsOf({ best, bestNow, probabilityBetter, frontGain, ...outlook }: Outlook, page: SweepPage): Term[] {
  const price = (value: number) => cost(value, outlook.costUnit || page.row.costUnit);
  return [
    best && [
      <Text key="best" value={`Best ${scoreName(page)}`} limit={45} />,
      <>
        {bestNow !== null && `${number(bestNow)} → `}
        <strong>{number(best.expected)}</strong> {interval(best, number)}
      </>,
    ],
    probabilityBetter !== null && ["Chance of a new best", percent(probabilityBetter)],
    frontGain && ["Growth of the front", `${percent(frontGain.expected)} ${interval(frontGain, percent)}`],
    outlook.cost && [
      `Cost of ${plural(outlook.runs, "run")}`,
      <>
        <strong>{price(outlook.cost.expected)}</strong> {interval(outlook.cost, price)}
      </>,
    ],
  ];
}

function Assumptions({ sentences }: { sentences: string[] }) {
  if (sentences.length === 0) return null;
  return (
    <details>
      <summary>What this assumes</summary>
      <ul>
        {sentences.map((sentence) => (
          <li key={sentence}>
            <Text value={sentence} limit={500} />
          </li>
        ))}
      </ul>
    </details>
  );
}

function interval({ low, high }: Range, show: (value: number) => string): string {
  return `(80%: ${show(low)} to ${show(high)})`;
}
