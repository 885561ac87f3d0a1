"""``spec.limits``, ``spec.perRun`` and ``spec.cost``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sweep_operator.api.failures import RuleClassName, rule_text
from sweep_operator.api.model import MAX_SECONDS, OPEN_IF_INVALID, Model

ExitCode = Annotated[int, Field(ge=1, le=255)]


class Limits(Model):
    """When the sweep ends. All fields can be edited; raising a limit resumes a finished sweep."""

    max_runs: int = Field(default=100, ge=0, le=1_000_000)
    """End after this many runs (MaxRunsReached). Only existing runs that the operator created count: manual runs do not
    count, and a deleted run is replaced by a new one."""
    max_parallel_runs: int = Field(default=1, ge=0, le=10_000)
    """Maximum number of unfinished runs at any time, manual runs included. `kubectl scale` sets it. With 0, no run
    starts."""
    max_consecutive_failures: int = Field(default=3, ge=1)
    """End (TooManyConsecutiveFailures) after this many failed runs in a row. Only runs of the current template count,
    so the sweep continues after you correct the image. After the first success, failures of class parameters do not
    count."""
    max_failed_runs: int | None = Field(default=None, ge=1)
    """End (TooManyFailedRuns) after this many failed runs in total. Default: no limit."""
    total_cost: float | None = Field(default=None, gt=0)
    """End (BudgetExhausted) when the existing runs have cost this much, failed and preempted attempts included, or when
    no further run is predicted to be payable. In the unit of spec.cost.source. Active runs are finished first. Default:
    no limit."""
    active_deadline_seconds: int | None = Field(default=None, ge=1, le=MAX_SECONDS)
    """End (DeadlineReached) after this many seconds, not counting suspended time. Active runs are terminated. With
    spec.cost.source WallClock, no run is suggested that is predicted to take longer than what is left. Default: no
    limit."""


class Stopping(Model):
    """When the sweep ends before its limits, because further runs gain too little. Edits apply at once; a sweep that
    has ended for this reason continues with policy Never or a lower minGain."""

    policy: Literal["Never", "WhenNotWorthIt"] = "Never"
    """WhenNotWorthIt: end (NotWorthIt) when spending as much again as so far is expected to improve the best score by
    less than minGain, or by proportionally less if limits.totalCost leaves less to spend. The message contains the
    forecast. Needs method bayes and one objective, and at least 10 results. Active runs are finished first."""
    min_gain: float = Field(default=0.01, gt=0, le=1)
    """The smallest improvement that is worth it, as a share of what the sweep has gained so far: of the difference
    between its best score and that of a typical configuration."""

    @property
    def least(self) -> float | None:
        """minGain if it applies."""
        return self.min_gain if self.policy == "WhenNotWorthIt" else None


class Retries(Model):
    """How often a stage is retried, by failure class."""

    on_failure: int = Field(default=1, ge=0, le=100)
    """Retries of a training that crashed."""
    on_preemption: int = Field(default=20, ge=0, le=1000)
    """Retries after a preemption, an eviction or the loss of a node."""
    on_eval_failure: int = Field(default=3, ge=0, le=100)
    """Retries of a failed evaluation; the training is not repeated."""
    backoff_seconds: float = Field(default=30, ge=0, le=86_400)
    """Delay before the first retry. It doubles with each retry."""


class FailureRule(Model):
    """Assigns a failure class. Needs logPattern or exitCodes; if both are set, both must match."""

    log_pattern: str | None = Field(default=None, min_length=1, max_length=1024)
    """RE2 regular expression, searched for in each line of the finished container's log."""
    exit_codes: list[ExitCode] | None = Field(default=None, min_length=1, max_length=256)
    """Exit codes of the main container, 1 to 255."""
    class_: RuleClassName = Field(alias="class", description=f"Class of a matching failure. {rule_text()}")

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        if self.log_pattern is None and self.exit_codes is None:
            raise ValueError("needs logPattern or exitCodes; if both are set, both must match")
        return self


class PerRun(Model):
    """Deadlines and retries of each run."""

    deadline_factor: float | None = Field(default=None, gt=0)
    """End a training that takes longer than this multiple of the upper end of its predicted seconds
    (spec.prediction.costHigh of the run), below which 90% of the runs stay. train.deadlineSeconds still applies. Needs
    cost.source WallClock. Default: off."""
    pending_deadline_seconds: int = Field(default=3600, ge=1, le=MAX_SECONDS)
    """A stage whose main container has not started after this many seconds fails (class infrastructure). Time in a
    Kueue queue does not count."""
    silence_seconds: int | None = Field(default=None, ge=10, le=MAX_SECONDS)
    """End a stage whose log has had no new output for this many seconds (failure class silent). Of several nodes, the
    log of rank 0 counts. Default: off."""
    retries: Retries = Retries()
    """How often a stage is retried, by failure class."""
    failure_rules: list[FailureRule] = Field(default=[], max_length=32)
    """Assign failure classes before the built-in rules do. The first matching rule applies."""


class Cost(Model):
    """What a run costs."""

    source: Annotated[Literal["WallClock", "GPUSeconds", "Price", "Reported"], OPEN_IF_INVALID] = "WallClock"
    """WallClock: seconds of the main container. GPUSeconds: seconds times GPUs. Price: by the price of the hardware
    profile. Reported: every result must carry `cost`."""
    include: list[Literal["train", "eval"]] = Field(default=["train", "eval"], min_length=1, max_length=2)
    """Stages whose cost counts."""
