"""The Pareto front of (score, cost). Needs neither torch nor a model."""

from __future__ import annotations

import math
from collections.abc import Sequence


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
    sign = 1.0 if goal == "maximize" else -1.0
    usable = [
        (cost, -sign * score, index)
        for index, (score, cost) in enumerate(points)
        if score is not None and cost is not None and math.isfinite(score) and math.isfinite(cost)
    ]
    front: list[int] = []
    best = math.inf
    for _, loss, index in sorted(usable):
        if loss < best:
            best = loss
            front.append(index)
    return front
