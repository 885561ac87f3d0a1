import { useComputed, useSignal } from "@preact/signals";
import { Loading, Notice, Unreadable } from "../app/Notice.tsx";
import { go } from "../app/router.ts";
import { compareHref, sweepHref } from "../app/routes.ts";
import { DataTable } from "../charts/DataTable.tsx";
import { keyOf } from "../store/changes.ts";
import { loaded, sweeps, unreadable } from "../store/store.ts";
import { plural } from "../text/format.ts";
import { useNow } from "../text/useNow.ts";
import { columnsOf } from "./columns.tsx";

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
  if (!loaded.value && sweeps.value.length === 0) return <Loading />;
  if (sweeps.value.length === 0) return unreadable.value.length > 0 ? <Unreadable /> : <NoSweeps />;
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
      <Unreadable />
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
