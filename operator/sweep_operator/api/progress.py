"""Progress and learning curve of a run, in its status."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sweep_operator.api.model import Model, Time

MAX_POINTS = 32


class Progress(Model):
    """The newest report of the program, as far as its log has been read."""

    stage: Literal["train", "eval"]
    """Stage that reported."""
    attempt: int
    """Attempt that reported."""
    summary: str
    """The fraction in percent, or the step if the fraction is unknown."""
    step: float
    """The reported step."""
    fraction: float | None = Field(default=None, ge=0, le=1)
    """The step divided by reports.maxStep, at most 1. Absent without maxStep."""
    value: float | None = None
    """The reported score. Absent if it was not a finite number, or if the report did not contain the score."""
    seconds: float
    """Seconds that the stage had run by then, in all attempts."""
    eta_seconds: int | None = None
    """Estimated seconds from then to the end of the stage, if the steps continue at the same rate."""
    update_time: Time
    """When this was written."""
    log_position: str = ""
    """Where reading of the log continues after a restart of the operator."""


class CurvePoint(Model):
    """One point of a learning curve."""

    step: float
    """The reported step."""
    value: float | None = None
    """The reported score. Absent if it was not a finite number."""
    seconds: float
    """Seconds that the stage had run by then, in all attempts."""
    attempt: int | None = None
    """Attempt that reported it. Absent: the first one."""
    metrics: dict[str, float] | None = None
    """Values of other metrics of the report that the Sweep names, by metric: those of spec.objectives after the first,
    and earlyStopping.metric. Absent: none."""
