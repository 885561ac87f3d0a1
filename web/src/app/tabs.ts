/** The tabs of a sweep's page. To add one: write its component, and add a line here. */
import type { ComponentType } from "preact";
import type { SweepPage } from "../api.ts";
import { ConditionsTab } from "../overview/ConditionsTab.tsx";
import { OverviewTab } from "../overview/OverviewTab.tsx";

export interface TabProps {
  page: SweepPage;
}

export interface TabEntry {
  id: string;
  label: string;
  component: ComponentType<TabProps>;
}

export const TABS: TabEntry[] = [
  { id: "overview", label: "Overview", component: OverviewTab },
  { id: "conditions", label: "Conditions", component: ConditionsTab },
];
