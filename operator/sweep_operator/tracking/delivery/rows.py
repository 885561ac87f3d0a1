"""The learning curve of a run as rows of its W&B history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep_operator.domain.curve import Point, merge
from sweep_operator.engine.report_files import read_reports
from sweep_operator.tracking.delivery.messages import RunCard

PREFIX = "curve/"
CURVE_STEP = f"{PREFIX}step"
"""The horizontal axis."""
Row = tuple[int, dict[str, float]]
"""W&B's step, and the values."""
_FRACTIONS = 10**6
_EXACT = 2**53
"""Integers up to here are exact in a double, which W&B stores."""


def rows_of(card: RunCard) -> list[Row]:
    """All reports by step, each step once. W&B shows a row without a value as a gap.

    W&B's step follows from the reported one, so that a delivery that was interrupted continues behind the last row that
    has arrived, even if it has found other reports before that meanwhile.
    """
    found = (point for path in card.reports for point in read_reports(Path(path)))
    points = merge([*card.curve, *found])
    rate = card.cost_per_second
    return [(number, _values(point, rate)) for number, point in zip(_numbers(points), points, strict=True)]


def _values(point: Point, cost_per_second: float | None) -> dict[str, float]:
    values = {**dict(point.metrics), "step": point.step, "seconds": point.seconds}
    if point.value is not None:
        values["value"] = point.value
    if cost_per_second is not None:
        values["cost"] = point.seconds * cost_per_second
    return {f"{PREFIX}{name}": value for name, value in values.items()}


def _numbers(points: Sequence[Point]) -> Sequence[int]:
    """Rising integers: the steps, or millionths of them. Without a better way, their order."""
    steps = [point.step for point in points]
    for scale in (1,) if all(step.is_integer() for step in steps) else (_FRACTIONS,):
        numbers = [round(step * scale) for step in steps]
        if not numbers or (numbers[-1] < _EXACT and len(set(numbers)) == len(numbers)):
            return numbers
    return range(len(points))


@dataclass(frozen=True)
class FoundHistory:
    """The history of a run as W&B has it."""

    lines: int = 0
    """Number of rows."""
    last: int | None = None
    """W&B's step of the last row. None: unknown."""
    foreign: bool = False
    """Whether the program has logged rows. It keeps its own history."""

    @property
    def is_ours(self) -> bool:
        """Whether all rows were delivered earlier."""
        return self.last is not None and not self.foreign

    def lacks(self, last: int | None) -> str | None:
        """What is missing if the last row has the step ``last`` (None: there are no rows), or None."""
        if last is None or self.foreign or (self.last is None and self.lines > 0):
            return None
        found = -1 if self.last is None else self.last
        return None if found >= last else f"its history ends at step {found}, not {last}"


def found_history(run: Any) -> FoundHistory:
    """The history of a run of W&B's public API."""
    keys = getattr(run, "history_keys", None) or {}
    foreign = any(not name.startswith((PREFIX, "_")) for name in keys.get("keys") or {})
    last = keys.get("lastStep")
    return FoundHistory(getattr(run, "history_line_count", None) or 0, None if last is None else int(last), foreign)


def log_rows(run: Any, card: RunCard) -> None:
    """Log the rows that W&B does not have yet, to a run of the SDK."""
    rows = rows_of(card)
    for name in sorted({name for _, row in rows for name in row} - {CURVE_STEP}):
        run.define_metric(name, step_metric=CURVE_STEP, summary="none")
    for step, row in rows:
        if step >= run.starting_step:
            run.log(row, step=step)
