/** Made-up sweeps that are unusual: nothing succeeds, or every text is hostile. */
import type { Parameter, RunRow, SweepPage, SweepRow } from "../src/api.ts";
import { at } from "./builders.ts";
import { PARAMETERS, samplePage } from "./sample.ts";

const FAILURE = {
  class: "parameters",
  reason: "BadParameters",
  message: "rollout buffer is smaller than the batch",
  stage: "train",
  consequence: "not retried; learned as infeasible",
};

/** A sweep in which nothing succeeds. */
export function failingPage(count: number): SweepPage {
  const page = samplePage(count, 4, "failing");
  const runs = page.runs.map((r) => failed(r));
  const none = { finished: count, succeeded: 0, pruned: 0, running: 0, waiting: 0, failed: count };
  const row: SweepRow = {
    ...page.row,
    best: null,
    counts: { ...page.row.counts, ...none },
    state: "Failed",
    ended: true,
    completed: at(9000),
    message: "10 runs in a row failed: rollout buffer is smaller than the batch",
  };
  return { ...page, row, runs, front: [], ranking: [], bestParams: null };
}

function failed(run: RunRow): RunRow {
  const nothing = { score: null, predicted: null, progress: null, verdict: null };
  return { ...run, ...nothing, group: "failed", state: "Failed", cost: 12, failure: FAILURE, ended: run.created };
}

const NASTY = `<script>alert(1)</script><img src=x onerror=alert(1)> javascript:alert(1) \u202Etxt.exe\u202C \u001b[31mred\u001b[0m `;

/** Names, messages and values that try to be something else than text. */
export function hostilePage(count: number): SweepPage {
  const page = samplePage(count, 5, "hostile");
  const long = NASTY + "name-".repeat(800);
  const message = NASTY.repeat(3) + "x".repeat(10_000);
  const parameters = Array.from(
    { length: 64 },
    (_, i): Parameter => ({
      ...PARAMETERS[i % 6]!,
      path: i === 0 ? `${long}.0` : `group.${NASTY}.p${i}`,
      label: i === 0 ? long : `p${i}${i % 7 === 0 ? NASTY : ""}`,
      values: i % 6 === 4 ? ["adam", NASTY] : null,
      kind: i % 6 === 4 ? "category" : "number",
    }),
  );
  const runs = page.runs.map(
    (r): RunRow => ({
      ...r,
      label: r.index === 1 ? long : `${NASTY}${r.index}`,
      state: r.index === 2 ? NASTY : r.state,
      failure: r.failure && { class: NASTY, reason: long, message, stage: "train", consequence: NASTY },
      parameters: parameters.map((p, i) => (p.values ? p.values[(r.index ?? 0) % 2]! : (r.parameters[i % 6] ?? null))),
    }),
  );
  const best = page.row.best && { ...page.row.best, label: long };
  const row: SweepRow = { ...page.row, displayName: long, metric: NASTY, message, best, costUnit: NASTY };
  return {
    ...page,
    row,
    parameters,
    runs,
    conditions: [{ type: "Succeeded", status: "Unknown", reason: NASTY, message, since: at(0) }],
  };
}
