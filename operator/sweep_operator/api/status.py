"""Status of a Sweep. Its size is bounded for any number of runs."""

from __future__ import annotations

from pydantic import Field

from sweep_operator.api.early_stopping import EarlyStoppingStatus
from sweep_operator.api.failures import FailureName
from sweep_operator.api.meta import Condition
from sweep_operator.api.model import Model, Scalar, Time

MAX_BEST = 10
MAX_PARETO = 64
MAX_FAILURES = 3


def _is_zero(value: float) -> bool:
    """Stored sweeps without early stopping keep their form."""
    return value == 0


class RunCounts(Model):
    """Runs by state. Every run is in exactly one of pending, running, evaluating, succeeded, pruned, failed."""

    created: int = 0
    """Runs that exist, including manual runs."""
    pending: int = 0
    """Runs without a training attempt."""
    running: int = 0
    """Runs in training, including those that wait for a pod or a retry."""
    evaluating: int = 0
    """Runs in evaluation."""
    succeeded: int = 0
    """Runs with a score."""
    failed: int = 0
    """Other runs that ended without a score, including stopped runs."""
    pruned: int = Field(default=0, exclude_if=_is_zero)
    """Runs that early stopping ended. Absent: 0."""


class CostStatus(Model):
    """Cost of the runs that exist, and the part of it that did not lead to a score."""

    spent: float = 0.0
    """Cost of all attempts, including failed and preempted ones. limits.totalCost is its limit."""
    wasted: float = 0.0
    """Part of spent that did not lead to a score, without pruned."""
    pruned: float = Field(default=0.0, exclude_if=_is_zero)
    """Part of spent that is the cost of runs that early stopping ended. Absent: 0."""
    unit: str = "seconds"
    """Unit of all costs of this sweep, by spec.cost.source: seconds, GPU seconds, a currency, or reported (the unit of
    the results)."""


class BestRun(Model):
    """One of the best runs by observed score."""

    run: str
    """Name of the SweepRun."""
    score: float
    """Its observed score."""
    cost: float | None = None
    """Its cost, in status.cost.unit."""
    metrics: dict[str, float] | None = None
    """Its values of spec.objectives after the first, by metric. Absent with one objective."""
    parameters: dict[str, Scalar] = {}
    """Its parameters, by dotted path."""


class ParetoPoint(Model):
    """One Pareto-optimal run: no other run is better in one objective or cheaper, and not worse in any other."""

    run: str
    """Name of the SweepRun."""
    score: float
    """Its observed score."""
    cost: float
    """Its cost, in status.cost.unit."""
    metrics: dict[str, float] | None = None
    """Its values of spec.objectives after the first, by metric. Absent with one objective."""


class LatestFailure(Model):
    """A failed run."""

    run: str
    """Name of the SweepRun."""
    class_: FailureName = Field(alias="class", description="Failure class.")
    reason: str
    """Machine-readable reason, such as OOMKilled or ResultMissing."""
    message: str = ""
    """First line of the message."""


class Calibration(Model):
    """Calibration of past predictions with an 80% interval."""

    runs: int
    """Succeeded runs of origin model whose prediction was compared with the observed value. For costs, only runs that
    cost more than 0."""
    coverage80: float
    """Fraction of these runs inside the predicted 80% interval, 0 to 1. 0.8 is ideal. Below it, the optimizer is
    overconfident; above it, too cautious."""
    mean_log_score: float
    """Mean natural logarithm of the predicted density at the observed value; higher is better. It depends on the unit
    of the score, so compare it only within one sweep. For a cost, the density is that of its logarithm."""


class SourceWeight(Model):
    """How much a source of warmStart counts."""

    source: str
    """The source, such as Sweep cartpole-v1."""
    weight: float
    """Its weight in the model of the score, 0 to 1: the probability that it ranks the results of this sweep better than
    the other sources and than a model of these results alone."""


class OptimizerStatus(Model):
    """State of the optimizer."""

    observations: int = 0
    """Results that it learns from, including those of warmStart."""
    last_suggest_seconds: float | None = None
    """Duration of the last suggestion, in seconds."""
    score_calibration: Calibration | None = None
    """Calibration of predicted scores. Absent without predictions to compare."""
    cost_calibration: Calibration | None = None
    """Calibration of predicted costs. Absent without predictions to compare."""
    sources: list[SourceWeight] | None = None
    """Sources of warmStart, in their order, with their weights in the latest suggestion of the model. What is missing
    to a sum of 1 is the weight of the results of this sweep alone. Absent without warmStart."""


class SweepTracking(Model):
    """The sweep in the tracker."""

    base_url: str | None = Field(default=None, alias="baseURL")
    """URL of the W&B server."""
    entity: str | None = None
    """User or team that owns the project."""
    project: str | None = None
    """Project of the runs."""
    wandb_sweep_id: str | None = None
    """ID of the W&B sweep."""
    url: str | None = None
    """URL of its page."""
    delivered: int = 0
    """Finished runs that were delivered, as read back from the tracker."""
    backlog: int = 0
    """Finished runs that have not been delivered yet."""


class SweepStatus(Model):
    """The observed state of a sweep."""

    observed_generation: int | None = None
    """metadata.generation of the spec that this status describes."""
    runs: RunCounts = RunCounts()
    """Runs by state, manual ones included."""
    consecutive_failures: int = 0
    """Failed runs of the current template since its last success. limits.maxConsecutiveFailures ends the sweep."""
    next_index: int = 0
    """Index of the next run. An index is never reused, even if its run is deleted."""
    active_since: Time | None = None
    """Start of the current active time. Absent while the sweep is suspended or not accepted, and after its end."""
    active_seconds: float = 0.0
    """Seconds of earlier active times. limits.activeDeadlineSeconds counts them and the time since activeSince."""
    cost: CostStatus = CostStatus()
    """Cost of the runs that exist."""
    best: list[BestRun] = Field(
        default=[],
        description=f"The {MAX_BEST} best runs by observed score, the best first: of those that reach every threshold "
        "of spec.objectives, or of all as long as none does.",
    )
    pareto: list[ParetoPoint] = Field(
        default=[],
        description="Pareto-optimal runs of score, cost and the other spec.objectives, the cheapest first, of the same "
        f"runs as best. At most {MAX_PARETO}.",
    )
    latest_failures: list[LatestFailure] = Field(
        default=[],
        description=f"The {MAX_FAILURES} runs that failed last, the latest first. Without stopped and pruned runs.",
    )
    optimizer: OptimizerStatus = OptimizerStatus()
    """State of the optimizer."""
    early_stopping: EarlyStoppingStatus | None = None
    """What early stopping has done. Absent without it."""
    warm_start_digest: str | None = None
    """SHA-256 of the stored observations of warmStart. A ConfigMap with other content is ignored."""
    tracking: SweepTracking | None = None
    """The sweep in the tracker."""
    conditions: list[Condition] = []
    """Accepted: the spec is valid. Succeeded: Unknown until the sweep ends, then True (MaxRunsReached, TargetReached,
    BudgetExhausted, NotWorthIt, DeadlineReached, Stopped) or False (TooManyConsecutiveFailures, TooManyFailedRuns,
    SearchSpaceInfeasible). Its message says what runs wait for. Finished: True after the end of the sweep, whether it
    succeeded or failed. Suspended: no new runs start. OptimizerHealthy: the last suggestion is not a random
    fallback. WarmStarted: the sources of warmStart were read. TrackingSynced: the tracker has every result.
    EarlyStoppingEffective: whether the rule of earlyStopping can compare runs. Stalled:
    present and True while an error stops the operator's work on the sweep or on some of its runs."""
