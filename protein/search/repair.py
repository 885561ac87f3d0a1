"""Repair of candidates that violate a constraint, by a small change toward the nearest point without violations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from protein.arrays import Array
from protein.space import SearchSpace

Allowed = Callable[[Mapping[str, Any]], bool]

SHRINKAGE = (0.75, 0.5, 0.25)
"""Remaining fractions of the distance to the anchor."""


def repair(space: SearchSpace, row: Array, anchors: Array, allowed: Allowed) -> Array | None:
    """A row (dim,) near `row` that satisfies the constraints, or None without anchors.

    anchors: points (k, dim) that satisfy the constraints; the nearest one is used. Trials, in this order: replace one
    parameter with the anchor's; move the row toward the anchor; replace parameters one after the other, up to the
    anchor itself.
    """
    if len(anchors) == 0:
        return None
    anchor = anchors[int(np.argmin(((anchors - row) ** 2).sum(axis=1)))]
    owner = space.owner
    different = [k for k in range(int(owner.max()) + 1) if not np.array_equal(row[owner == k], anchor[owner == k])]
    trials = [np.where(owner == k, anchor, row) for k in different]
    trials += [anchor + share * (row - anchor) for share in SHRINKAGE]
    trials += [np.where(np.isin(owner, different[:k]), anchor, row) for k in range(2, len(different) + 1)]
    for trial in space.snap(np.array(trials)) if trials else []:
        if allowed(space.decode(trial)):
            return np.asarray(trial, dtype=np.float64)
    return None
