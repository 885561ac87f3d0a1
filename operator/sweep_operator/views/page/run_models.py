"""The data of one run, in the tables and plots of its sweep and on its own page."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sweep_operator.api.model import Model, Scalar, VisibleText
from sweep_operator.api.sweeprun import Stage

Group = Literal["succeeded", "failed", "pruned", "stopped", "running", "waiting"]
PhaseName = Literal["queued", "pulling", "starting", "training", "evaluating", "retrying"]


class Condition(Model):
    """A condition of the sweep or of a run."""

    type: str
    status: str
    reason: VisibleText
    message: VisibleText
    since: str


class Failure(Model):
    """Why a run failed."""

    class_: str = Field(alias="class")
    reason: VisibleText
    message: VisibleText
    stage: str
    """Empty: no stage had started."""
    consequence: str
    """Whether the class is retried, and what is learned from it."""


class Prediction(Model):
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
    value: float | None
    eta_seconds: float | None
    """Estimated time from `updated` to the end of the stage."""
    updated: str
    forecast: Forecast | None


class Phase(Model):
    """A part of a run's time. An end of null: it has not ended."""

    phase: PhaseName
    stage: Stage
    attempt: int
    start: str
    end: str | None
    node: str | None


class Verdict(Model):
    """What early stopping decided about a run."""

    policy: str
    text: VisibleText
    step: float
    value: float
    """Its value at the step; of the policy model, the predicted score."""
    low: float | None
    high: float | None
    threshold: float | None
    """The value that it needed."""
    probability: float | None
    runs: int
    """Runs that it was compared with."""
    saved_cost: float | None
    shadow: bool
    """Whether the run continued nevertheless, for comparison: stopping it would have been wrong if it is on the sweep's
    front after its end."""


class RunRow(Model):
    """One run in tables and plots."""

    name: str
    label: str
    index: int | None
    origin: str
    manual: bool
    imported: bool
    state: VisibleText
    """As in the column STATUS."""
    group: Group
    failure: Failure | None
    score: float | None
    cost: float | None
    within: bool
    """Whether a run with a score reaches the thresholds of all objectives."""
    seconds: float
    """How long its programs ran, in all attempts."""
    lost_seconds: dict[str, float]
    """Seconds of attempts that ended without a result, by failure class."""
    metrics: dict[str, float]
    """Values of the sweep's objectives after the first."""
    parameters: list[Scalar | None]
    """In the order of the sweep's parameters. Null: the run does not have it."""
    predicted: Prediction | None
    created: str
    ended: str | None
    progress: Progress | None
    phases: list[Phase]
    verdict: Verdict | None
    has_curve: bool


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

    stage: Stage
    attempt: int
    state: str
    """waiting, running, interrupted (no process runs the sweep), evicted (by its queue, and continued by another pod),
    succeeded, or the failure class."""
    reason: VisibleText
    exit_code: int | None
    seconds: float | None
    node: str | None
    pod: str | None


class RunEvent(Model):
    """One Event about the run."""

    time: str
    type: VisibleText
    reason: VisibleText
    message: VisibleText
    count: int


class Difference(Model):
    """A parameter whose value differs from that of the best run. Null: the run does not have it."""

    path: str
    value: Scalar | None
    best: Scalar | None


class Provenance(Model):
    """What a suggestion was computed from. Why it was made is a question to the model (``AskWhy``)."""

    observations: int
    """Results that the optimizer knew."""
    pending: int
    """Runs that had no result yet."""


class Log(Model):
    """A log that can be read."""

    stage: Stage
    attempt: int
    rank: int


class LogEnd(Log):
    """The end of a log, in a report."""

    text: VisibleText
    cut: bool
    """Whether the log has earlier lines, too."""


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
