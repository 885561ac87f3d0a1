import type { TabProps } from "../app/tabs.ts";
import { EarlyStopping } from "./EarlyStopping.tsx";
import "./money.css";
import { OutlookPanel } from "./OutlookPanel.tsx";
import { SpentPanel } from "./SpentPanel.tsx";

/** Where the cost went, what early stopping saved, and what more runs would buy. */
export function MoneyTab({ page }: TabProps) {
  return (
    <div class="panels two">
      <SpentPanel page={page} />
      <OutlookPanel page={page} />
      <EarlyStopping page={page} />
    </div>
  );
}
