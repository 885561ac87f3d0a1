"""``spec.limits``, ``spec.perRun`` and ``spec.cost``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from sweep_operator.api.model import Model

FailureClass = Literal["parameters", "crash", "eval", "preempted", "infrastructure", "timeout", "stopped"]


class Limits(Model):
    """When the sweep ends. All editable: raising one resumes a finished sweep."""

    max_runs: int = Field(default=100, ge=0, le=1_000_000, description="The operator's own runs that exist.")
    max_parallel_runs: int = Field(default=1, ge=0, le=10_000, description="Manual runs count. kubectl scale sets it.")
    max_consecutive_failures: int = Field(
        default=3, ge=1, description="Of the current template, since the last success."
    )
    max_failed_runs: int | None = Field(default=None, ge=1, description="Off when absent.")
    total_cost: float | None = Field(
        default=None, gt=0, description="Failed and preempted attempts count. In the unit of cost."
    )
    active_deadline_seconds: int | None = Field(
        default=None, ge=1, description="Of the sweep; suspended time excluded."
    )


class Retries(Model):
    """How often an attempt is repeated, by class of failure."""

    on_failure: int = Field(default=1, ge=0, le=100, description="Class crash.")
    on_preemption: int = Field(default=20, ge=0, le=1000, description="Class preempted.")
    on_eval_failure: int = Field(default=3, ge=0, le=100, description="Class eval; the evaluation alone is repeated.")
    backoff_seconds: float = Field(
        default=30, ge=0, le=86_400, description="Before the first retry; doubles each time."
    )


class FailureRule(Model):
    """First match wins, before the built-in rules."""

    log_pattern: str | None = Field(default=None, max_length=1024, description="RE2, searched in the finished log.")
    exit_codes: list[int] | None = Field(
        default=None, min_length=1, max_length=256, description="Of the main container."
    )
    class_: Literal["parameters", "crash", "eval", "preempted", "infrastructure", "timeout"] = Field(
        alias="class", description="The class such a failure gets."
    )

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        if self.log_pattern is None and self.exit_codes is None:
            raise ValueError("needs logPattern or exitCodes (or both, and then both must match)")
        return self

    @field_validator("exit_codes")
    @classmethod
    def _codes(cls, value: list[int] | None) -> list[int] | None:
        for code in value or []:
            if not 1 <= code <= 255:
                raise ValueError(f"{code} is no exit code of a failure; use 1 to 255")
        return value


class PerRun(Model):
    """Deadlines and retries of each run."""

    deadline_factor: float | None = Field(
        default=None, gt=0, description="Train ends at this multiple of the predicted cost."
    )
    pending_deadline_seconds: int = Field(default=3600, ge=1, description="Until main has started.")
    retries: Retries = Field(default=Retries())
    failure_rules: list[FailureRule] = Field(default=[], max_length=32)


class Cost(Model):
    """What a run costs."""

    source: Literal["WallClock", "GPUSeconds", "Price", "Reported"] = Field(default="WallClock")
    include: list[Literal["train", "eval"]] = Field(default=["train", "eval"], min_length=1, max_length=2)
