"""Status of a Sweep. Its size is bounded for any number of runs."""

from __future__ import annotations

from pydantic import Field

from sweep_operator.api.meta import Condition
from sweep_operator.api.model import Model, Scalar, Time

MAX_BEST = 10
MAX_PARETO = 64


class RunCounts(Model):
    """Runs by state. Every run is in exactly one of pending, running, evaluating, succeeded, failed."""

    created: int = Field(default=0, description="Runs that exist, including manual runs.")
    pending: int = Field(default=0, description="Runs without a training attempt.")
    running: int = Field(default=0, description="Runs in training, including those that wait for a pod or a retry.")
    evaluating: int = Field(default=0, description="Runs in evaluation.")
    succeeded: int = Field(default=0, description="Runs with a score.")
    failed: int = Field(default=0, description="Runs that ended without a score, including stopped runs.")


class CostStatus(Model):
    """Cost of the runs that exist, and the part of it that did not lead to a score."""

    spent: float = Field(
        default=0.0,
        description="Cost of all attempts, including failed and preempted ones. limits.totalCost is its limit.",
    )
    wasted: float = Field(default=0.0, description="Part of spent that did not lead to a score.")
    unit: str = Field(
        default="seconds",
        description="Unit of all costs of this sweep, by spec.cost.source: seconds, GPU seconds, a currency, or "
        "reported (the unit of the results).",
    )


class BestRun(Model):
    """One of the best runs by observed score."""

    run: str = Field(description="Name of the SweepRun.")
    score: float = Field(description="Its observed score.")
    cost: float | None = Field(default=None, description="Its cost, in status.cost.unit.")
    parameters: dict[str, Scalar] = Field(default={}, description="Its parameters, by dotted path.")


class ParetoPoint(Model):
    """One Pareto-optimal run: no other run is both better and cheaper."""

    run: str = Field(description="Name of the SweepRun.")
    score: float = Field(description="Its observed score.")
    cost: float = Field(description="Its cost, in status.cost.unit.")


class Calibration(Model):
    """Calibration of past predictions with an 80% interval."""

    runs: int = Field(
        description="Succeeded runs of origin model whose prediction was compared with the observed value. For "
        "costs, only runs that cost more than 0."
    )
    coverage80: float = Field(
        description="Fraction of these runs inside the predicted 80% interval, 0 to 1. 0.8 is ideal. Below it, the "
        "optimizer is overconfident; above it, too cautious."
    )
    mean_log_score: float = Field(
        description="Mean natural logarithm of the predicted density at the observed value; higher is better. It "
        "depends on the unit of the score, so compare it only within one sweep. For a cost, the density is that of its "
        "logarithm."
    )


class OptimizerStatus(Model):
    """State of the optimizer."""

    observations: int = Field(default=0, description="Results that it learns from, including those of warmStart.")
    last_suggest_seconds: float | None = Field(default=None, description="Duration of the last suggestion, in seconds.")
    score_calibration: Calibration | None = Field(
        default=None,
        description="Calibration of predicted scores. Absent without predictions to compare.",
    )
    cost_calibration: Calibration | None = Field(
        default=None,
        description="Calibration of predicted costs. Absent without predictions to compare.",
    )


class SweepTracking(Model):
    """The sweep in the tracker."""

    base_url: str | None = Field(default=None, alias="baseURL", description="URL of the W&B server.")
    entity: str | None = Field(default=None, description="User or team that owns the project.")
    project: str | None = Field(default=None, description="Project of the runs.")
    wandb_sweep_id: str | None = Field(default=None, description="ID of the W&B sweep.")
    url: str | None = Field(default=None, description="URL of its page.")
    delivered: int = Field(default=0, description="Finished runs that were delivered, as read back from the tracker.")
    backlog: int = Field(default=0, description="Finished runs that have not been delivered yet.")


class SweepStatus(Model):
    """The observed state of a sweep."""

    observed_generation: int | None = Field(
        default=None, description="metadata.generation of the spec that this status describes."
    )
    runs: RunCounts = Field(default=RunCounts(), description="Runs by state, manual ones included.")
    consecutive_failures: int = Field(
        default=0,
        description="Failed runs of the current template since its last success. limits.maxConsecutiveFailures ends "
        "the sweep.",
    )
    next_index: int = Field(
        default=0, description="Index of the next run. An index is never reused, even if its run is deleted."
    )
    active_since: Time | None = Field(
        default=None,
        description="Start of the current active time. Absent while the sweep is suspended or not accepted, and after "
        "its end.",
    )
    active_seconds: float = Field(
        default=0.0,
        description="Seconds of earlier active times. limits.activeDeadlineSeconds counts them and the time since "
        "activeSince.",
    )
    cost: CostStatus = Field(default=CostStatus(), description="Cost of the runs that exist.")
    best: list[BestRun] = Field(default=[], description=f"The {MAX_BEST} best runs by observed score, the best first.")
    pareto: list[ParetoPoint] = Field(
        default=[],
        description=f"Pareto-optimal runs of score and cost, the cheapest first. At most {MAX_PARETO}.",
    )
    optimizer: OptimizerStatus = Field(default=OptimizerStatus(), description="State of the optimizer.")
    tracking: SweepTracking | None = Field(default=None, description="The sweep in the tracker.")
    conditions: list[Condition] = Field(
        default=[],
        description="Accepted: the spec is valid. Succeeded: Unknown until the sweep ends, then True (MaxRunsReached, "
        "TargetReached, BudgetExhausted, DeadlineReached, Stopped) or False (TooManyConsecutiveFailures, "
        "TooManyFailedRuns, SearchSpaceInfeasible). Suspended: no new runs start. OptimizerHealthy: the last "
        "suggestion is not a random fallback. WarmStarted: the sources of warmStart were read. "
        "TrackingSynced: the tracker has every result.",
    )
