import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { go } from "../app/router.ts";
import { compareHref, sweepHref } from "../app/routes.ts";
import type { Layer } from "../charts/layers.ts";
import { Panel } from "../charts/Panel.tsx";
import { Plot } from "../charts/Plot.tsx";
import { seriesColor } from "../charts/palette.ts";
import { Scrolling } from "../charts/Scrolling.tsx";
import { domainOf, robustDomain } from "../charts/scale.ts";
import { State } from "../overview/State.tsx";
import { keyOf } from "../store/changes.ts";
import { loadSweep, sweeps } from "../store/store.ts";
import { cost, number } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { type Measure, progressOf } from "./progress.ts";

const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 2]];

/** Several sweeps: how fast each found its best, by runs and by cost. */
export function ComparePage({ sweeps: keys }: { sweeps: string[] }) {
  const { pages, errors } = usePages(keys);
  const found = keys.map((key) => pages[key]).filter((p) => p !== undefined);
  const others = sweeps.value.filter((row) => !keys.includes(keyOf(row)));
  const metrics = new Set(found.map((p) => `${p.row.goal} ${p.row.metric}`));
  return (
    <>
      <div class="title-row">
        <h1>Comparison of sweeps</h1>
        {others.length > 0 && (
          <select
            aria-label="Add a sweep to the comparison"
            value=""
            onChange={(event) => go(compareHref([...keys, event.currentTarget.value]))}
          >
            <option value="">Add a sweep…</option>
            {others.map((row) => (
              <option key={keyOf(row)} value={keyOf(row)}>
                {`${row.displayName || row.name} (${row.namespace})`.slice(0, 80)}
              </option>
            ))}
          </select>
        )}
      </div>
      {Object.entries(errors).map(([key, message]) => (
        <p key={key} class="notice panel" role="alert">
          <Text value={key} limit={100} />: <Text value={message} limit={500} />
        </p>
      ))}
      {metrics.size > 1 && (
        <p class="muted">These sweeps optimize different metrics, so their scores cannot be compared directly.</p>
      )}
      {found.length === 0 ? (
        <p class="empty">{keys.length === 0 ? "Add sweeps to compare them." : "Loading…"}</p>
      ) : (
        <div class="panels">
          <ProgressPlot pages={found} measure="runs" />
          <ProgressPlot pages={found} measure="cost" />
          <Results pages={found} keys={keys} />
        </div>
      )}
    </>
  );
}

/** The pages of the sweeps, fetched again when a run of one has ended. */
function usePages(keys: string[]): { pages: Record<string, SweepPage>; errors: Record<string, string> } {
  const pages = useSignal<Record<string, SweepPage>>({});
  const errors = useSignal<Record<string, string>>({});
  const versions = keys.map((key) => {
    const row = sweeps.value.find((r) => keyOf(r) === key);
    return `${key} ${row?.counts.finished} ${row?.state}`;
  });
  useEffect(() => {
    const abort = new AbortController();
    for (const key of keys) {
      loadSweep(key, abort.signal).then(
        (page) => {
          pages.value = { ...pages.value, [key]: page };
          const { [key]: _, ...rest } = errors.value;
          errors.value = rest;
        },
        (error: Error) => {
          if (!abort.signal.aborted && pages.value[key] === undefined)
            errors.value = { ...errors.value, [key]: error.message };
        },
      );
    }
    return () => abort.abort();
  }, [versions.join("\n")]);
  return { pages: pages.value, errors: errors.value };
}

function ProgressPlot({ pages, measure }: { pages: SweepPage[]; measure: Measure }) {
  const series = useMemo(
    () => pages.map((page) => progressOf(page, measure)),
    [pages.map((p) => p.row.counts.finished).join(), pages.length, measure],
  );
  const [first] = pages;
  const unit = first!.row.costUnit;
  const scores = series.flatMap((s) => s.y);
  const layers = useMemo(
    () =>
      series.map(
        (s, i): Layer => ({
          kind: "line",
          step: true,
          width: 2,
          color: seriesColor(i),
          dash: DASHES[i % DASHES.length]!,
          label: pages[i]!.row.displayName || pages[i]!.row.name,
          ...s,
        }),
      ),
    [series],
  );
  const marks = useMemo(
    () =>
      series.map(
        (s, i): Layer => ({
          kind: "points",
          shape: "dot",
          size: 2.5,
          color: seriesColor(i),
          marks: s.x.map((x, k) => ({
            id: `${i} ${k}`,
            x,
            y: s.y[k]!,
            text: () => [
              pages[i]!.row.displayName || pages[i]!.row.name,
              `best ${number(s.y[k])}`,
              measure === "runs" ? `after ${number(x)} runs` : `after spending ${cost(x, pages[i]!.row.costUnit)}`,
            ],
          })),
        }),
      ),
    [series],
  );
  const all = useMemo(() => [...layers, ...marks], [layers, marks]);
  return (
    <Plot
      title={measure === "runs" ? "Best score by finished runs" : "Best score by cost"}
      help={
        measure === "runs"
          ? "The best score so far, after each run that ended."
          : "The best score so far against the cost of all runs that had ended by then, failed ones included."
      }
      x={{
        label: measure === "runs" ? "finished runs" : `cost (${unit})`,
        kind: "linear",
        domain: domainOf("linear", [0, ...series.flatMap((s) => s.x)], 0.02),
        integer: measure === "runs",
      }}
      y={{ label: first!.row.metric || "score", kind: "linear", domain: robustDomain(scores, first!.row.goal, []) }}
      layers={all}
      linked={false}
      empty={scores.length === 0 && "None of these sweeps has a score yet."}
      table={() => ({
        columns: ["Sweep", measure === "runs" ? "Finished runs" : `Cost (${unit})`, "Best score"],
        rows: series.flatMap((s, i) =>
          s.x.map((x, k) => [pages[i]!.row.displayName || pages[i]!.row.name, x, s.y[k]!]),
        ),
      })}
    />
  );
}

function Results({ pages, keys }: { pages: SweepPage[]; keys: string[] }) {
  return (
    <Panel title="Results" wide>
      <Scrolling label="Results: table">
        <table class="data static">
          <thead>
            <tr>
              <th scope="col">Sweep</th>
              <th scope="col">State</th>
              <th scope="col">Metric</th>
              <th scope="col" class="numeric">
                Best
              </th>
              <th scope="col" class="numeric">
                Cost of the best
              </th>
              <th scope="col" class="numeric">
                Finished runs
              </th>
              <th scope="col" class="numeric">
                Failed
              </th>
              <th scope="col" class="numeric">
                Spent
              </th>
              <th scope="col">Method</th>
              <th scope="col">
                <span class="visually-hidden">Remove</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {pages.map(({ row, method }, i) => (
              <tr key={keyOf(row)}>
                <th scope="row">
                  <svg width="14" height="8" viewBox="0 0 14 8" aria-hidden="true">
                    <path
                      d="M0 4H14"
                      stroke={`var(--${seriesColor(i)})`}
                      stroke-width="3"
                      stroke-dasharray={DASHES[i % DASHES.length]!.join(" ")}
                    />
                  </svg>{" "}
                  <a href={sweepHref(row.namespace, row.name)}>
                    <Text value={row.displayName || row.name} limit={60} />
                  </a>
                </th>
                <td>
                  <State row={row} />
                </td>
                <td class="muted">
                  <Text value={row.metric} limit={40} />
                  {row.goal === "minimize" ? " ↓" : " ↑"}
                </td>
                <td class="numeric">{number(row.best?.score)}</td>
                <td class="numeric">{cost(row.best?.cost, row.costUnit)}</td>
                <td class="numeric">{number(row.counts.finished)}</td>
                <td class="numeric">{number(row.counts.failed)}</td>
                <td class="numeric">{cost(row.spent, row.costUnit)}</td>
                <td>
                  <Text value={method} limit={30} />
                </td>
                <td>
                  <button
                    type="button"
                    class="quiet"
                    aria-label={`Remove ${row.displayName || row.name} from the comparison`}
                    onClick={() => go(compareHref(keys.filter((k) => k !== keyOf(row))))}
                  >
                    ×
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolling>
    </Panel>
  );
}
