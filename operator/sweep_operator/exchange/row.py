"""One run as a row, with the names that its source uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sweep_operator.config.errors import ConfigError

Goal = Literal["maximize", "minimize"]
RunResult = Literal["succeeded", "failed", "open"]
"""open: the run has not ended, or its result is unknown."""


class CellText(str):
    """The text of a CSV cell. Its type depends on the parameter that it belongs to."""

    __slots__ = ()


@dataclass(frozen=True)
class RowFailure:
    """Failure of a run, with the fields of SweepRun.status.failure."""

    class_: str = "parameters"
    reason: str = "Imported"
    message: str = ""


@dataclass(frozen=True)
class Row:
    """One run. Names are dotted paths."""

    where: str
    """Place of the run for messages: "line 3", "run abc123"."""
    result: RunResult
    parameters: Mapping[str, object] = field(default_factory=dict)
    fixed: Mapping[str, object] = field(default_factory=dict)
    """Other configuration values. Another sweep may search some of them as parameters."""
    columns: Mapping[str, object] = field(default_factory=dict)
    """Values whose meaning the source does not state. They may be parameters, metrics, or neither."""
    score: float | None = None
    metric: str | None = None
    """Name of the metric in ``score``, if known."""
    sweep_metric: str | None = None
    """Name of the metric of the run's sweep, if known."""
    goal: Goal | None = None
    """Goal of the run's sweep, if known."""
    cost: float | None = None
    cost_source: str | None = None
    """How the cost was measured, as in spec.cost.source, if known."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    lost: bool = False
    """Whether an open run has died without a result."""
    failure: RowFailure | None = None
    run: str | None = None
    index: int | None = None
    origin: str | None = None
    created: str | None = None
    curve: tuple[Mapping[str, object], ...] = ()
    """The learning curve, as in SweepRun.status."""
    last_report: float | None = None
    """Its last finite score, if known."""


class RowsInvalid(ConfigError):
    """A table is invalid. Each of ``problems`` names file, line, column, value and remedy."""

    def in_short(self) -> str:
        """The first problem, and how many more there are."""
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return self.problems[0] + more
