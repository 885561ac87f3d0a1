/** A made-up sweep of any size, for looking at pages without a server. */
import type { Curves, Parameter, Phase, RunPage, RunRow, Scalar, SweepPage, SweepRow } from "../src/api.ts";
import { at, parameter as build } from "./builders.ts";

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

const CLASSES = ["oom", "parameters", "nan", "infrastructure"];

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

export function sampleRun(index: number, count: number, random: () => number): RunRow {
  const parameters = sampled(random);
  const [rate, batch, , epochs] = parameters as [number, number, number, number];
  const cost = 20 * epochs * (512 / batch) ** 0.3;
  const trend = Math.min(1, index / Math.max(20, count * 0.4));
  const truth = 500 * Math.exp(-((Math.log10(rate) + 3.3) ** 2) * (1.3 - 0.9 * trend)) * (1 - Math.exp(-cost / 150));
  const noise = () => (random() + random() + random() - 1.5) * 20;
  const roll = random();
  const running = index >= count - Math.min(3, Math.floor(count / 5));
  const group: RunRow["group"] = running
    ? index === count - 1
      ? "waiting"
      : "running"
    : roll < 0.1
      ? "failed"
      : roll < 0.22
        ? "pruned"
        : "succeeded";
  const kind = CLASSES[Math.floor(random() * CLASSES.length)]!;
  const score = group === "succeeded" ? truth + noise() : group === "pruned" ? truth * 0.7 : null;
  const predicted =
    index < 6
      ? null
      : {
          score: truth + noise() * 2,
          scoreLow: truth - 50,
          scoreHigh: truth + 50,
          cost: cost * 1.05,
          costLow: cost / 1.3,
          costHigh: cost * 1.4,
        };
  const created = 60 * index;
  return {
    name: `sample.r.${index}`,
    label: `sample.r.${index}`,
    index,
    origin: index === 0 ? "center" : index < 6 ? "sobol" : "model",
    manual: false,
    imported: false,
    state: {
      succeeded: "Completed",
      failed: "Failed",
      pruned: "StoppedEarly",
      running: "Training",
      waiting: "Queued",
      stopped: "Stopped",
    }[group],
    group,
    failure:
      group === "failed"
        ? {
            class: kind,
            reason: kind === "oom" ? "OOMKilled" : "BadParameters",
            message: "rollout buffer of 2048 steps is smaller than the batch",
            stage: "train",
            consequence: "not retried; learned as infeasible",
          }
        : null,
    score,
    cost: running ? null : group === "succeeded" ? cost : cost * 0.4,
    metrics: score === null ? {} : { "eval/length": 200 * random() },
    parameters,
    predicted,
    created: at(created),
    ended: running ? null : at(created + cost + 60),
    progress:
      group === "running"
        ? {
            step: 4000,
            maxStep: 10000,
            value: truth * 0.8,
            updated: at(created + 60),
            etaSeconds: 95,
            forecast: { score: truth, low: truth - 40, high: truth + 40, probability: 0.31 },
          }
        : null,
    phases: phasesOf(created, cost, group !== "succeeded", random),
    verdict:
      group === "pruned"
        ? {
            policy: "forecast",
            text: "3% chance of beating the best run",
            step: 3744,
            value: truth * 0.7,
            low: truth * 0.6,
            high: truth * 0.8,
            threshold: 420,
            probability: 0.003,
            runs: 30,
            savedCost: cost * 0.6,
            shadow: false,
          }
        : null,
    within: group === "succeeded",
    seconds: cost,
    lostSeconds: {},
    hasCurve: group !== "waiting",
  };
}

export function samplePage(count: number, seed = 1, name = "sample"): SweepPage {
  const random = draws(seed);
  const runs = Array.from({ length: count }, (_, i) => sampleRun(i, count, random));
  const of = (group: RunRow["group"]) => runs.filter((r) => r.group === group);
  const scored = of("succeeded").sort((a, b) => b.score! - a.score!);
  const spent = runs.reduce((sum, r) => sum + (r.cost ?? 0), 0);
  const wasted = Map.groupBy(of("failed"), (r) => r.failure!.class);
  const best = scored[0];
  const row: SweepRow = {
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
    counts: {
      finished: scored.length + of("failed").length + of("pruned").length,
      succeeded: scored.length,
      failed: of("failed").length,
      pruned: of("pruned").length,
      running: of("running").length,
      waiting: of("waiting").length,
      maxRuns: Math.max(40, count + 20),
    },
    spent,
    budget: Math.max(10000, spent * 1.4),
    costUnit: "seconds",
    etaSeconds: 5400,
    created: at(0),
    completed: null,
  };
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
    money: {
      unit: "seconds",
      spent,
      useful: scored.reduce((s, r) => s + r.cost!, 0),
      wasted: [...wasted].map(([kind, rs]) => ({
        class: kind,
        cost: rs.reduce((s, r) => s + r.cost!, 0),
        runs: rs.length,
      })),
      pruned: { cost: of("pruned").reduce((s, r) => s + r.cost!, 0), saved: 2400, runs: of("pruned").length, wrong: 1 },
      budget: row.budget,
    },
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
