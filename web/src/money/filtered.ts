/** The cost of some runs of a sweep. The sums of all runs come from the server, which knows all prices. */
import type { Money, RunRow, SweepPage } from "../api.ts";

/** The money of the runs that pass, by the same rules as that of the whole sweep. */
export function moneyOf(page: SweepPage, passing: readonly RunRow[]): Money {
  const own = passing.filter((run) => !run.imported && run.ended !== null);
  const pruned = own.filter((run) => run.group === "pruned");
  const judged = own.filter((run) => run.verdict?.shadow);
  const useful = costOf(own.filter((run) => run.group === "succeeded"));
  const wasted = wastedOf(own, priceOfLost(page));
  return {
    unit: page.money.unit,
    spent: useful + costOf(pruned) + wasted.reduce((sum, { cost }) => sum + cost, 0),
    useful,
    wasted,
    pruned: {
      cost: costOf(pruned),
      saved: pruned.reduce((sum, run) => sum + (run.verdict?.savedCost ?? 0), 0),
      runs: pruned.length,
      wrong: judged.filter((run) => page.front.includes(run.name)).length,
    },
    budget: null,
  };
}

const costOf = (runs: readonly RunRow[]): number => runs.reduce((sum, run) => sum + (run.cost ?? 0), 0);

/** What failed runs cost, and the failed attempts of succeeded ones, by failure class. */
function wastedOf(runs: readonly RunRow[], price: number): Money["wasted"] {
  const found = new Map<string, { class: string; cost: number; runs: number }>();
  for (const run of runs) {
    for (const [kind, cost] of Object.entries(wastedBy(run, price))) {
      const sum = found.get(kind) ?? { class: kind, cost: 0, runs: 0 };
      found.set(kind, { ...sum, cost: sum.cost + cost, runs: sum.runs + 1 });
    }
  }
  return [...found.values()].sort((a, b) => b.cost - a.cost);
}

/** The wasted cost of one run by failure class. `price`: of a lost second of a succeeded run. */
function wastedBy({ group, failure, cost, lostSeconds }: RunRow, price: number): Record<string, number> {
  if (group === "pruned") return {};
  const lost = Object.entries(lostSeconds);
  const seconds = lost.reduce((sum, [, s]) => sum + s, 0);
  if (!failure) return Object.fromEntries(lost.map(([kind, s]) => [kind, s * price]));
  if (seconds === 0) return { [failure.class]: cost ?? 0 };
  return Object.fromEntries(lost.map(([kind, s]) => [kind, ((cost ?? 0) * s) / seconds]));
}

/** What a second of the failed attempts of succeeded runs has cost: the wasted cost that no failed run accounts for. */
function priceOfLost({ money, runs }: SweepPage): number {
  const own = runs.filter((run) => !run.imported && run.ended !== null && run.group !== "pruned");
  const rest = money.wasted.reduce((sum, w) => sum + w.cost, 0) - costOf(own.filter((run) => run.failure));
  const seconds = own
    .filter((run) => !run.failure)
    .reduce((sum, run) => sum + Object.values(run.lostSeconds).reduce((a, b) => a + b, 0), 0);
  return rest > 0 && seconds > 0 ? rest / seconds : 0;
}
