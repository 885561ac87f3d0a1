import type { TabProps } from "../app/tabs.ts";
import { BestPanel } from "./BestPanel.tsx";
import { FrontPlot } from "./FrontPlot.tsx";
import { HistoryPlot } from "./HistoryPlot.tsx";
import { ObjectivePlots } from "./ObjectivePlots.tsx";
import { ParallelPlot } from "./ParallelPlot.tsx";
import { RunsTable } from "./RunsTable.tsx";

/** The first tab: what came out so far. */
export function OverviewTab({ page }: TabProps) {
  return (
    <div class="panels">
      <HistoryPlot page={page} />
      <FrontPlot page={page} />
      <ObjectivePlots page={page} />
      <BestPanel page={page} />
      <ParallelPlot page={page} />
      <RunsTable page={page} />
    </div>
  );
}
