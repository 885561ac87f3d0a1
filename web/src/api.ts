// Generated from the models in operator/sweep_operator/views/page by `make generate`.

export type Scalar = boolean | number | string;

/** A condition of the sweep or of a run. */
export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  since: string;
}

/** Why a run failed. */
export interface Failure {
  class: string;
  reason: string;
  message: string;
  /** Empty: no stage had started. */
  stage: string;
  /** Whether the class is retried, and what is learned from it. */
  consequence: string;
}

/** What the optimizer expected of a run. Low and high are the ends of 80% intervals. */
export interface Prediction {
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
  value: number | null;
  /** Estimated time from `updated` to the end of the stage. */
  etaSeconds: number | null;
  updated: string;
  forecast: Forecast | null;
}

/** A part of a run's time. An end of null: it has not ended. */
export interface Phase {
  phase: "queued" | "pulling" | "starting" | "training" | "evaluating" | "retrying";
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
  /** Its value at the step; of the policy model, the predicted score. */
  value: number;
  low: number | null;
  high: number | null;
  /** The value that it needed. */
  threshold: number | null;
  probability: number | null;
  /** Runs that it was compared with. */
  runs: number;
  savedCost: number | null;
  /** Whether the run continued nevertheless, for comparison: stopping it would have been wrong if it is on the sweep's front after its end. */
  shadow: boolean;
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
  /** Whether a run with a score reaches the thresholds of all objectives. */
  within: boolean;
  /** How long its programs ran, in all attempts. */
  seconds: number;
  /** Seconds of attempts that ended without a result, by failure class. */
  lostSeconds: Record<string, number>;
  /** Values of the sweep's objectives after the first. */
  metrics: Record<string, number>;
  /** In the order of the sweep's parameters. Null: the run does not have it. */
  parameters: (Scalar | null)[];
  predicted: Prediction | null;
  created: string;
  ended: string | null;
  progress: Progress | null;
  phases: Phase[];
  verdict: Verdict | null;
  hasCurve: boolean;
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
  /** waiting, running, interrupted (no process runs the sweep), evicted (by its queue, and continued by another pod), succeeded, or the failure class. */
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

/** What a suggestion was computed from. Why it was made is a question to the model (``AskWhy``). */
export interface Provenance {
  /** Results that the optimizer knew. */
  observations: number;
  /** Runs that had no result yet. */
  pending: number;
}

/** A log that can be read. */
export interface Log {
  stage: "train" | "eval";
  attempt: number;
  rank: number;
}

/** The end of a log, in a report. */
export interface LogEnd extends Log {
  text: string;
  /** Whether the log has earlier lines, too. */
  cut: boolean;
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

/** Which parameters matter? */
export interface AskImportance {
  what?: "importance";
}

/** What does each parameter do, if the others stay as they are? */
export interface AskSlices {
  what?: "slices";
  /** The configuration that the slices go through. Missing parameters, or null: those of the best run. */
  at?: Record<string, Scalar> | null;
  /** Paths of the parameters to slice; null: all. */
  parameters?: string[] | null;
}

/** What do two parameters do together? */
export interface AskContour {
  what?: "contour";
  x: string;
  y: string;
  /** As in AskSlices. */
  at?: Record<string, Scalar> | null;
}

/** What are the next runs expected to buy? */
export interface AskOutlook {
  what?: "outlook";
  runs?: number;
  /** Number of runs at a time; null: limits.maxParallelRuns. */
  parallel?: number | null;
}

/** Why did the optimizer suggest this run? */
export interface AskWhy {
  what?: "why";
  /** Name of the run, as the user knows it or that of its object. */
  run: string;
}

/** What would a run with these parameters score and cost? */
export interface AskPredict {
  what?: "predict";
  /** Missing parameters take their search center, as in a manual run. */
  parameters: Record<string, Scalar>;
}

/** What will the runs in progress score? */
export interface AskForecast {
  what?: "forecast";
}

/** An expected value with its 80% interval. */
export interface Range {
  expected: number;
  low: number;
  high: number;
}

/** The share of each parameter in the variance of the predicted score. */
export interface Importance {
  /** By path, largest first; they sum to 1. Empty without an answer. */
  shares: Record<string, number>;
  note: string;
}

/** A further objective along a slice. */
export interface MetricSlice {
  mean: number[];
  low: number[];
  high: number[];
}

/** The model along one parameter. All lists have one entry per value of the grid. */
export interface ParameterSlice {
  path: string;
  /** Values of the parameter, in its order: numbers rise. */
  grid: Scalar[];
  /** Predicted score without noise. */
  mean: number[];
  low: number[];
  high: number[];
  /** Predicted median cost; null as long as no cost is known. */
  cost: number[] | null;
  costLow: number[] | null;
  costHigh: number[] | null;
  /** Probability that a run does not fail because of its parameters; null without such failures. */
  success: number[] | null;
  /** Whether the constraints allow the configuration; null without constraints. */
  allowed: boolean[] | null;
  /** Further objectives by metric. */
  metrics: Record<string, MetricSlice>;
  /** Values that differ from ``at``, because the parameter is present only with them. */
  assumed: Record<string, Scalar>;
}

/** What each parameter does, if the others stay as they are. */
export interface Slices {
  /** The configuration that the slices go through: every active parameter. */
  at: Record<string, Scalar>;
  /** Name of the run with this configuration; null if there is none. */
  run: string | null;
  goal: "maximize" | "minimize";
  parameters: ParameterSlice[];
  note: string;
}

/** What two parameters do together. Rows of the tables belong to ``grid_y``, columns to ``grid_x``. */
export interface Contour {
  x: string;
  y: string;
  gridX: Scalar[];
  gridY: Scalar[];
  /** Predicted score without noise. */
  mean: number[][];
  /** Its standard deviation: how well the model knows it. */
  sd: number[][];
  /** Predicted median cost; null as long as no cost is known. */
  cost: number[][] | null;
  /** Whether the parameters are present and the constraints allow the configuration; null if all are. */
  allowed: boolean[][] | null;
  at: Record<string, Scalar>;
  /** Name of the run with this configuration; null if there is none. */
  run: string | null;
  note: string;
}

/** What the next runs are expected to buy. */
export interface Outlook {
  /** Number of further runs, besides those that have no result yet. */
  runs: number;
  /** How many of them the limits of the sweep pay for, on average. */
  payableRuns: number | null;
  /** The best score so far of a run that reaches the thresholds. */
  bestNow: number | null;
  /** The best score after these runs. */
  best: Range | null;
  /** Probability that the best score gets better. */
  probabilityBetter: number | null;
  /** Total cost of these runs. */
  cost: Range | null;
  /** Growth of the area under the front of score over log-cost, as a share of the area now: 0.1 is 10% more. */
  frontGain: Range | null;
  costUnit: string;
  /** What the answer assumes, one sentence each. */
  assumptions: string[];
  note: string;
}

/** The run nearest to a configuration, among those that the optimizer knew. */
export interface Nearest {
  /** Name of the run, if it exists. */
  run: string | null;
  /** Distance in the unit box of the parameters: 1 is the whole range of one parameter. */
  distance: number;
  score: number | null;
  cost: number | null;
}

/** A parameter of a run compared with the best run that the optimizer knew. */
export interface ParameterReason {
  path: string;
  value: Scalar;
  /** Its value in that run; null if it has none. */
  best: Scalar | null;
  /** Distance as a share of the parameter's range; 1 for another category. */
  distance: number | null;
  /** The comparison in words. */
  text: string;
}

/** Why the optimizer suggested a run. */
export interface Why {
  run: string;
  origin: string;
  /** How many results it knew. */
  observations: number | null;
  /** How many runs had no result yet. */
  pending: number | null;
  /** The gain was divided by the cost to this power: 0 if the cost does not matter, 1 if the gain per cost counts. */
  costPower: number | null;
  /** Kind of gain: ei (expected improvement), ucb (upper confidence bound) or protein. */
  acquisition: string | null;
  nearest: Nearest | null;
  /** Name of the best run that the optimizer knew; null without one. */
  best: string | null;
  /** Predicted score, before the result was known. */
  score: Range | null;
  /** Predicted cost, before the result was known. */
  cost: Range | null;
  /** Predicted probability that the run does not fail because of its parameters. */
  success: number | null;
  parameters: ParameterReason[];
  /** The reason in words. */
  sentences: string[];
  note: string;
}

/** What a configuration is predicted to score and cost. */
export interface Predicted {
  /** The complete configuration. */
  parameters: Record<string, Scalar>;
  score: Range | null;
  cost: Range | null;
  success: number | null;
  costUnit: string;
  /** Whether the constraints allow it. */
  allowed: boolean;
  note: string;
}

/** The final scores of the runs in progress, as their learning curves suggest. The intervals contain 80%. */
export interface Forecasts {
  /** By name of the run. Missing: a run without a report. */
  items: Record<string, Forecast>;
  note: string;
}

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
  /** Command-line overrides. Empty: the program does not take any. */
  overrides: string;
  /** The Hydra patch of `best-params`. Null: the program is not Hydra's. */
  patch: string | null;
  command: string;
  /** What the user has to provide for the command. */
  notes: string[];
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
}

/** One sweep with its runs. */
export interface SweepPage extends SweepHead {
  runs: RunRow[];
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

/** Event ``unreadable``: what cannot be read now. After a snapshot without this event: nothing. */
export interface UnreadableChange {
  items: string[];
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
  /** When it was written, which is the time that the page shows. */
  written: string;
  server: Server;
  sweeps: SweepRow[];
  page: SweepPage;
  curves: Curves;
  runs: Record<string, RunDetails>;
  /** By name of the run. Empty for a sweep of a cluster; on one machine, there is not room for all. */
  logs: Record<string, LogEnd>;
  explanations: Record<string, unknown>;
}
