import type { RunPage, RunRow, Scalar, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { scalar } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { differenceText } from "./difference.ts";
import { RunLink } from "./WhyPoint.tsx";

/** All parameters of the run, and how they differ from those of the best run; of the best run, from the search center. */
export function ParametersPanel({ now, details }: { now: SweepPage; details: RunPage }) {
  const { row } = details;
  const best = now.row.best;
  const isBest = best?.run === row.name;
  const difference = isBest ? fromCenter(now, row) : details.difference;
  const other = new Map(difference.map((d) => [d.path, d]));
  const compared = best !== null;
  const value = (v: Scalar | null | undefined) => <Text value={scalar(v ?? null)} limit={80} />;
  return (
    <Panel title="Parameters">
      {compared && (
        <p class="muted">
          {difference.length === 0 ? "The same as " : `${difference.length} of ${now.parameters.length} differ from `}
          {isBest ? (
            "the search center, where the search began."
          ) : (
            <>
              <RunLink now={now} name={best.run} />, the best run.
            </>
          )}
        </p>
      )}
      <div class="scroll-x parameters" tabIndex={0} role="group" aria-label="Table of the parameters">
        <table class="data static">
          <thead>
            <tr>
              <th scope="col">Parameter</th>
              <th scope="col" class="numeric">
                This run
              </th>
              {compared && (
                <th scope="col" class="numeric">
                  {isBest ? "Search center" : "Best run"}
                </th>
              )}
              {compared && <th scope="col">Difference</th>}
            </tr>
          </thead>
          <tbody>
            {now.parameters.map((p, at) => {
              const differs = other.get(p.path);
              const own = row.parameters[at] ?? null;
              return (
                <tr key={p.path} class={differs ? "differs" : undefined}>
                  <th scope="row" title={p.path.slice(0, 500)}>
                    <Text value={p.label} limit={60} />
                  </th>
                  <td class="numeric">{value(own)}</td>
                  {compared && <td class="numeric">{value(differs ? differs.best : own)}</td>}
                  {compared && <td>{differs ? differenceText(differs.value, differs.best, p.axis) : ""}</td>}
                </tr>
              );
            })}
            {Object.entries(now.fixed).map(([path, fixed]) => (
              <tr key={path} class="fixed">
                <th scope="row">
                  <Text value={path} limit={60} />
                </th>
                <td class="numeric">{value(fixed)}</td>
                {compared && <td class="numeric">{value(fixed)}</td>}
                {compared && <td class="muted">fixed</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function fromCenter(now: SweepPage, row: RunRow): RunPage["difference"] {
  return now.parameters.flatMap((p, at) => {
    const value = row.parameters[at] ?? null;
    return value === null || p.mean === null || value === p.mean ? [] : [{ path: p.path, value, best: p.mean }];
  });
}
