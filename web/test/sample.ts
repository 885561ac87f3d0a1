/** A made-up sweep of any size, for looking at pages without a server. */
import type { Curves, Parameter, Phase, RunPage, RunRow, Scalar, SweepPage, SweepRow } from "../src/api.ts";
import { at, parameter as build, run } from "./builders.ts";

/** A repeatable source of random numbers (mulberry32). */
export function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const parameter = (path: string, fields: Partial<Parameter>): Parameter =>
  build(path, { label: path.split(".").at(-1)!, ...fields });

export const PARAMETERS: Parameter[] = [
  parameter("trainer.optimizer.learning_rate", { axis: "log10", min: 1e-5, max: 1e-2, mean: 3e-4 }),
  parameter("trainer.batch_size", { kind: "integer", axis: "log2", min: 16, max: 1024, mean: 128 }),
  parameter("trainer.gamma", { axis: "logit", min: 0.9, max: 0.999, mean: 0.99 }),
  parameter("trainer.n_epochs", { kind: "integer", min: 2, max: 20, mean: 10 }),
  parameter("trainer.optimizer.name", { kind: "category", min: null, max: null, values: ["adam", "sgd"] }),
  parameter("trainer.optimizer.momentum", {
    axis: "logit",
    min: 0.5,
    max: 0.99,
    when: "trainer.optimizer.name in [sgd]",
  }),
];

function sampled(random: () => number): (Scalar | null)[] {
  const name = random() < 0.6 ? "adam" : "sgd";
  return [
    10 ** (-5 + 3 * random()),
    2 ** (4 + Math.floor(7 * random())),
    1 - 10 ** (-3 + 2 * random()),
    2 + Math.floor(19 * random()),
    name,
    name === "sgd" ? 0.5 + 0.49 * random() : null,
  ];
}

const REASONS = { parameters: "OOMKilled", crash: "Error", infrastructure: "ErrImagePull", preempted: "Evicted" };
type FailureClass = keyof typeof REASONS;
const CLASSES = Object.keys(REASONS) as FailureClass[];

function phasesOf(start: number, seconds: number, failed: boolean, random: () => number): Phase[] {
  const node = `node-${1 + Math.floor(4 * random())}`;
  const pull = start + 5 + 40 * random();
  const trained = pull + 3 + seconds;
  const phase = (kind: Phase["phase"], from: number, to: number): Phase => ({
    phase: kind,
    stage: kind === "evaluating" ? "eval" : "train",
    attempt: 1,
    start: at(from),
    end: at(to),
    node: kind === "queued" ? null : node,
  });
  const phases = [phase("queued", start, pull), phase("pulling", pull, pull + 3), phase("training", pull + 3, trained)];
  return failed ? phases : [...phases, phase("evaluating", trained, trained + 8)];
}

/** What a made-up run would score and cost if it went well. */
interface Truth {
  score: number;
  cost: number;
}

function truthOf(parameters: (Scalar | null)[], trend: number): Truth {
  const [rate, batch, , epochs] = parameters as [number, number, number, number];
  const cost = 20 * epochs * (512 / batch) ** 0.3;
  const peak = Math.exp(-((Math.log10(rate) + 3.3) ** 2) * (1.3 - 0.9 * trend));
  return { score: 500 * peak * (1 - Math.exp(-cost / 150)), cost };
}

const STATES: Record<RunRow["group"], string> = {
  succeeded: "Completed",
  failed: "Failed",
  pruned: "StoppedEarly",
  running: "Training",
  waiting: "Queued",
  stopped: "Stopped",
};

function groupOf(index: number, count: number, roll: number): RunRow["group"] {
  if (index >= count - Math.min(3, Math.floor(count / 5))) return index === count - 1 ? "waiting" : "running";
  return roll < 0.1 ? "failed" : roll < 0.22 ? "pruned" : "succeeded";
}

export function sampleRun(index: number, count: number, random: () => number): RunRow {
  const parameters = sampled(random);
  const truth = truthOf(parameters, Math.min(1, index / Math.max(20, count * 0.4)));
  const noise = () => (random() + random() + random() - 1.5) * 20;
  const group = groupOf(index, count, random());
  const kind = CLASSES[Math.floor(random() * CLASSES.length)]!;
  const over = group !== "running" && group !== "waiting";
  const score = group === "succeeded" ? truth.score + noise() : group === "pruned" ? truth.score * 0.7 : null;
  const created = 60 * index;
  return {
    ...run(`sample.r.${index}`, { index, parameters, group, state: STATES[group], score }),
    origin: index === 0 ? "center" : index < 6 ? "sobol" : "model",
    failure: group === "failed" ? failureOf(kind) : null,
    cost: over ? truth.cost * (group === "succeeded" ? 1 : 0.4) : null,
    metrics: score === null ? {} : { "eval/length": 200 * random() },
    predicted: index < 6 ? null : predictionOf(truth, noise() * 2),
    created: at(created),
    ended: over ? at(created + truth.cost + 60) : null,
    progress: group === "running" ? progressOf(truth, at(created + 60)) : null,
    phases: phasesOf(created, truth.cost, group !== "succeeded", random),
    verdict: group === "pruned" ? verdictOf(truth) : null,
    within: group === "succeeded",
    seconds: truth.cost,
    hasCurve: group !== "waiting",
  };
}

function failureOf(kind: FailureClass): RunRow["failure"] {
  return {
    class: kind,
    reason: REASONS[kind],
    message: "rollout buffer of 2048 steps is smaller than the batch",
    stage: "train",
    consequence: "not retried; learned as infeasible",
  };
}

function predictionOf({ score, cost }: Truth, error: number): RunRow["predicted"] {
  const interval = { scoreLow: score - 50, scoreHigh: score + 50, costLow: cost / 1.3, costHigh: cost * 1.4 };
  return { score: score + error, cost: cost * 1.05, ...interval };
}

function progressOf({ score }: Truth, updated: string): RunRow["progress"] {
  const forecast = { score, low: score - 40, high: score + 40, probability: 0.31 };
  return { step: 4000, maxStep: 10000, value: score * 0.8, updated, etaSeconds: 95, forecast };
}

function verdictOf({ score, cost }: Truth): RunRow["verdict"] {
  return {
    policy: "forecast",
    text: "3% chance of beating the best run",
    step: 3744,
    value: score * 0.7,
    low: score * 0.6,
    high: score * 0.8,
    threshold: 420,
    probability: 0.003,
    runs: 30,
    savedCost: cost * 0.6,
    shadow: false,
  };
}

export function samplePage(count: number, seed = 1, name = "sample"): SweepPage {
  const random = draws(seed);
  const runs = Array.from({ length: count }, (_, i) => sampleRun(i, count, random));
  const scored = runs.filter((r) => r.group === "succeeded").sort((a, b) => b.score! - a.score!);
  const row = rowOf(name, runs, scored[0]);
  return {
    row,
    parameters: PARAMETERS,
    fixed: { "trainer.total_timesteps": 20000 },
    objectives: [{ metric: "eval/return", goal: "maximize", threshold: null }],
    target: 480,
    method: "protein",
    earlyStopping: "forecast",
    limits: { maxRuns: row.counts.maxRuns, maxParallelRuns: 3, totalCost: row.budget, deadlineSeconds: null },
    conditions: [
      { type: "Succeeded", status: "Unknown", reason: "Running", message: "3 runs are in progress", since: at(0) },
      { type: "Accepted", status: "True", reason: "Valid", message: "", since: at(0) },
    ],
    front: frontOf(scored),
    ranking: scored.map((r) => r.name),
    calibration: {
      score: { count: 20, within: 17, share: 0.85, text: "17 of 20 scores were inside their 80% interval" },
      cost: null,
    },
    money: moneyOf(row, runs),
    bestParams: {
      yaml: "trainer:\n  gamma: 0.99\n",
      overrides: "trainer.gamma=0.99",
      command: "python train.py trainer.gamma=0.99",
      patch: null,
      notes: [],
    },
    runs,
  };
}

function rowOf(name: string, runs: RunRow[], best: RunRow | undefined): SweepRow {
  const spent = costOf(runs);
  return {
    namespace: "default",
    name,
    displayName: name,
    state: "Running",
    message: "",
    ended: false,
    suspended: false,
    interrupted: false,
    goal: "maximize",
    metric: "eval/return",
    best: best ? { run: best.name, label: best.label, score: best.score!, cost: best.cost } : null,
    counts: countsOf(runs),
    spent,
    budget: Math.max(10000, spent * 1.4),
    costUnit: "seconds",
    etaSeconds: 5400,
    created: at(0),
    completed: null,
  };
}

function countsOf(runs: RunRow[]): SweepRow["counts"] {
  const count = (group: RunRow["group"]) => runs.filter((r) => r.group === group).length;
  const [succeeded, failed, pruned] = [count("succeeded"), count("failed"), count("pruned")];
  const [running, waiting] = [count("running"), count("waiting")];
  const finished = succeeded + failed + pruned;
  return { finished, succeeded, failed, pruned, running, waiting, maxRuns: Math.max(40, runs.length + 20) };
}

const costOf = (runs: RunRow[]): number => runs.reduce((sum, r) => sum + (r.cost ?? 0), 0);

function moneyOf({ spent, budget, costUnit }: SweepRow, runs: RunRow[]): SweepPage["money"] {
  const of = (group: RunRow["group"]) => runs.filter((r) => r.group === group);
  const classes = [...Map.groupBy(of("failed"), (r) => r.failure!.class)];
  const pruned = of("pruned");
  const saved = pruned.reduce((sum, r) => sum + r.verdict!.savedCost!, 0);
  return {
    unit: costUnit,
    spent,
    useful: costOf(of("succeeded")),
    wasted: classes.map(([kind, own]) => ({ class: kind, cost: costOf(own), runs: own.length })),
    pruned: { cost: costOf(pruned), saved, runs: pruned.length, wrong: 0 },
    budget,
  };
}

function frontOf(scored: RunRow[]): string[] {
  const names: string[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const run of [...scored].sort((a, b) => a.cost! - b.cost!)) {
    if (run.score! > best) names.push(run.name);
    best = Math.max(best, run.score!);
  }
  return names;
}

export function sampleCurves(page: SweepPage): Curves {
  const items: Curves["items"] = {};
  for (const run of page.runs.filter((r) => r.hasCurve)) {
    const [end, points] = [run.score ?? 100, run.group === "succeeded" ? 32 : 12];
    const step = Array.from({ length: points }, (_, i) => (i + 1) * 312);
    items[run.name] = {
      step,
      value: step.map((s) => end * (1 - Math.exp(-s / 2500))),
      seconds: step.map((s) => s / 50),
    };
  }
  return { items };
}

export function sampleRunPage(page: SweepPage, row: RunRow): RunPage {
  const best = page.runs.find((r) => r.name === page.row.best?.run);
  return {
    row,
    attempts: [
      {
        stage: "train",
        attempt: 1,
        state: row.state,
        reason: row.failure?.reason ?? "Completed",
        exitCode: row.failure ? 1 : 0,
        seconds: row.cost,
        node: "node-1",
        pod: `${row.name}-t1-abcde`,
      },
    ],
    events: [{ time: row.created, type: "Normal", reason: "Created", message: "created Job sample-0-t1", count: 1 }],
    conditions: [
      { type: "Succeeded", status: "True", reason: row.state, message: row.failure?.message ?? "", since: row.created },
    ],
    difference: page.parameters
      .map((p, i) => ({ path: p.path, value: row.parameters[i] ?? null, best: best?.parameters[i] ?? null }))
      .filter((d) => d.value !== d.best),
    provenance: {
      observations: row.index ?? 0,
      pending: 2,
    },
    command: "python images/trainer/train.py trainer.gamma=0.99",
    overrides: "trainer.gamma=0.99",
    logs: [{ stage: "train", attempt: 1, rank: 0 }],
    trackerUrl: null,
  };
}
