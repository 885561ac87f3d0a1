import { useComputed, useSignal } from "@preact/signals";
import type { SweepRow } from "../api.ts";
import { Loading, Notice } from "../app/Notice.tsx";
import { go } from "../app/router.ts";
import { compareHref, sweepHref } from "../app/routes.ts";
import { type Column, DataTable } from "../charts/DataTable.tsx";
import { ProgressBar } from "../overview/ProgressBar.tsx";
import { State } from "../overview/State.tsx";
import { keyOf } from "../store/changes.ts";
import { loaded, sweeps, unreadable } from "../store/store.ts";
import { cost, duration, number, plural, time } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { useNow } from "../text/useNow.ts";

/** All sweeps that the reader may see. */
export function ListPage() {
  const text = useSignal("");
  const marked = useSignal<ReadonlySet<string>>(new Set());
  const rows = useComputed(() => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    return sweeps.value.filter((row) => {
      const all = `${row.namespace} ${row.name} ${row.displayName} ${row.state} ${row.metric}`.toLowerCase();
      return words.every((word) => all.includes(word));
    });
  }).value;
  const toggle = (key: string) => {
    const next = new Set(marked.value);
    if (!next.delete(key)) next.add(key);
    marked.value = next;
  };
  const now = useNow(30_000);
  const namespaces = new Set(sweeps.value.map((row) => row.namespace)).size > 1;
  const chosen = rows.map(keyOf).filter((key) => marked.value.has(key));
  if (!loaded.value) return <Loading />;
  if (sweeps.value.length === 0) return <NoSweeps />;
  return (
    <>
      <div class="title-row">
        <h1>Sweeps</h1>
        <span class="muted" role="status">
          {plural(rows.length, "sweep")}
        </span>
        <search class="filter">
          <input
            type="search"
            aria-label="Filter sweeps by text"
            placeholder="Filter sweeps"
            value={text.value}
            onInput={(e) => {
              text.value = e.currentTarget.value;
            }}
          />
        </search>
        {chosen.length > 1 ? (
          <a class="button" href={compareHref(chosen)}>
            Compare {chosen.length} sweeps
          </a>
        ) : (
          <span class="muted">Select two or more sweeps to compare them.</span>
        )}
      </div>
      {unreadable.value.length > 0 && (
        <p class="notice panel" role="alert">
          These sweeps cannot be read: <Text value={unreadable.value.join(", ")} limit={1000} />
        </p>
      )}
      <DataTable
        label="Sweeps"
        columns={columnsOf({ marked: marked.value, toggle, namespaces, now })}
        rows={rows}
        height={Math.max(240, innerHeight - 170)}
        initial={{ column: "age", direction: "asc" }}
        onOpen={(row) => go(sweepHref(row.namespace, row.name))}
        empty="No sweep passes the filter."
      />
    </>
  );
}

interface ListOptions {
  marked: ReadonlySet<string>;
  toggle: (key: string) => void;
  namespaces: boolean;
  now: number;
}

function columnsOf({ marked, toggle, namespaces, now }: ListOptions): Column<SweepRow>[] {
  const namespace: Column<SweepRow> = {
    id: "namespace",
    label: "Namespace",
    sort: (r) => r.namespace,
    cell: (r) => <Text value={r.namespace} limit={40} />,
  };
  return [
    {
      id: "mark",
      label: "Compare",
      cell: (r) => (
        <input
          type="checkbox"
          aria-label={`Compare ${r.displayName || r.name}`}
          checked={marked.has(keyOf(r))}
          onChange={() => toggle(keyOf(r))}
        />
      ),
    },
    {
      id: "name",
      label: "Sweep",
      sort: (r) => r.displayName || r.name,
      cell: (r) => (
        <a href={sweepHref(r.namespace, r.name)}>
          <Text value={r.displayName || r.name} limit={80} />
        </a>
      ),
    },
    ...(namespaces ? [namespace] : []),
    { id: "state", label: "State", sort: (r) => r.state, cell: (r) => <State row={r} /> },
    {
      id: "best",
      label: "Best",
      numeric: true,
      help: "Best score so far",
      sort: (r) => r.best?.score ?? null,
      cell: (r) => number(r.best?.score),
    },
    {
      id: "metric",
      label: "Metric",
      sort: (r) => r.metric,
      cell: (r) => (
        <span class="muted">
          <Text value={r.metric} limit={40} />
          {r.goal === "minimize" ? " ↓" : " ↑"}
        </span>
      ),
    },
    {
      id: "runs",
      label: "Runs",
      numeric: true,
      help: "Finished runs of the maximum",
      sort: (r) => r.counts.finished,
      cell: (r) => (
        <ProgressBar
          value={r.counts.finished}
          of={r.counts.maxRuns}
          text={`${r.counts.finished.toLocaleString("en-US")}${r.counts.maxRuns === null ? "" : ` / ${r.counts.maxRuns.toLocaleString("en-US")}`}`}
        />
      ),
    },
    {
      id: "running",
      label: "Running",
      numeric: true,
      sort: (r) => r.counts.running,
      cell: (r) => r.counts.running || "–",
    },
    {
      id: "failed",
      label: "Failed",
      numeric: true,
      sort: (r) => r.counts.failed,
      cell: (r) => (r.counts.failed ? <span class="failed">{r.counts.failed}</span> : "–"),
    },
    {
      id: "spent",
      label: "Spent",
      numeric: true,
      help: "Cost of all runs so far, of the budget",
      sort: (r) => r.spent,
      cell: (r) => (
        <ProgressBar
          value={r.spent}
          of={r.budget}
          text={`${cost(r.spent, r.costUnit)}${r.budget === null ? "" : ` / ${cost(r.budget, r.costUnit)}`}`}
        />
      ),
    },
    {
      id: "eta",
      label: "Remaining",
      numeric: true,
      help: "Estimated time until the sweep ends",
      sort: (r) => r.etaSeconds,
      cell: (r) => (r.ended ? "–" : duration(r.etaSeconds)),
    },
    {
      id: "age",
      label: "Age",
      numeric: true,
      sort: (r) => now - Date.parse(r.created),
      cell: (r) => <span title={time(r.created)}>{duration((now - Date.parse(r.created)) / 1000).split(" ")[0]}</span>,
    },
  ];
}

function NoSweeps() {
  return (
    <Notice title="No sweeps yet">
      <p>
        A sweep that starts appears here at once. Start one with <code>sweep run CONFIG</code>, or apply a Sweep
        manifest with <code>kubectl</code>.
      </p>
    </Notice>
  );
}
