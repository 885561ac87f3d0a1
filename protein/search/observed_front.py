"""The observed Pareto front of a history: the points to improve on and to search around."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from protein.analysis.pareto import nondominated, pareto_front
from protein.arrays import Array, Indices
from protein.history import History
from protein.search.candidates import row_keys


def front_rows(history: History) -> Array:
    """The rows (k, dim) of the observed Pareto front; see `front_positions`."""
    return history.x[front_positions(history)]


def least_measured(history: History, rng: np.random.Generator) -> int | None:
    """A random one of the least often measured rows of the observed Pareto front, by position. None: no front."""
    rows = front_rows(history)
    if len(rows) == 0:
        return None
    keys, front = row_keys(history.x), row_keys(rows)
    counts = np.array([keys.count(key) for key in front])
    least = np.flatnonzero(counts == counts.min())
    return keys.index(front[int(least[int(rng.integers(len(least)))])])


def front_positions(history: History) -> Indices:
    """Positions of the observed Pareto front of score and cost, by rising cost. With a constant cost: the best row.

    With additional objectives, the front covers all of them and contains only rows that reach every threshold. As long
    as no row does, all scored rows count.
    """
    if history.outcomes.outcomes:
        return _front_with_outcomes(history)
    points: Sequence[tuple[float | None, float | None]] = [
        (float(u), float(c)) if ok else (None, None)
        for u, c, ok in zip(history.utility, history.cost, history.scored, strict=True)
    ]
    return np.array(pareto_front(points, "maximize"), dtype=np.int64)


def _front_with_outcomes(history: History) -> Indices:
    eligible = history.scored & history.outcomes.reach(history.outcomes.least)
    rows = np.flatnonzero(eligible if eligible.any() else history.scored)
    columns = [history.utility[rows, None], history.outcomes.objectives[rows]]
    if history.priced.any():
        columns.append(-history.cost[rows, None])
    return rows[nondominated(np.concatenate(columns, axis=1).tolist())].astype(np.int64)
