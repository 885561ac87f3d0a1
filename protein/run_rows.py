"""Runs with learning curves as rows of the unit box, the data of the models of curves.

With a cost dial, a point of a curve is what a run of the same parameters with less of the dial would have given: a row
like any other. Without one, the logarithm of the fraction is one more column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from protein.analysis.pareto import goal_sign
from protein.arrays import Array
from protein.curves import MOST_POINTS, Curve, dial_of, thinned
from protein.optimizer import Observation
from protein.space import SearchSpace


@dataclass(frozen=True, slots=True)
class RunRows:
    """One run: its k points by rising fraction, and its result.

    x: (k + 1, d), the last row is the end. utility: (k,), to be maximized. cost: (k,), NaN if unknown. result, total:
    utility and cost of the complete run; None while they are unknown.
    """

    x: Array
    fraction: Array
    utility: Array
    cost: Array
    result: float | None = None
    total: float | None = None

    def content(self) -> tuple[Any, ...]:
        """What runs are sorted by, so that their order does not matter."""
        known = self.result or 0.0, self.total or 0.0
        return (self.x.tobytes(), self.utility.tobytes(), self.cost.tobytes(), *known)


def rows_of(space: SearchSpace, flat: Mapping[str, Any], curve: Curve, goal: str) -> RunRows:
    """A run without a result."""
    sign = goal_sign(goal)
    points = thinned(curve)
    fraction = np.array([p.fraction for p in points])
    cost = np.array([math.nan if p.cost is None else p.cost for p in points])
    utility = np.array([sign * p.score for p in points]) + 0.0
    return RunRows(_x(space, flat, np.append(fraction, 1.0)), fraction, utility, cost)


def rows_of_observation(space: SearchSpace, run: Observation, goal: str) -> RunRows:
    """An observed run. One that was stopped has no result: its score is the last report, its cost a lower bound."""
    rows = rows_of(space, run.params, run.curve, goal)
    if run.score is None or run.cost_is_lower_bound:
        return rows
    result = goal_sign(goal) * run.score + 0.0
    return RunRows(rows.x, rows.fraction, rows.utility, rows.cost, result, run.cost)


def _x(space: SearchSpace, flat: Mapping[str, Any], fractions: Array) -> Array:
    rows = np.tile(space.encode(flat), (len(fractions), 1))
    dial = dial_of(space.parameters)
    if dial is None:
        return np.column_stack([rows, 1.0 + np.log2(fractions) / MOST_POINTS])
    parameter = space.parameters[dial]
    full = float(flat.get(dial, parameter.center))
    column = next(j for j, c in enumerate(space.columns) if c.parameter == dial)
    if parameter.coordinate is not None:
        rows[:-1, column] = [parameter.coordinate.to_unit(f * full) for f in fractions[:-1]]
    return rows
