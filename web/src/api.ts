export type Scalar = string | number | boolean | null;
export interface Server { mode: "machine" | "kubectl" | "cluster" | "report"; write: boolean; version: string; command: "sweep" | "kubectl sweep"; models: boolean; }
export interface Best { run: string; label: string; score: number; cost: number | null; }
export interface Counts { finished: number; succeeded: number; failed: number; pruned: number; running: number; waiting: number; maxRuns: number | null; }
export interface SweepRow {
  namespace: string; name: string; displayName: string;
  state: string; message: string; ended: boolean; suspended: boolean; interrupted: boolean;
  goal: "maximize" | "minimize"; metric: string;
  best: Best | null;
  counts: Counts;
  spent: number; budget: number | null; costUnit: string; etaSeconds: number | null;
  created: string; completed: string | null;
}
export interface Parameter { path: string; label: string; kind: "number" | "integer" | "category"; axis: "linear" | "log10" | "log2" | "logit"; min: number | null; max: number | null; values: Scalar[] | null; mean: Scalar | null; when: string | null; }
export interface Objective { metric: string; goal: "maximize" | "minimize"; threshold: number | null; }
export interface Limits { maxRuns: number | null; maxParallelRuns: number; totalCost: number | null; deadlineSeconds: number | null; }
export interface Condition { type: string; status: string; reason: string; message: string; since: string; }
export interface Calibration { count: number; within: number; share: number; text: string; }
export interface Wasted { class: string; cost: number; runs: number; }
export interface PrunedMoney { cost: number; saved: number; runs: number; wrong: number; }
export interface Money { unit: string; spent: number; useful: number; wasted: Wasted[]; pruned: PrunedMoney; budget: number | null; }
export interface BestParams { yaml: string; overrides: string; command: string; }
export interface Importance { shares: Record<string, number>; note: string; }
export interface SweepPage {
  row: SweepRow;
  parameters: Parameter[]; fixed: Record<string, Scalar>;
  objectives: Objective[];
  target: number | null; method: string; earlyStopping: string;
  limits: Limits;
  conditions: Condition[];
  front: string[];
  ranking: string[];
  calibration: { score: Calibration | null; cost: Calibration | null };
  money: Money;
  bestParams: BestParams | null;
  importance: Importance | null;
  runs: RunRow[];
}
export interface Failure { class: string; reason: string; message: string; stage: string; }
export interface Predicted { score: number | null; scoreLow: number | null; scoreHigh: number | null; cost: number | null; costLow: number | null; costHigh: number | null; }
export interface Forecast { score: number; low: number; high: number; probability: number; }
export interface Progress { step: number; maxStep: number | null; etaSeconds: number | null; forecast: Forecast | null; }
export interface Phase { phase: "queued" | "pulling" | "training" | "evaluating" | "retrying"; stage: "train" | "eval"; attempt: number; start: string; end: string | null; node: string | null; }
export interface Verdict { policy: string; text: string; step: number; shadow: boolean; wrong: boolean | null; }
export interface RunRow {
  name: string; label: string; index: number | null; origin: string; manual: boolean; imported: boolean;
  state: string;
  group: "succeeded" | "failed" | "pruned" | "running" | "waiting" | "stopped";
  failure: Failure | null;
  score: number | null; cost: number | null; metrics: Record<string, number>;
  parameters: Scalar[];
  predicted: Predicted | null;
  created: string; ended: string | null;
  progress: Progress | null;
  phases: Phase[];
  verdict: Verdict | null;
  hasCurve: boolean;
}
export interface Curve { step: number[]; value: number[]; seconds: number[]; }
export interface Curves { items: Record<string, Curve>; }
export interface Attempt { stage: string; attempt: number; state: string; reason: string; exitCode: number | null; seconds: number | null; node: string | null; pod: string | null; }
export interface RunEvent { time: string; type: string; reason: string; message: string; count: number; }
export interface Difference { path: string; value: Scalar; best: Scalar; }
export interface Provenance { observations: number; pending: number; costLevel: number | null; acquisition: string | null; nearest: { run: string; distance: number } | null; }
export interface RunPage {
  row: RunRow; attempts: Attempt[];
  events: RunEvent[];
  conditions: Condition[];
  difference: Difference[];
  provenance: Provenance | null;
  command: string; overrides: string; logs: { stage: string; attempt: number; rank: number }[]; trackerUrl: string | null;
}
