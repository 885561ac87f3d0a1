import { useMemo } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { opener } from "../app/router.ts";
import { Panel } from "../charts/Panel.tsx";
import { passingRuns } from "../store/filter.ts";
import { DataTable } from "../tables/DataTable.tsx";
import { columnsOf } from "./runColumns.tsx";

/** All runs that pass the filter, sortable by every column. */
export function RunsTable({ page }: { page: SweepPage }) {
  const open = opener(page);
  const columns = useMemo(() => columnsOf(page), [page]);
  return (
    <Panel title="Runs" wide empty={page.runs.length === 0 && "No run has started yet."}>
      <DataTable
        label="Runs"
        columns={columns}
        rows={passingRuns.value}
        height={440}
        initial={{ column: "score", direction: page.row.goal === "maximize" ? "desc" : "asc" }}
        onOpen={(r) => open(r.name)}
        empty="No run passes the filter."
      />
    </Panel>
  );
}
