"""The Pareto front of (score, cost): what no other observation beats on both. Neither torch nor a model is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float | None, float | None]], goal: str = "maximize") -> list[int]:
    """Indices of the points that no other point dominates, by rising cost.

    A point dominates another when its score is at least as good in the direction of `goal` ("maximize" or "minimize"),
    its cost at most as high, and one of both strictly so. Of equal points the first stands for all. Points with a
    missing or non-finite score or cost (failures, timeouts) are never in the front. O(n log n).
    """
    if goal not in ("maximize", "minimize"):
        raise ValueError(f"goal: {goal!r} is not a direction; use 'maximize' or 'minimize'")
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
