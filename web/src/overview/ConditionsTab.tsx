import type { TabProps } from "../app/tabs.ts";
import { Panel } from "../charts/Panel.tsx";
import { Scrolling } from "../charts/Scrolling.tsx";
import { time } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { SettingsPanel } from "./SettingsPanel.tsx";

/** The sweep's conditions, and what it was asked to do. */
export function ConditionsTab({ page }: TabProps) {
  return (
    <div class="panels">
      <Panel title="Conditions" wide empty={page.conditions.length === 0 && "The sweep has no conditions yet."}>
        <Scrolling label="Conditions: table">
          <table class="data static">
            <thead>
              <tr>
                {["Type", "Status", "Reason", "Message", "Since"].map((label) => (
                  <th key={label} scope="col">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {page.conditions.map((c) => (
                <tr key={c.type}>
                  <th scope="row">{c.type}</th>
                  <td>{c.status}</td>
                  <td>
                    <Text value={c.reason} limit={80} />
                  </td>
                  <td class="message">
                    <Text value={c.message} limit={2000} />
                  </td>
                  <td>{time(c.since)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolling>
      </Panel>
      <SettingsPanel page={page} />
    </div>
  );
}
