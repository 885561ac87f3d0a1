import { useSignal } from "@preact/signals";
import type { SweepPage } from "../api.ts";
import { runHref } from "../app/routes.ts";
import { Panel } from "../charts/Panel.tsx";
import { CopyButton } from "../text/CopyButton.tsx";
import { cost, number, scalar } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

/** How many parameters are shown at first. */
const FEW = 16;

/** Parameters of the best run, ready to be used. */
export function BestPanel({ page }: { page: SweepPage }) {
  const { best, namespace, name, metric, costUnit } = page.row;
  const run = page.runs.find((r) => r.name === best?.run);
  const copies = page.bestParams;
  const all = useSignal(false);
  if (!best || !run) return null;
  const set = page.parameters
    .map((parameter, i) => ({ parameter, value: run.parameters[i] ?? null }))
    .filter(({ value }) => value !== null);
  return (
    <Panel
      title="Best configuration"
      wide
      controls={
        copies && (
          <>
            <CopyButton label="Copy YAML" text={copies.yaml} />
            <CopyButton label="Copy overrides" text={copies.overrides} />
            {copies.command && <CopyButton label="Copy command" text={copies.command} />}
          </>
        )
      }
    >
      <dl class="values">
        <div>
          <dt>run</dt>
          <dd>
            <a href={runHref(namespace, name, best.run)}>
              <Text value={best.label} limit={60} />
            </a>
          </dd>
        </div>
        <Value label={metric || "score"} text={number(best.score)} />
        <Value label="cost" text={cost(best.cost, costUnit)} />
        {(all.value ? set : set.slice(0, FEW)).map(({ parameter, value }) => (
          <Value key={parameter.path} label={parameter.label} title={parameter.path} text={scalar(value)} />
        ))}
      </dl>
      {set.length > FEW && (
        <button
          type="button"
          class="quiet"
          aria-expanded={all.value}
          onClick={() => {
            all.value = !all.value;
          }}
        >
          {all.value ? `Show ${FEW} parameters` : `Show all ${set.length} parameters`}
        </button>
      )}
    </Panel>
  );
}

function Value({ label, text, title }: { label: string; text: string; title?: string }) {
  return (
    <div>
      <dt title={title}>
        <Text value={label} limit={60} />
      </dt>
      <dd class="mono">
        <Text value={text} limit={120} />
      </dd>
    </div>
  );
}
