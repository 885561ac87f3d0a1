"""Repair of candidates that break a constraint: towards the nearest point known to pass, with the least change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from protein.search.candidates import parameter_of_column
from protein.space import SearchSpace

Array = npt.NDArray[np.float64]
Allowed = Callable[[Mapping[str, Any]], bool]

SHRINKAGE = (0.75, 0.5, 0.25)


def repair(space: SearchSpace, row: Array, anchors: Array, allowed: Allowed) -> Array | None:
    """A row (dim,) near `row` that passes, or None without anchors.

    anchors: (k, dim), points that pass; the nearest one guides. Tried in this order: one parameter of the anchor's;
    the row drawn towards the anchor; parameters replaced one after the other, which ends at the anchor itself.
    """
    if len(anchors) == 0:
        return None
    anchor = anchors[int(np.argmin(((anchors - row) ** 2).sum(axis=1)))]
    owner = parameter_of_column(space)
    different = [k for k in range(int(owner.max()) + 1) if not np.array_equal(row[owner == k], anchor[owner == k])]
    trials = [np.where(owner == k, anchor, row) for k in different]
    trials += [anchor + share * (row - anchor) for share in SHRINKAGE]
    trials += [np.where(np.isin(owner, different[:k]), anchor, row) for k in range(2, len(different) + 1)]
    for trial in space.snap(np.array(trials)) if trials else []:
        if allowed(space.decode(trial)):
            return np.asarray(trial, dtype=np.float64)
    return None
