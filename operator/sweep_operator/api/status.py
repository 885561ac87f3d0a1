"""Status of a Sweep: bounded, whatever the number of runs."""

from __future__ import annotations

from pydantic import Field

from sweep_operator.api.meta import Condition
from sweep_operator.api.model import Model, Scalar, Time

MAX_BEST = 10
MAX_PARETO = 64


class RunCounts(Model):
    """Runs by state. Every run is in exactly one of pending, running, evaluating, succeeded, failed."""

    created: int = Field(default=0, description="Runs that exist, manual ones included.")
    pending: int = Field(default=0, description="Runs without a training attempt yet.")
    running: int = Field(default=0, description="Runs that train, or wait for their pod or for a retry.")
    evaluating: int = Field(default=0, description="Runs that are in evaluation after training succeeded.")
    succeeded: int = Field(default=0, description="Runs with a score.")
    failed: int = Field(default=0, description="Runs that ended without a score, stopped ones included.")


class CostStatus(Model):
    """What was spent by the runs that exist, and how much of it on attempts that taught nothing."""

    spent: float = Field(
        default=0.0, description="Cost of all attempts, failed and preempted ones included. limits.totalCost caps it."
    )
    wasted: float = Field(default=0.0, description="Part of spent that did not produce a score.")
    unit: str = Field(
        default="seconds",
        description="Unit of every cost of this sweep, by spec.cost.source: seconds, GPU seconds, a currency or "
        "reported (whatever the results say).",
    )


class BestRun(Model):
    """One of the best runs by observed score."""

    run: str = Field(description="Name of the SweepRun.")
    score: float = Field(description="Its observed score.")
    cost: float | None = Field(default=None, description="Its cost, in status.cost.unit.")
    parameters: dict[str, Scalar] = Field(default={}, description="The parameters that it ran with, by dotted path.")


class ParetoPoint(Model):
    """One point of the front: no run is better and cheaper."""

    run: str = Field(description="Name of the SweepRun.")
    score: float = Field(description="Its observed score.")
    cost: float = Field(description="Its cost, in status.cost.unit.")


class Calibration(Model):
    """How well past predictions fitted: of succeeded runs whose prediction says an 80% interval."""

    runs: int = Field(
        description="Succeeded runs of origin model whose prediction was compared with what came; of costs, those "
        "that cost more than 0."
    )
    coverage80: float = Field(
        description="Share of these runs inside the predicted 80% interval, 0 to 1. 0.8 is ideal; below it the "
        "optimizer is too sure of itself, above it too cautious."
    )
    mean_log_score: float = Field(
        description="Mean natural log of the density that the prediction gave to what came; higher is better. It "
        "depends on the score's unit: it compares models of one sweep, never two sweeps. Of a cost, the density is "
        "that of its logarithm."
    )


class OptimizerStatus(Model):
    """What the optimizer knows."""

    observations: int = Field(default=0, description="Results that it learns from, those of warmStart included.")
    last_suggest_seconds: float | None = Field(
        default=None, description="Seconds that the last suggestion took to compute."
    )
    score_calibration: Calibration | None = Field(
        default=None,
        description="How well predicted scores fitted the observed ones. Absent before the first.",
    )
    cost_calibration: Calibration | None = Field(
        default=None,
        description="How well predicted costs fitted the observed ones. Absent before the first.",
    )


class SweepTracking(Model):
    """Where the sweep is shown."""

    base_url: str | None = Field(default=None, alias="baseURL", description="Address of the W&B server.")
    entity: str | None = Field(default=None, description="User or team that owns the project.")
    project: str | None = Field(default=None, description="Project that the runs go to.")
    wandb_sweep_id: str | None = Field(default=None, description="Id of the W&B sweep.")
    url: str | None = Field(default=None, description="Its page, to be opened in a browser.")
    delivered: int = Field(default=0, description="Finished runs that the tracker has, as read back from it.")
    backlog: int = Field(default=0, description="Finished runs that are still to be delivered.")


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
        default=0, description="Index of the next run. Never given twice, even if runs are deleted."
    )
    active_since: Time | None = Field(
        default=None, description="Since when the sweep is active; absent while it is suspended, refused or over."
    )
    active_seconds: float = Field(
        default=0.0,
        description="Seconds of earlier active times. With the time since activeSince they are what "
        "limits.activeDeadlineSeconds counts.",
    )
    cost: CostStatus = Field(default=CostStatus(), description="What the runs that exist have cost.")
    best: list[BestRun] = Field(default=[], description=f"The {MAX_BEST} best runs by observed score, the best first.")
    pareto: list[ParetoPoint] = Field(
        default=[],
        description=f"The front of score and cost, the cheapest first: no run is better and cheaper. At most "
        f"{MAX_PARETO} points.",
    )
    optimizer: OptimizerStatus = Field(default=OptimizerStatus(), description="What the optimizer knows.")
    tracking: SweepTracking | None = Field(default=None, description="Where the sweep is shown besides Kubernetes.")
    conditions: list[Condition] = Field(
        default=[],
        description="Accepted: the spec is valid. Succeeded: Unknown while anything runs, then True (MaxRunsReached, "
        "TargetReached, BudgetExhausted, DeadlineReached, Stopped) or False (TooManyConsecutiveFailures, "
        "TooManyFailedRuns, SearchSpaceInfeasible). Suspended: nothing new starts. OptimizerHealthy: the last "
        "suggestion came from it, not from the fallback. WarmStarted: the sources of warmStart were read. "
        "TrackingSynced: the tracker has every result.",
    )
