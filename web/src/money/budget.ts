/** How much of the budget is left, and until when, in words. */
import type { SweepPage } from "../api.ts";
import { cost, percent, time } from "../text/format.ts";
import { runsComeFirst } from "./parts.ts";

/** `now`: milliseconds. */
export function budgetText(page: SweepPage, now: number): string {
  const { unit, spent, budget } = page.money;
  const whole = `Spent ${cost(spent, unit)}`;
  if (budget === null) return `${whole}. The sweep has no budget (limits.totalCost).${deadlineText(page)}`;
  const left = cost(Math.max(0, budget - spent), unit);
  const used = `${whole} of ${cost(budget, unit)} (${percent(spent / budget)}); ${left} is left.`;
  return `${used}${rateText(page, now)}${deadlineText(page)}`;
}

function rateText({ money, row, limits }: SweepPage, now: number): string {
  if (row.etaSeconds === null) return "";
  if (runsComeFirst(money, row.counts))
    return ` The sweep is expected to reach its ${limits.maxRuns} runs before the budget is used up.`;
  return ` At the rate so far it lasts until ${time(new Date(now + row.etaSeconds * 1000).toISOString())}.`;
}

function deadlineText({ limits, row }: SweepPage): string {
  if (limits.deadlineSeconds === null || row.ended) return "";
  const at = Date.parse(row.created) + limits.deadlineSeconds * 1000;
  return ` The deadline is ${time(new Date(at).toISOString())}, later by the time that the sweep was suspended.`;
}
