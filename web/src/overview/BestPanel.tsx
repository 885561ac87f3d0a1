import type { SweepPage } from "../api.ts";
import { runHref } from "../app/routes.ts";
import { Panel } from "../charts/Panel.tsx";
import { CopyButton } from "../text/CopyButton.tsx";
import { cost, number, scalar } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

/** Parameters of the best run, ready to be used. */
export function BestPanel({ page }: { page: SweepPage }) {
  const { best, namespace, name, metric, costUnit } = page.row;
  const run = page.runs.find((r) => r.name === best?.run);
  const copies = page.bestParams;
  if (!best || !run) return null;
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
        {page.parameters.map(
          (p, i) =>
            run.parameters[i] != null && (
              <Value key={p.path} label={p.label} title={p.path} text={scalar(run.parameters[i])} />
            ),
        )}
      </dl>
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
