import type { TabProps } from "../app/tabs.ts";
import { Panel } from "../charts/Panel.tsx";
import { StaticTable } from "../tables/StaticTable.tsx";
import { time } from "../text/format.ts";
import { SettingsPanel } from "./SettingsPanel.tsx";

const COLUMNS = [
  { label: "Type" },
  { label: "Status" },
  { label: "Reason" },
  { label: "Message", message: true },
  { label: "Since" },
];

/** The sweep's conditions, and what it was asked to do. */
export function ConditionsTab({ page }: TabProps) {
  return (
    <div class="panels">
      <Panel title="Conditions" wide empty={page.conditions.length === 0 && "The sweep has no conditions yet."}>
        <StaticTable
          label="Conditions"
          columns={COLUMNS}
          headed
          rows={page.conditions.map((c) => ({
            key: c.type,
            cells: [c.type, c.status, c.reason, c.message, time(c.since)],
          }))}
        />
      </Panel>
      <SettingsPanel page={page} />
    </div>
  );
}
