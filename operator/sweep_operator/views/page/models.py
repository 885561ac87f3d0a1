"""The data of the page. `make generate` writes ``web/src/api.ts`` from these models.

Times are RFC 3339 text in UTC. Costs are in the sweep's unit. What is unknown is null.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from protein.searchspace.distributions import Axis
from sweep_operator.api.model import JsonObject, Model, Scalar

Goal = Literal["maximize", "minimize"]
StageName = Literal["train", "eval"]
Group = Literal["succeeded", "failed", "pruned", "stopped", "running", "waiting"]
PhaseName = Literal["queued", "pulling", "training", "evaluating", "retrying"]


class Server(Model):
    """What serves the page, and what it can do."""

    mode: Literal["machine", "kubectl", "cluster", "report"]
    write: bool
    """Whether actions are possible."""
    version: str
    command: Literal["sweep", "kubectl sweep"]
    """The beginning of equivalent commands."""
    models: bool
    """Whether questions about the model are answered."""


class Best(Model):
    """The best run of a sweep."""

    run: str
    label: str
    score: float
    cost: float | None


class Counts(Model):
    """Runs by state."""

    finished: int
    succeeded: int
    failed: int
    pruned: int
    running: int
    waiting: int
    max_runs: int | None


class SweepRow(Model):
    """One sweep in the list."""

    namespace: str
    name: str
    display_name: str
    state: str
    """As in the column STATUS."""
    message: str
    """Message of the state's condition, which says what the sweep waits for or why it ended."""
    ended: bool
    suspended: bool
    interrupted: bool
    goal: Goal
    metric: str
    best: Best | None
    counts: Counts
    spent: float
    budget: float | None
    cost_unit: str
    eta_seconds: float | None
    created: str
    completed: str | None


class Parameter(Model):
    """One searched parameter."""

    path: str
    label: str
    """The end of the path, long enough to be unique."""
    kind: Literal["number", "integer", "category"]
    axis: Axis
    min: float | None
    max: float | None
    values: list[Scalar] | None
    mean: Scalar | None
    when: str | None
    """The condition under which it is present, such as optimizer.name: sgd."""


class Objective(Model):
    """One metric that the sweep optimizes. The first one is the score."""

    metric: str
    goal: Goal
    threshold: float | None


class Limits(Model):
    """When the sweep ends."""

    max_runs: int | None
    max_parallel_runs: int
    total_cost: float | None
    deadline_seconds: int | None


class Condition(Model):
    """A condition of the sweep or of a run."""

    type: str
    status: str
    reason: str
    message: str
    since: str


class Calibration(Model):
    """How many observed values lie within their predicted 80% intervals."""

    count: int
    within: int
    share: float
    text: str


class Calibrations(Model):
    """Calibration of the optimizer."""

    score: Calibration | None
    cost: Calibration | None


class WastedCost(Model):
    """Cost of the runs and attempts of one failure class."""

    class_: str = Field(alias="class")
    cost: float
    runs: int


class PrunedCost(Model):
    """What early stopping has cost and saved."""

    cost: float
    """Cost of the runs that it ended."""
    saved: float
    """Estimated cost of the rest of these runs."""
    runs: int
    wrong: int
    """Runs that continued for comparison and are Pareto-optimal now."""


class Money(Model):
    """Where the cost went. Spent is the sum of useful, wasted and pruned, and of the runs that have not ended."""

    unit: str
    spent: float
    useful: float
    """Cost of the succeeded runs' results."""
    wasted: list[WastedCost]
    pruned: PrunedCost
    budget: float | None


class BestParams(Model):
    """The best parameters in the forms in which they are used."""

    yaml: str
    overrides: str
    command: str


class Importance(Model):
    """Share of the predicted score's variance that each parameter explains alone. Empty with a note that says why."""

    shares: dict[str, float]
    note: str


class Failure(Model):
    """Why a run failed."""

    class_: str = Field(alias="class")
    reason: str
    message: str
    stage: str


class Predicted(Model):
    """What the optimizer expected of a run. Low and high are the ends of 80% intervals."""

    score: float | None
    score_low: float | None
    score_high: float | None
    cost: float | None
    cost_low: float | None
    cost_high: float | None


class Forecast(Model):
    """What is expected of a run from its learning curve."""

    score: float
    low: float
    high: float
    probability: float
    """Probability that the run becomes Pareto-optimal."""


class Progress(Model):
    """The newest report of a run that has not ended."""

    step: float
    max_step: float | None
    eta_seconds: float | None
    forecast: Forecast | None


class Phase(Model):
    """A part of a run's time. An end of null: it has not ended."""

    phase: PhaseName
    stage: StageName
    attempt: int
    start: str
    end: str | None
    node: str | None


class Verdict(Model):
    """What early stopping decided about a run."""

    policy: str
    text: str
    step: float
    shadow: bool
    """Whether the run continued nevertheless, for comparison."""
    wrong: bool | None
    """Whether stopping it would have been wrong. Known only for runs that continued and have ended."""


class RunRow(Model):
    """One run in tables and plots."""

    name: str
    label: str
    index: int | None
    origin: str
    manual: bool
    imported: bool
    state: str
    """As in the column STATUS."""
    group: Group
    failure: Failure | None
    score: float | None
    cost: float | None
    metrics: dict[str, float]
    """Values of the sweep's objectives after the first."""
    parameters: list[Scalar | None]
    """In the order of the sweep's parameters. Null: the run does not have it."""
    predicted: Predicted | None
    created: str
    ended: str | None
    progress: Progress | None
    phases: list[Phase]
    verdict: Verdict | None
    has_curve: bool


class SweepHead(Model):
    """One sweep without its runs."""

    row: SweepRow
    parameters: list[Parameter]
    fixed: dict[str, Scalar]
    objectives: list[Objective]
    target: float | None
    method: str
    early_stopping: str
    """The rule; none: no run is stopped."""
    limits: Limits
    conditions: list[Condition]
    front: list[str]
    """Names of the Pareto-optimal runs, the cheapest first."""
    ranking: list[str]
    """Names of the runs with a score, the best first."""
    calibration: Calibrations
    money: Money
    best_params: BestParams | None
    importance: Importance | None
    """Only in a report; a server answers questions about it."""


class SweepPage(SweepHead):
    """One sweep with its runs."""

    runs: list[RunRow]


class Curve(Model):
    """The learning curve of a run. A value of null was not finite."""

    step: list[float]
    value: list[float | None]
    seconds: list[float]


class Curves(Model):
    """Learning curves by name of the run."""

    items: dict[str, Curve]


class Attempt(Model):
    """One attempt of a stage."""

    stage: StageName
    attempt: int
    state: str
    """running, succeeded, or the failure class."""
    reason: str
    exit_code: int | None
    seconds: float | None
    node: str | None
    pod: str | None


class RunEvent(Model):
    """One Event about the run."""

    time: str
    type: str
    reason: str
    message: str
    count: int


class Difference(Model):
    """A parameter whose value differs from that of the best run. Null: the run does not have it."""

    path: str
    value: Scalar | None
    best: Scalar | None


class NearestRun(Model):
    """The observed run whose parameters are closest: distance 0 is the same point."""

    run: str
    distance: float


class Provenance(Model):
    """What a suggestion was computed from."""

    observations: int
    pending: int
    cost_level: float | None
    acquisition: str | None
    nearest: NearestRun | None


class Log(Model):
    """A log that can be read."""

    stage: StageName
    attempt: int
    rank: int


class RunDetails(Model):
    """What the page of a run shows besides its row."""

    attempts: list[Attempt]
    events: list[RunEvent]
    conditions: list[Condition]
    difference: list[Difference]
    provenance: Provenance | None
    command: str
    overrides: str
    logs: list[Log]
    tracker_url: str | None


class RunPage(RunDetails):
    """One run."""

    row: RunRow


class SweepList(Model):
    """``GET /api/sweeps``."""

    items: list[SweepRow]
    unreadable: list[str]
    """Directories or namespaces that cannot be read, with the reason."""


class Snapshot(Model):
    """Event ``snapshot``: everything that a client has to know."""

    sweeps: list[SweepRow]
    page: SweepPage | None


class SweepsChange(Model):
    """Event ``sweeps``. Deleted ones are <namespace>/<name>."""

    changed: list[SweepRow]
    deleted: list[str]


class PageChange(Model):
    """Event ``page``: the sweep, and the runs that have changed."""

    page: SweepHead
    changed: list[RunRow]
    deleted: list[str]


class ApiError(Model):
    """The body of every answer that is an error."""

    error: str
    field: str | None


class ActionRequest(Model):
    """``POST /api/actions``. A preview changes nothing."""

    action: Literal["add", "retry", "stop", "suspend", "resume", "limits"]
    namespace: str
    sweep: str
    run: str | None = None
    parameters: dict[str, Scalar] | None = None
    limits: JsonObject | None = None
    """Fields of spec.limits; null removes one."""
    preview: bool


class PredictedCost(Model):
    """Cost that is expected of an action, with an 80% interval."""

    low: float
    median: float
    high: float
    unit: str


class ActionAnswer(Model):
    """The command that does the same, and what came of it."""

    command: str
    notes: list[str]
    """Warnings, such as a value outside of its bounds."""
    predicted_cost: PredictedCost | None
    message: str | None
    """What the API server answered. Null for a preview."""


class Report(Model):
    """The data of an exported report."""

    server: Server
    sweeps: list[SweepRow]
    page: SweepPage
    curves: Curves
    runs: dict[str, RunDetails]
    explanations: JsonObject
