/** What a sweep calls its score and its cost. */
import type { SweepPage, SweepRow } from "../api.ts";
import { cost, number, visible } from "./format.ts";

export const scoreName = ({ row }: { row: SweepRow }): string => row.metric || "score";
export const costName = ({ row }: { row: SweepRow }): string => `cost (${visible(row.costUnit, 20)})`;

/** A score or a cost of the sweep. */
export function amount(page: SweepPage, of: "score" | "cost", value: number | null): string {
  return of === "cost" ? cost(value, page.row.costUnit) : number(value);
}
