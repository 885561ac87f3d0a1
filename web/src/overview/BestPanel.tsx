import { useSignal } from "@preact/signals";
import type { BestParams, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { CopyButton } from "../controls/CopyButton.tsx";
import { Expander } from "../controls/Expander.tsx";
import { type Value, Values } from "../text/Facts.tsx";
import { cost, number, scalar } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";
import { RunLink } from "../text/RunLink.tsx";
import { Remark } from "../text/Text.tsx";

/** How many parameters are shown at first. */
const FEW = 16;

/** Parameters of the best run, ready to be used. */
export function BestPanel({ page }: { page: SweepPage }) {
  const { best, costUnit } = page.row;
  const run = page.runs.find((r) => r.name === best?.run);
  const all = useSignal(false);
  if (!best || !run) return null;
  const outcome: Value[] = [
    { label: "run", value: <RunLink page={page} name={best.run} label={best.label} /> },
    { label: scoreName(page), value: number(best.score) },
    { label: "cost", value: cost(best.cost, costUnit) },
  ];
  const parameters = page.parameters.flatMap((p, i): Value[] => {
    const value = run.parameters[i] ?? null;
    return value === null ? [] : [{ label: p.label, title: p.path, value: scalar(value) }];
  });
  const hides = parameters.length > FEW;
  return (
    <Panel title="Best configuration" wide controls={page.bestParams && <Copies of={page.bestParams} />}>
      <Values items={[...outcome, ...(all.value ? parameters : parameters.slice(0, FEW))]} mono />
      {page.bestParams?.notes.map((note) => (
        <Remark key={note} text={note} />
      ))}
      {hides && (
        <Expander open={all} text={all.value ? `Show ${FEW} parameters` : `Show all ${parameters.length} parameters`} />
      )}
    </Panel>
  );
}

function Copies({ of }: { of: BestParams }) {
  return (
    <>
      <CopyButton label="Copy YAML" text={of.yaml} />
      {of.patch && <CopyButton label="Copy Hydra patch" text={of.patch} />}
      {of.overrides && <CopyButton label="Copy overrides" text={of.overrides} />}
      {of.command && <CopyButton label="Copy command" text={of.command} />}
    </>
  );
}
