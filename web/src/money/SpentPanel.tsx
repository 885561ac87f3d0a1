import { useMemo } from "preact/hooks";
import type { Money, RunRow } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { type AxisSpec, PlotArea } from "../charts/Plot.tsx";
import { cost, percent, plural } from "../text/format.ts";
import { barOf, COLORS } from "./bar.ts";
import { partsOf } from "./parts.ts";

const ONE_ROW: AxisSpec = { label: "", kind: "category", domain: [0.5, -0.5], values: [""] };

interface SpentProps {
  money: Money;
  runs: readonly RunRow[];
  /** What the parts add up to, in words. */
  text: string;
}

/** Where the cost went. */
export function SpentPanel({ money, runs, text }: SpentProps) {
  const succeeded = runs.filter((run) => run.group === "succeeded" && !run.imported).length;
  const parts = useMemo(() => partsOf(money, succeeded), [money, succeeded]);
  const whole = parts.reduce((sum, part) => sum + part.cost, 0);
  const layers = useMemo(() => barOf(parts, whole, money.unit), [parts, whole, money.unit]);
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
      <p>{text}</p>
      <PlotArea
        title="Where the cost went"
        x={{ label: `cost (${money.unit})`, kind: "linear", domain: [0, whole || 1] }}
        y={ONE_ROW}
        layers={layers}
        height={92}
        linked={false}
      />
      <ul class="parts">
        {parts.map((part) => (
          <li key={part.key}>
            <svg width="12" height="12" aria-hidden="true">
              <rect width="12" height="12" rx="2" fill={`var(--${COLORS[part.kind]})`} />
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
