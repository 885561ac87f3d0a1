"""One run as a row, in the words of where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["succeeded", "failed", "open"]
"""open: not over, or nobody will ever say how it ended."""


class Text(str):
    """A value as it stands in a CSV file: what type it has, its parameter knows."""

    __slots__ = ()


@dataclass(frozen=True)
class RowFailure:
    """How a run failed; ``class_`` as in SweepRun.status.failure."""

    class_: str = "parameters"
    reason: str = "Imported"
    message: str = ""


@dataclass(frozen=True)
class Row:
    """One run. Names are flat: dotted paths."""

    where: str
    """For people: "line 3", "run abc123"."""
    outcome: Outcome
    parameters: Mapping[str, object] = field(default_factory=dict)
    fixed: Mapping[str, object] = field(default_factory=dict)
    """What else it was configured with; a parameter of another sweep may be among it."""
    columns: Mapping[str, object] = field(default_factory=dict)
    """What the source does not say the meaning of: parameters, metrics, or neither."""
    score: float | None = None
    metric: str | None = None
    """What ``score`` measures, if the source says so."""
    cost: float | None = None
    cost_source: str | None = None
    """How the cost was measured, as spec.cost.source, if the source says so."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    failure: RowFailure | None = None
    run: str | None = None
    index: int | None = None
    origin: str | None = None
    created: str | None = None


class RowsInvalid(ValueError):
    """A table that cannot be read. ``problems``: one line each, with file, line, column, value and remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
