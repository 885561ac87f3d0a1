"""Local refinement of the best candidates: grid steps, then L-BFGS on the continuous coordinates."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize

from protein.arrays import Array, Mask
from protein.models.score import as_tensor
from protein.search.acquisition import Acquisition
from protein.search.candidates import neighbors
from protein.space import SearchSpace

ITERATIONS = 20
ACCURACY = 1e-4
"""Relative change of the acquisition at which a climb ends. Smaller ones take more steps to the same points."""


def polish(space: SearchSpace, acquisition: Acquisition, rows: Array) -> Array:
    """`rows` (k, dim) after local maximization by the acquisition's sketch, snapped (k, dim).

    All rows in the first round, the better half of them in the second one.
    """
    free = np.array([column.kind == "continuous" for column in space.columns])
    rows = _round(space, acquisition, rows.copy(), free)
    better = np.argsort(-acquisition.values(rows, sketch=True), kind="stable")[: -(-len(rows) // 2)]
    rows[better] = _round(space, acquisition, rows[better], free)
    return space.snap(rows)


def _round(space: SearchSpace, acquisition: Acquisition, rows: Array, free: Mask) -> Array:
    if not free.all():
        rows = _best_neighbors(space, acquisition, rows)
    return _climb(acquisition, rows, free) if free.any() else rows


def _best_neighbors(space: SearchSpace, acquisition: Acquisition, rows: Array) -> Array:
    options = [np.concatenate([row[None, :], neighbors(space, row)]) for row in rows]
    values = acquisition.values(np.concatenate(options), sketch=True)
    ends = np.cumsum([len(part) for part in options])[:-1]
    best = [int(np.argmax(part)) for part in np.split(values, ends)]
    return np.stack([part[i] for part, i in zip(options, best, strict=True)])


def _climb(acquisition: Acquisition, rows: Array, free: Mask) -> Array:
    """Maximize all rows at once. The gradient of the summed acquisition with respect to a row is that row's own."""
    base = as_tensor(rows)
    index = torch.tensor(np.flatnonzero(free))
    shape = (len(rows), int(free.sum()))

    def negative(flat: Array) -> tuple[float, Array]:
        part = torch.tensor(flat.reshape(shape), requires_grad=True)
        value = -acquisition(base.index_copy(1, index, part), sketch=True).sum()
        (gradient,) = torch.autograd.grad(value, part)
        return float(value.detach()), gradient.numpy().reshape(-1).copy()

    start = np.clip(rows[:, free], 0.0, 1.0).reshape(-1)
    value, gradient = negative(start)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        return rows
    result = minimize(
        negative,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 1.0)] * len(start),
        options={"maxiter": ITERATIONS, "ftol": ACCURACY},
    )
    out = rows.copy()
    if np.isfinite(result.x).all() and result.fun <= value:
        out[:, free] = result.x.reshape(shape)
    return out
