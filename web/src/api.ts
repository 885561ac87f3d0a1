// Generated from the models in operator/sweep_operator/views/page by `make generate`.

export type Scalar = boolean | number | string;

/** What serves the page, and what it can do. */
export interface Server {
  mode: "machine" | "kubectl" | "cluster" | "report";
  /** Whether actions are possible. */
  write: boolean;
  version: string;
  /** The beginning of equivalent commands. */
  command: "sweep" | "kubectl sweep";
  /** Whether questions about the model are answered. */
  models: boolean;
}

/** The best run of a sweep. */
export interface Best {
  run: string;
  label: string;
  score: number;
  cost: number | null;
}

/** Runs by state. */
export interface Counts {
  finished: number;
  succeeded: number;
  failed: number;
  pruned: number;
  running: number;
  waiting: number;
  maxRuns: number | null;
}

/** One sweep in the list. */
export interface SweepRow {
  namespace: string;
  name: string;
  displayName: string;
  /** As in the column STATUS. */
  state: string;
  /** Message of the state's condition, which says what the sweep waits for or why it ended. */
  message: string;
  ended: boolean;
  suspended: boolean;
  interrupted: boolean;
  goal: "maximize" | "minimize";
  metric: string;
  best: Best | null;
  counts: Counts;
  spent: number;
  budget: number | null;
  costUnit: string;
  etaSeconds: number | null;
  created: string;
  completed: string | null;
}

/** One searched parameter. */
export interface Parameter {
  path: string;
  /** The end of the path, long enough to be unique. */
  label: string;
  kind: "number" | "integer" | "category";
  axis: "linear" | "log2" | "log10" | "logit";
  min: number | null;
  max: number | null;
  values: Scalar[] | null;
  mean: Scalar | null;
  /** The condition under which it is present, such as optimizer.name: sgd. */
  when: string | null;
}

/** One metric that the sweep optimizes. The first one is the score. */
export interface Objective {
  metric: string;
  goal: "maximize" | "minimize";
  threshold: number | null;
}

/** When the sweep ends. */
export interface Limits {
  maxRuns: number | null;
  maxParallelRuns: number;
  totalCost: number | null;
  deadlineSeconds: number | null;
}

/** A condition of the sweep or of a run. */
export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  since: string;
}

/** How many observed values lie within their predicted 80% intervals. */
export interface Calibration {
  count: number;
  within: number;
  share: number;
  text: string;
}

/** Calibration of the optimizer. */
export interface Calibrations {
  score: Calibration | null;
  cost: Calibration | null;
}

/** Cost of the runs and attempts of one failure class. */
export interface WastedCost {
  class: string;
  cost: number;
  runs: number;
}

/** What early stopping has cost and saved. */
export interface PrunedCost {
  /** Cost of the runs that it ended. */
  cost: number;
  /** Estimated cost of the rest of these runs. */
  saved: number;
  runs: number;
  /** Runs that continued for comparison and are Pareto-optimal now. */
  wrong: number;
}

/** Where the cost went. Spent is the sum of useful, wasted and pruned, and of the runs that have not ended. */
export interface Money {
  unit: string;
  spent: number;
  /** Cost of the succeeded runs' results. */
  useful: number;
  wasted: WastedCost[];
  pruned: PrunedCost;
  budget: number | null;
}

/** The best parameters in the forms in which they are used. */
export interface BestParams {
  yaml: string;
  overrides: string;
  command: string;
}

/** Share of the predicted score's variance that each parameter explains alone. Empty with a note that says why. */
export interface Importance {
  shares: Record<string, number>;
  note: string;
}

/** Why a run failed. */
export interface Failure {
  class: string;
  reason: string;
  message: string;
  stage: string;
}

/** What the optimizer expected of a run. Low and high are the ends of 80% intervals. */
export interface Predicted {
  score: number | null;
  scoreLow: number | null;
  scoreHigh: number | null;
  cost: number | null;
  costLow: number | null;
  costHigh: number | null;
}

/** What is expected of a run from its learning curve. */
export interface Forecast {
  score: number;
  low: number;
  high: number;
  /** Probability that the run becomes Pareto-optimal. */
  probability: number;
}

/** The newest report of a run that has not ended. */
export interface Progress {
  step: number;
  maxStep: number | null;
  etaSeconds: number | null;
  forecast: Forecast | null;
}

/** A part of a run's time. An end of null: it has not ended. */
export interface Phase {
  phase: "queued" | "pulling" | "training" | "evaluating" | "retrying";
  stage: "train" | "eval";
  attempt: number;
  start: string;
  end: string | null;
  node: string | null;
}

/** What early stopping decided about a run. */
export interface Verdict {
  policy: string;
  text: string;
  step: number;
  /** Whether the run continued nevertheless, for comparison. */
  shadow: boolean;
  /** Whether stopping it would have been wrong. Known only for runs that continued and have ended. */
  wrong: boolean | null;
}

/** One run in tables and plots. */
export interface RunRow {
  name: string;
  label: string;
  index: number | null;
  origin: string;
  manual: boolean;
  imported: boolean;
  /** As in the column STATUS. */
  state: string;
  group: "succeeded" | "failed" | "pruned" | "stopped" | "running" | "waiting";
  failure: Failure | null;
  score: number | null;
  cost: number | null;
  /** Values of the sweep's objectives after the first. */
  metrics: Record<string, number>;
  /** In the order of the sweep's parameters. Null: the run does not have it. */
  parameters: (Scalar | null)[];
  predicted: Predicted | null;
  created: string;
  ended: string | null;
  progress: Progress | null;
  phases: Phase[];
  verdict: Verdict | null;
  hasCurve: boolean;
}

/** One sweep without its runs. */
export interface SweepHead {
  row: SweepRow;
  parameters: Parameter[];
  fixed: Record<string, Scalar>;
  objectives: Objective[];
  target: number | null;
  method: string;
  /** The rule; none: no run is stopped. */
  earlyStopping: string;
  limits: Limits;
  conditions: Condition[];
  /** Names of the Pareto-optimal runs, the cheapest first. */
  front: string[];
  /** Names of the runs with a score, the best first. */
  ranking: string[];
  calibration: Calibrations;
  money: Money;
  bestParams: BestParams | null;
  /** Only in a report; a server answers questions about it. */
  importance: Importance | null;
}

/** One sweep with its runs. */
export interface SweepPage extends SweepHead {
  runs: RunRow[];
}

/** The learning curve of a run. A value of null was not finite. */
export interface Curve {
  step: number[];
  value: (number | null)[];
  seconds: number[];
}

/** Learning curves by name of the run. */
export interface Curves {
  items: Record<string, Curve>;
}

/** One attempt of a stage. */
export interface Attempt {
  stage: "train" | "eval";
  attempt: number;
  /** running, succeeded, or the failure class. */
  state: string;
  reason: string;
  exitCode: number | null;
  seconds: number | null;
  node: string | null;
  pod: string | null;
}

/** One Event about the run. */
export interface RunEvent {
  time: string;
  type: string;
  reason: string;
  message: string;
  count: number;
}

/** A parameter whose value differs from that of the best run. Null: the run does not have it. */
export interface Difference {
  path: string;
  value: Scalar | null;
  best: Scalar | null;
}

/** The observed run whose parameters are closest: distance 0 is the same point. */
export interface NearestRun {
  run: string;
  distance: number;
}

/** What a suggestion was computed from. */
export interface Provenance {
  observations: number;
  pending: number;
  costLevel: number | null;
  acquisition: string | null;
  nearest: NearestRun | null;
}

/** A log that can be read. */
export interface Log {
  stage: "train" | "eval";
  attempt: number;
  rank: number;
}

/** What the page of a run shows besides its row. */
export interface RunDetails {
  attempts: Attempt[];
  events: RunEvent[];
  conditions: Condition[];
  difference: Difference[];
  provenance: Provenance | null;
  command: string;
  overrides: string;
  logs: Log[];
  trackerUrl: string | null;
}

/** One run. */
export interface RunPage extends RunDetails {
  row: RunRow;
}

/** ``GET /api/sweeps``. */
export interface SweepList {
  items: SweepRow[];
  /** Directories or namespaces that cannot be read, with the reason. */
  unreadable: string[];
}

/** Event ``snapshot``: everything that a client has to know. */
export interface Snapshot {
  sweeps: SweepRow[];
  page: SweepPage | null;
}

/** Event ``sweeps``. Deleted ones are <namespace>/<name>. */
export interface SweepsChange {
  changed: SweepRow[];
  deleted: string[];
}

/** Event ``page``: the sweep, and the runs that have changed. */
export interface PageChange {
  page: SweepHead;
  changed: RunRow[];
  deleted: string[];
}

/** The body of every answer that is an error. */
export interface ApiError {
  error: string;
  field: string | null;
}

/** ``POST /api/actions``. A preview changes nothing. */
export interface ActionRequest {
  action: "add" | "retry" | "stop" | "suspend" | "resume" | "limits";
  namespace: string;
  sweep: string;
  run?: string | null;
  parameters?: Record<string, Scalar> | null;
  /** Fields of spec.limits; null removes one. */
  limits?: Record<string, unknown> | null;
  preview: boolean;
}

/** Cost that is expected of an action, with an 80% interval. */
export interface PredictedCost {
  low: number;
  median: number;
  high: number;
  unit: string;
}

/** The command that does the same, and what came of it. */
export interface ActionAnswer {
  command: string;
  /** Warnings, such as a value outside of its bounds. */
  notes: string[];
  predictedCost: PredictedCost | null;
  /** What the API server answered. Null for a preview. */
  message: string | null;
}

/** The data of an exported report. */
export interface Report {
  server: Server;
  sweeps: SweepRow[];
  page: SweepPage;
  curves: Curves;
  runs: Record<string, RunDetails>;
  explanations: Record<string, unknown>;
}
