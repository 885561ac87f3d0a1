/** The tabs of a sweep's page. To add one: write its component, and add a line here. */
import type { ComponentType } from "preact";
import type { SweepPage } from "../api.ts";
import { CurvesTab } from "../curves/CurvesTab.tsx";
import { ModelTab } from "../model/ModelTab.tsx";
import { MoneyTab } from "../money/MoneyTab.tsx";
import { ConditionsTab } from "../overview/ConditionsTab.tsx";
import { OverviewTab } from "../overview/OverviewTab.tsx";
import { TimelineTab } from "../timeline/TimelineTab.tsx";

export interface TabProps {
  page: SweepPage;
}

export interface TabEntry {
  id: string;
  label: string;
  component: ComponentType<TabProps>;
  /** What it shows does not depend on the runs, and so not on the filter. */
  unfiltered?: boolean;
}

export const TABS: TabEntry[] = [
  { id: "overview", label: "Overview", component: OverviewTab },
  { id: "curves", label: "Curves", component: CurvesTab },
  { id: "timeline", label: "Timeline", component: TimelineTab },
  { id: "model", label: "Model", component: ModelTab },
  { id: "money", label: "Money", component: MoneyTab },
  { id: "conditions", label: "Conditions", component: ConditionsTab, unfiltered: true },
];
