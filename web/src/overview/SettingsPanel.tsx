import type { SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { cost, duration, number, scalar } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

/** What the sweep was asked to do. */
export function SettingsPanel({ page }: { page: SweepPage }) {
  const { limits, row } = page;
  const unlimited = (value: number | null, show: (v: number) => string) => (value === null ? "no limit" : show(value));
  const facts: [string, string][] = [
    ...page.objectives.map((o, i): [string, string] => [
      i === 0 ? "objective" : "further objective",
      `${o.goal} ${o.metric}${o.threshold === null ? "" : `, threshold ${number(o.threshold)}`}`,
    ]),
    ["target", page.target === null ? "none" : number(page.target)],
    ["method", page.method],
    ["early stopping", page.earlyStopping],
    ["runs", unlimited(limits.maxRuns, number)],
    ["parallel runs", number(limits.maxParallelRuns)],
    ["total cost", unlimited(limits.totalCost, (v) => cost(v, row.costUnit))],
    ["deadline", unlimited(limits.deadlineSeconds, duration)],
    ...Object.entries(page.fixed).map(([path, value]): [string, string] => [path, `${scalar(value)} (fixed)`]),
  ];
  return (
    <Panel title="Settings" wide>
      <dl class="values">
        {facts.map(([label, text], i) => (
          <div key={`${i} ${label}`}>
            <dt>
              <Text value={label} limit={80} />
            </dt>
            <dd>
              <Text value={text} limit={200} />
            </dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
