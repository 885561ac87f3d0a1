import type { SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { compareHref, sweepHref } from "../app/routes.ts";
import { Panel } from "../charts/Panel.tsx";
import { Scrolling } from "../charts/Scrolling.tsx";
import { seriesColor } from "../charts/series.ts";
import { State } from "../overview/State.tsx";
import { keyOf } from "../store/changes.ts";
import { cost, number } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { dashOf } from "./progress.ts";

const NUMBERS = ["Best", "Cost of the best", "Finished runs", "Failed", "Spent"];

/** The sweeps of the comparison, one a row; the sample of its line is the legend. */
export function Results({ pages, keys }: { pages: SweepPage[]; keys: string[] }) {
  return (
    <Panel title="Results" wide>
      <Scrolling label="Results: table">
        <table class="data static">
          <thead>
            <tr>
              {["Sweep", "State", "Metric"].map((label) => (
                <th key={label} scope="col">
                  {label}
                </th>
              ))}
              {NUMBERS.map((label) => (
                <th key={label} scope="col" class="numeric">
                  {label}
                </th>
              ))}
              <th scope="col">Method</th>
              <th scope="col">
                <span class="visually-hidden">Remove</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {pages.map((page, i) => (
              <Result key={keyOf(page.row)} page={page} index={i} keys={keys} />
            ))}
          </tbody>
        </table>
      </Scrolling>
    </Panel>
  );
}

function Result({ page: { row, method }, index, keys }: { page: SweepPage; index: number; keys: string[] }) {
  const name = row.displayName || row.name;
  const best = [number(row.best?.score), cost(row.best?.cost, row.costUnit)];
  const counts = [number(row.counts.finished), number(row.counts.failed), cost(row.spent, row.costUnit)];
  return (
    <tr>
      <th scope="row">
        <svg width="14" height="8" viewBox="0 0 14 8" aria-hidden="true">
          <path
            d="M0 4H14"
            stroke={`var(--${seriesColor(index)})`}
            stroke-width="3"
            stroke-dasharray={dashOf(index).join(" ")}
          />
        </svg>{" "}
        <a href={sweepHref(row.namespace, row.name)}>
          <Text value={name} limit={60} />
        </a>
      </th>
      <td>
        <State row={row} />
      </td>
      <td class="muted">
        <Text value={row.metric} limit={40} />
        {row.goal === "minimize" ? " ↓" : " ↑"}
      </td>
      {[...best, ...counts].map((text, i) => (
        <td key={NUMBERS[i]} class="numeric">
          {text}
        </td>
      ))}
      <td>
        <Text value={method} limit={30} />
      </td>
      <td>
        <button
          type="button"
          class="quiet"
          aria-label={`Remove ${name} from the comparison`}
          onClick={() => go(compareHref(keys.filter((k) => k !== keyOf(row))))}
        >
          ×
        </button>
      </td>
    </tr>
  );
}
