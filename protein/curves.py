"""Learning curves: scores and costs that runs reported before their end. Needs only the standard library.

A point has the fraction of the complete run that was done by then. Points form a set: their order does not matter, and
a point that is reported twice counts once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from protein.searchspace.parameters import Parameter

MOST_POINTS = 8
"""Number of points of one run that the models use: the newest one of each factor of 2 of the fraction."""


class CurvePoint(NamedTuple):
    """One report."""

    fraction: float
    """Share of the complete run, above 0 and at most 1."""
    score: float
    cost: float | None = None
    """Cost of the run up to this point, or None if it is unknown."""


Curve = tuple[CurvePoint, ...]
"""The points of a run by rising fraction."""


@dataclass(frozen=True)
class Forecast:
    """What is predicted of a running run, in the user's units. Intervals hold 80% of the results."""

    fraction: float
    """Share of the run that is done; 0 without a report."""
    score: float
    """The score of the complete run."""
    score_interval: tuple[float, float]
    cost: float | None
    """The cost of the complete run. None: no report has a cost."""
    cost_interval: tuple[float, float] | None
    remaining_cost: float | None
    front_probability: float
    """The probability that the finished run will be on the Pareto front of score and cost, or have the best score if
    the cost does not vary. 1 with further objectives: they are not predicted."""
    needed_score: float | None
    """The best score among the finished runs that cost at most as much. None without such a run."""
    learned_from: int
    """Number of finished runs that the forecast is learned from. With fewer than a handful it is a guess."""


@dataclass
class RunningRun:
    """A run without a result, and what it has reported."""

    params: Mapping[str, Any]
    reported: set[CurvePoint] = field(default_factory=set)

    @property
    def curve(self) -> Curve:
        """The consistent points."""
        return curve_of(self.reported)


def make_point(step: float, score: float, cost: float | None, max_step: float) -> CurvePoint:
    """A validated point. Raises ValueError with the name, the value and the remedy."""
    for name, value in (("step", step), ("score", score), ("max_step", max_step)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name}: {value!r} is not a finite number; skip this report")
    if step <= 0:
        raise ValueError(f"step: {step!r} is not above 0; report after the first step")
    if step > max_step:
        raise ValueError(f"step: {step!r} is above max_step {max_step!r}; max_step is the step of a complete run")
    known = cost is not None and math.isfinite(cost) and cost > 0
    return CurvePoint(step / max_step, float(score), float(cost) if known and cost is not None else None)


def curve_of(points: Iterable[CurvePoint]) -> Curve:
    """The points without those that a restarted run has overtaken: they cost less than an earlier fraction.

    Of several points at one fraction, the most expensive one counts: it is the latest.
    """
    kept: list[CurvePoint] = []
    spent = -math.inf
    for point in sorted(set(points), key=lambda p: (p.fraction, -(p.cost or 0.0), p.score)):
        repeats = bool(kept) and kept[-1].fraction == point.fraction
        if not repeats and (point.cost is None or point.cost >= spent):
            kept.append(point)
            spent = spent if point.cost is None else point.cost
    return tuple(kept)


def thinned(curve: Curve) -> Curve:
    """At most MOST_POINTS points: the last one of each factor of 2 of the fraction."""
    cells = {math.ceil(math.log2(point.fraction)): point for point in curve if point.fraction > 2.0**-MOST_POINTS}
    return tuple(cells[cell] for cell in sorted(cells))


def dial_of(parameters: Mapping[str, Parameter]) -> str | None:
    """The parameter that sets the length of a run: the only one with ``scale: time``, always active; None without."""
    dials = [name for name, p in parameters.items() if p.scale == "time" and p.when is None and (p.min or 0) > 0]
    return dials[0] if len(dials) == 1 else None
