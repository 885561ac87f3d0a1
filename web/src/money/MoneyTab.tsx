import { useMemo } from "preact/hooks";
import type { TabProps } from "../app/tabs.ts";
import { passingRuns, selected } from "../store/filter.ts";
import { cost } from "../text/format.ts";
import { useNow } from "../text/useNow.ts";
import { budgetText } from "./budget.ts";
import { EarlyStopping } from "./EarlyStopping.tsx";
import { moneyOf } from "./filtered.ts";
import "./money.css";
import { OutlookPanel } from "./OutlookPanel.tsx";
import { SpentPanel } from "./SpentPanel.tsx";
import { WastePanel } from "./WastePanel.tsx";

const MINUTE_MS = 60_000;

/** Where the cost went, what early stopping saved, and what more runs would buy. */
export function MoneyTab({ page }: TabProps) {
  const runs = passingRuns.value;
  const filtered = selected.value !== null;
  const money = useMemo(() => (filtered ? moneyOf(page, runs) : page.money), [page, runs, filtered]);
  const now = useNow(MINUTE_MS);
  const text = filtered
    ? `The runs that pass the filter have cost ${cost(money.spent, money.unit)}.`
    : budgetText(page, now);
  return (
    <div class="panels two">
      <SpentPanel money={money} runs={runs} text={text} />
      <OutlookPanel page={page} />
      <WastePanel page={page} runs={runs} />
      <EarlyStopping page={page} money={money} runs={runs} />
    </div>
  );
}
