import type { Money, RunRow } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { cost, percent, plural } from "../text/format.ts";
import { type Part, partsOf } from "./parts.ts";

const COLORS: Record<Part["kind"], string> = {
  useful: "var(--good)",
  pruned: "var(--pruned)",
  wasted: "var(--failed)",
  open: "var(--running)",
  left: "var(--line)",
};

interface SpentProps {
  money: Money;
  runs: readonly RunRow[];
  /** What the parts add up to, in words. */
  text: string;
}

/** Where the cost went. */
export function SpentPanel({ money, runs, text }: SpentProps) {
  const succeeded = runs.filter((run) => run.group === "succeeded" && !run.imported);
  const parts = partsOf(money, succeeded.length);
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
      <p>{text}</p>
      <Stack parts={parts} whole={whole} />
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

/** One bar of all parts. */
function Stack({ parts, whole }: { parts: Part[]; whole: number }) {
  const share = (value: number) => `${(100 * value) / whole}%`;
  let before = 0;
  return (
    <svg
      class="stack"
      width="100%"
      height="34"
      role="img"
      aria-label={`Cost: ${parts.map((p) => `${p.label} ${percent(p.cost / whole)}`).join(", ")}`}
    >
      {parts.map((part) => {
        const x = share(before);
        before += part.cost;
        const fill = COLORS[part.kind];
        return <rect key={part.key} x={x} width={share(part.cost)} height="34" fill={fill} class="stack-part" />;
      })}
    </svg>
  );
}
