import type { TabProps } from "../app/tabs.ts";
import { HistoryPlot } from "./HistoryPlot.tsx";

/** The first tab: what came out so far. */
export function OverviewTab({ page }: TabProps) {
  return (
    <div class="panels">
      <HistoryPlot page={page} />
    </div>
  );
}
