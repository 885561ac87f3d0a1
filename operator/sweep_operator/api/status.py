"""Status of a Sweep: bounded, whatever the number of runs."""

from __future__ import annotations

from sweep_operator.api.meta import Condition
from sweep_operator.api.model import Model, Scalar, Time

MAX_BEST = 10
MAX_PARETO = 64


class RunCounts(Model):
    """Runs by state. Every run is in exactly one of pending, running, evaluating, succeeded, failed."""

    created: int = 0
    pending: int = 0
    running: int = 0
    evaluating: int = 0
    succeeded: int = 0
    failed: int = 0


class CostStatus(Model):
    """What was spent by the runs that exist, and how much of it on attempts that taught nothing."""

    spent: float = 0.0
    wasted: float = 0.0
    unit: str = "seconds"


class BestRun(Model):
    """One of the best runs by observed score."""

    run: str
    score: float
    cost: float | None = None
    parameters: dict[str, Scalar] = {}


class ParetoPoint(Model):
    """One point of the front: no run is better and cheaper."""

    run: str
    score: float
    cost: float


class Calibration(Model):
    """How well past predictions fitted."""

    coverage80: float | None = None
    mean_log_score: float | None = None
    count: int = 0


class OptimizerStatus(Model):
    """What the optimizer knows."""

    observations: int = 0
    last_suggest_seconds: float | None = None
    score_calibration: Calibration | None = None
    cost_calibration: Calibration | None = None


class SweepTracking(Model):
    """Where the sweep is shown."""

    wandb_sweep_id: str | None = None
    url: str | None = None
    delivered: int = 0
    backlog: int = 0


class SweepStatus(Model):
    """The observed state of a sweep."""

    observed_generation: int | None = None
    runs: RunCounts = RunCounts()
    consecutive_failures: int = 0
    next_index: int = 0
    active_since: Time | None = None
    active_seconds: float = 0.0
    cost: CostStatus = CostStatus()
    best: list[BestRun] = []
    pareto: list[ParetoPoint] = []
    optimizer: OptimizerStatus = OptimizerStatus()
    tracking: SweepTracking | None = None
    conditions: list[Condition] = []
