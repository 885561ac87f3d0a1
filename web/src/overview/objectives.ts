/** Runs with a value of a further objective. */

import type { RunRow } from "../api.ts";
import { own } from "../store/own.ts";
import type { Point } from "./scatter.ts";

/** The succeeded runs that have reported the metric, at its value. */
export function measured(runs: RunRow[], metric: string): Point[] {
  return runs.flatMap((run) => {
    const x = own(run.metrics, metric);
    return run.score === null || x === undefined ? [] : [{ run, x, score: run.score }];
  });
}
