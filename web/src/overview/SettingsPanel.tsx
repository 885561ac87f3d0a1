import type { SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { type Value, Values } from "../text/Facts.tsx";
import { cost, duration, number, scalar } from "../text/format.ts";

/** What the sweep was asked to do. */
export function SettingsPanel({ page }: { page: SweepPage }) {
  const { limits, row } = page;
  const unlimited = (value: number | null, show: (v: number) => string) => (value === null ? "no limit" : show(value));
  const facts: Value[] = [
    ...page.objectives.map((o, i) => ({
      label: i === 0 ? "objective" : "further objective",
      value: `${o.goal} ${o.metric}${o.threshold === null ? "" : `, threshold ${number(o.threshold)}`}`,
    })),
    { label: "target", value: page.target === null ? "none" : number(page.target) },
    { label: "method", value: page.method },
    { label: "early stopping", value: page.earlyStopping },
    { label: "runs", value: unlimited(limits.maxRuns, number) },
    { label: "parallel runs", value: number(limits.maxParallelRuns) },
    { label: "total cost", value: unlimited(limits.totalCost, (v) => cost(v, row.costUnit)) },
    { label: "deadline", value: unlimited(limits.deadlineSeconds, duration) },
    ...Object.entries(page.fixed).map(([path, value]) => ({ label: path, value: `${scalar(value)} (fixed)` })),
  ];
  return (
    <Panel title="Settings" wide>
      <Values items={facts} />
    </Panel>
  );
}
