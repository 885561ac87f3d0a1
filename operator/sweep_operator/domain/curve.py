"""A learning curve: the reports of a run by step, thinned to a few points on a logarithmic grid. Pure functions.

Thinning what is already thinned, together with new points, gives the same curve as thinning all points at once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import NamedTuple

_FINEST = 64
"""Cells per factor of 2 of the finest grid. A coarser one merges pairs of cells."""
_ENDS = 2
"""The lowest step, and the lowest one above 0, are points besides those of the cells."""


class Point(NamedTuple):
    """One report."""

    step: float
    value: float | None
    """None: not a finite number."""
    seconds: float
    attempt: int = 1
    metrics: tuple[tuple[str, float], ...] = ()
    """Finite values of other metrics."""


def fold(curve: Iterable[Point], reports: Iterable[Point], most: int) -> list[Point]:
    """``curve`` with more reports, at most ``most`` points by step."""
    return _thinned(merge((*curve, *reports)), most)


def merge(reports: Iterable[Point]) -> list[Point]:
    """The reports by step, one for each. Repeated reports, in any order, change nothing.

    A later attempt resumes at its lowest step: its reports replace those of earlier attempts from there on. Two reports
    of the same step and attempt with different values: the later one counts. Invalid steps and times are ignored.
    """
    newest: dict[tuple[int, float], Point] = {}
    for point in reports:
        if not (0 <= point.step < math.inf and 0 <= point.seconds < math.inf):
            continue
        known = newest.setdefault((point.attempt, point.step), point)
        newest[point.attempt, point.step] = _later(known, point)
    return _resumed(newest.values())


def _later(one: Point, other: Point) -> Point:
    """The later report of a step. Of the same time, the higher value: the order of the lines must not matter."""
    return max(one, other, key=lambda p: (p.seconds, p.value is not None, p.value or 0.0, p.metrics))


def _resumed(points: Collection[Point]) -> list[Point]:
    """Without the points of each attempt that a later attempt repeats."""
    kept: list[Point] = []
    begin = math.inf
    for attempt in sorted({p.attempt for p in points}, reverse=True):
        own = [p for p in points if p.attempt == attempt]
        kept += [p for p in own if p.step < begin]
        begin = min(begin, *(p.step for p in own))
    return sorted(kept, key=lambda p: p.step)


def _thinned(points: list[Point], most: int) -> list[Point]:
    """The lowest step, and the highest step of each cell. The grid depends on the range of the steps only."""
    if not points:
        return []
    positive = [p for p in points if p.step > 0]
    ends = {points[0], *positive[:1]}
    width = 1
    while positive and _cell(positive[-1].step, width) - _cell(positive[0].step, width) + 1 + _ENDS > most:
        width *= 2
    cells = {_cell(p.step, width): p for p in positive}
    return sorted(ends | set(cells.values()), key=lambda p: p.step)


def _cell(step: float, width: int) -> int:
    return math.floor(math.log2(step) * _FINEST) // width
