"""``spec.limits``, ``spec.perRun`` and ``spec.cost``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sweep_operator.api.model import Model

FailureClass = Literal["parameters", "crash", "eval", "preempted", "infrastructure", "timeout", "stopped"]
ExitCode = Annotated[int, Field(ge=1, le=255)]


class Limits(Model):
    """When the sweep ends. All editable: raising one resumes a finished sweep."""

    max_runs: int = Field(
        default=100,
        ge=0,
        le=1_000_000,
        description="End after this many runs (MaxRunsReached). Only the operator's own runs that exist count: manual "
        "runs do not, and a deleted run is made up for.",
    )
    max_parallel_runs: int = Field(
        default=1,
        ge=0,
        le=10_000,
        description="Runs that may be unfinished at the same time, manual ones included. `kubectl scale` sets it; 0 "
        "starts nothing.",
    )
    max_consecutive_failures: int = Field(
        default=3,
        ge=1,
        description="End (TooManyConsecutiveFailures) after this many failed runs in a row. Only runs of the current "
        "template count, so that a corrected image goes on by itself; after a first success, runs that failed by their "
        "own parameters do not count.",
    )
    max_failed_runs: int | None = Field(
        default=None, ge=1, description="End (TooManyFailedRuns) after this many failed runs in all. Absent: no limit."
    )
    total_cost: float | None = Field(
        default=None,
        gt=0,
        description="End (BudgetExhausted) when the runs that exist have cost this much, failed and preempted attempts "
        "included. In the unit of spec.cost.source. What runs is finished. Absent: no limit.",
    )
    active_deadline_seconds: int | None = Field(
        default=None,
        ge=1,
        description="End (DeadlineReached) after this many seconds, the time spent suspended excluded; what runs is "
        "terminated. Absent: no limit.",
    )


class Retries(Model):
    """How often a stage is repeated, by class of failure."""

    on_failure: int = Field(default=1, ge=0, le=100, description="Retries of a training that crashed.")
    on_preemption: int = Field(
        default=20, ge=0, le=1000, description="Retries after a preemption, an eviction or the loss of a node."
    )
    on_eval_failure: int = Field(
        default=3, ge=0, le=100, description="Retries of a failed evaluation; the training is not repeated."
    )
    backoff_seconds: float = Field(
        default=30, ge=0, le=86_400, description="Wait before the first retry; doubles with each one."
    )


class FailureRule(Model):
    """Says what class a failure has. Needs logPattern or exitCodes; where both are given both must match."""

    log_pattern: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="RE2 regular expression, searched in each line of the finished container's log.",
    )
    exit_codes: list[ExitCode] | None = Field(
        default=None, min_length=1, max_length=256, description="Exit codes of the main container, 1 to 255."
    )
    class_: Literal["parameters", "crash", "eval", "preempted", "infrastructure", "timeout"] = Field(
        alias="class",
        description="The class that such a failure gets. parameters: the configuration is bad, never retried, learned "
        "as infeasible. crash: retried onFailure times, then learned as infeasible. eval: the evaluation alone is "
        "repeated. preempted: retried onPreemption times, never learned. infrastructure: not retried, never learned. "
        "timeout: not retried, its seconds are a lower bound of the cost.",
    )

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        if self.log_pattern is None and self.exit_codes is None:
            raise ValueError("needs logPattern or exitCodes (or both, and then both must match)")
        return self


class PerRun(Model):
    """Deadlines and retries of each run."""

    deadline_factor: float | None = Field(
        default=None,
        gt=0,
        description="End a training that takes this multiple of the seconds predicted for it, never later than "
        "train.deadlineSeconds. Needs cost.source WallClock. Absent: off.",
    )
    pending_deadline_seconds: int = Field(
        default=3600,
        ge=1,
        description="A stage whose main container has not started after this many seconds fails (class "
        "infrastructure). Time in a Kueue queue does not count.",
    )
    retries: Retries = Field(default=Retries(), description="How often a stage is repeated, by class of failure.")
    failure_rules: list[FailureRule] = Field(
        default=[],
        max_length=32,
        description="Say what class a failure has, before the built-in rules. The first one that matches counts.",
    )


class Cost(Model):
    """What a run costs."""

    source: Literal["WallClock", "GPUSeconds", "Price", "Reported"] = Field(
        default="WallClock",
        description="WallClock: seconds of the main container. GPUSeconds: seconds times GPUs. Price: by the price "
        "of the hardware profile. Reported: every result must carry `cost`.",
    )
    include: list[Literal["train", "eval"]] = Field(
        default=["train", "eval"], min_length=1, max_length=2, description="Stages whose cost counts."
    )
