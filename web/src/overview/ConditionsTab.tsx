import type { TabProps } from "../app/tabs.ts";
import { Panel } from "../charts/Panel.tsx";
import { time } from "../text/format.ts";
import { Text } from "../text/Text.tsx";

/** The sweep's conditions, as `kubectl get sweep -o yaml` has them. */
export function ConditionsTab({ page }: TabProps) {
  return (
    <div class="panels">
      <Panel title="Conditions" wide empty={page.conditions.length === 0 && "The sweep has no conditions yet."}>
        <div class="scroll-x">
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
        </div>
      </Panel>
    </div>
  );
}
