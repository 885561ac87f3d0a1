import { type Signal, useComputed, useSignal } from "@preact/signals";
import { Loading, Notice, Unreadable } from "../app/Notice.tsx";
import { go } from "../app/router.ts";
import { compareHref, sweepHref } from "../app/routes.ts";
import { keyOf } from "../store/changes.ts";
import { loaded, sweeps } from "../store/store.ts";
import { DataTable } from "../tables/DataTable.tsx";
import { plural } from "../text/format.ts";
import { useNow } from "../text/useNow.ts";
import { columnsOf } from "./columns.tsx";
import { matching } from "./matching.ts";

/** All sweeps that the reader may see. */
export function ListPage() {
  const text = useSignal("");
  const marked = useSignal<ReadonlySet<string>>(new Set());
  const rows = useComputed(() => matching(sweeps.value, text.value)).value;
  const toggle = (key: string) => {
    const next = new Set(marked.value);
    if (!next.delete(key)) next.add(key);
    marked.value = next;
  };
  const now = useNow(30_000);
  const namespaces = new Set(sweeps.value.map((row) => row.namespace)).size > 1;
  const chosen = rows.map(keyOf).filter((key) => marked.value.has(key));
  if (!loaded.value && sweeps.value.length === 0) return <Loading />;
  if (sweeps.value.length === 0) return <NoSweeps />;
  return (
    <>
      <Toolbar text={text} count={rows.length} chosen={chosen} />
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

function Toolbar({ text, count, chosen }: { text: Signal<string>; count: number; chosen: string[] }) {
  return (
    <div class="title-row">
      <h1>Sweeps</h1>
      <span class="muted" role="status">
        {plural(count, "sweep")}
      </span>
      <search class="filter">
        <input
          type="search"
          aria-label="Filter sweeps by text"
          placeholder="Filter sweeps"
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
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
  );
}

function NoSweeps() {
  return (
    <>
      <Unreadable />
      <Notice title="No sweeps yet">
        <p>
          A sweep that starts appears here at once. Start one with <code>sweep run CONFIG</code>, or apply a Sweep
          manifest with <code>kubectl</code>.
        </p>
      </Notice>
    </>
  );
}
