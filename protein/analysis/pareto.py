"""The Pareto front. Needs only the standard library."""

from __future__ import annotations

import math
from collections.abc import Sequence


def goal_sign(goal: str) -> float:
    """1 to maximize, -1 to minimize: a value times its sign is maximized."""
    return 1.0 if goal == "maximize" else -1.0


def pareto_front(points: Sequence[tuple[float | None, float | None]], goal: str = "maximize") -> list[int]:
    """Indices of the points that no other point dominates, by rising cost.

    A point dominates another if its score is at least as good, its cost is at most as high, and at least one of the two
    is strictly better. Of equal points only the first is in the front. Points with a missing or non-finite score or
    cost (failures, timeouts) are never in the front. O(n log n).

    Args:
        points: pairs (score, cost).
        goal: "maximize" or "minimize" the score. Costs are minimized.

    Raises:
        ValueError: an invalid goal.

    Example:
        >>> pareto_front([(0.9, 10.0), (0.8, 20.0), (0.5, 1.0)])
        [2, 0]
    """
    if goal not in ("maximize", "minimize"):
        raise ValueError(f"goal: {goal!r} must be 'maximize' or 'minimize'")
    sign = goal_sign(goal)
    rows = [(math.nan, math.nan) if s is None or c is None else (sign * s, -c) for s, c in points]
    return sorted(nondominated(rows), key=lambda i: -rows[i][1])


def nondominated(rows: Sequence[Sequence[float]]) -> list[int]:
    """Rising positions of the rows, each column to be maximized, that no other row dominates.

    Of equal rows only the first is in the front. Rows with a non-finite value are skipped. O(n log n) for two columns,
    O(n f) for more, with f rows in the front.
    """
    finite = [i for i, row in enumerate(rows) if all(map(math.isfinite, row))]
    front: list[int] = []
    # In falling order, no row dominates an earlier one. Of two columns, the last row of the front has the best second.
    for i in sorted(finite, key=lambda i: tuple(rows[i]), reverse=True):
        rivals = front[-1:] if len(rows[i]) == 2 else front
        if not any(all(a >= b for a, b in zip(rows[j], rows[i], strict=True)) for j in rivals):
            front.append(i)
    return sorted(front)
