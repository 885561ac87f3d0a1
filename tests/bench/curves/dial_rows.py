"""A variant of Protein for comparison: with a cost dial, points of learning curves are rows of the search's models.

A point is what a run of the same parameters with less of the dial would have given, at the cost spent by then. The rows
of finished and running runs are used, the last point of each factor of 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from protein import Protein
from protein.arrays import Array
from protein.curves import dial_of
from protein.history import History, select_rows
from protein.models.model_set import Models
from protein.outcomes import OutcomeTable
from protein.run_rows import RunRows, rows_of, rows_of_observation

ROWS, LEAST_POINTS = 512, 128
"""With fewer observations than ROWS, points of curves fill up to so many rows. There may always be LEAST_POINTS."""


@dataclass(frozen=True, slots=True)
class WithPoints(History):
    """A history with points of curves as its last rows."""

    points: int = 0

    @property
    def spent(self) -> float:
        """Total cost of the runs."""
        return math.fsum(c for c in self.cost[: len(self) - self.points] if math.isfinite(c) and c > 0)


class DialRows(Protein):
    """Protein whose models are fitted to results and to points of curves."""

    def _fit(self, history: History) -> Models:
        return super()._fit(self._with_points(history))

    def _with_points(self, history: History) -> History:
        runs = [rows_of_observation(self.space, o, self.goal) for o in self._observations if o.curve]
        runs += [rows_of(self.space, run.params, run.curve, self.goal) for run in self._running.values()]
        runs = sorted((run for run in runs if len(run.fraction)), key=RunRows.content)
        if not runs or dial_of(self.space.parameters) is None:
            return history
        room = max(ROWS - len(history), LEAST_POINTS)
        chosen = [runs[i] for i in select_rows(np.array([run.utility[-1] for run in runs]), room)]
        each = max(room // len(chosen), 1)
        parts = [_part(run, each) for run in chosen]
        return _joined(history, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _part(run: RunRows, most: int) -> tuple[Array, Array, Array]:
    """Rows, utilities and costs of the points of a run, evenly over their number."""
    count = len(run.utility)
    kept = np.unique(np.linspace(count - 1, 0, min(most, count)).round().astype(int))
    return run.x[kept], run.utility[kept], run.cost[kept]


def _joined(history: History, x: Array, utility: Array, cost: Array) -> WithPoints:
    order, count = np.lexsort((cost, utility, *x.T[::-1])), len(x)
    unknown = np.full((count, history.outcomes.values.shape[1]), math.nan)
    columns = {
        "x": x[order],
        "utility": utility[order] + 0.0,
        "cost": cost[order],
        "failed": np.zeros(count, dtype=bool),
        "censored": np.zeros(count, dtype=bool),
        "source": np.full(count, -1, dtype=np.int64),
    }
    joined = {
        f.name: np.concatenate([getattr(history, f.name), columns[f.name]])
        for f in fields(History)
        if f.name in columns
    }
    outcomes = OutcomeTable(history.outcomes.outcomes, np.concatenate([history.outcomes.values, unknown]))
    return WithPoints(**joined, outcomes=outcomes, points=count)
