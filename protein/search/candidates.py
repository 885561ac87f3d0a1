"""Candidate points: points spread over the whole box, and perturbations of good points at several distances.

All functions work on rows of the unit box (m, dim), are pure and need only numpy and scipy.
"""

from __future__ import annotations

import numpy as np

from protein.arrays import Array, sobol
from protein.space import Column, SearchSpace

MAX_CELLS = 2**21
"""Maximum number of coordinates in a set of candidates: 16 MB, however large the settings and the space are."""
DISTANCES = (0.5, 0.15, 0.05)
"""Standard deviations of perturbations, as fractions of a coordinate's range: global, regional and local search."""


def spread(space: SearchSpace, count: int, rng: np.random.Generator) -> Array:
    """`count` scrambled Sobol points (count, dim), snapped to the space's grid."""
    if count <= 0:
        return np.zeros((0, space.dim))
    return space.snap(sobol(space.dim, count, rng))


def perturb(space: SearchSpace, centers: Array, count: int, widths: Array, rng: np.random.Generator) -> Array:
    """`count` perturbations of each of `centers` (k, dim), snapped: (k * count, dim).

    Each perturbation changes a random non-empty subset of the parameters. `widths` (dim,) multiplies DISTANCES per
    column. A changed grid column moves by at least one step. A changed one-hot parameter gets another category.
    """
    if count <= 0 or len(centers) == 0:
        return np.zeros((0, space.dim))
    base = np.repeat(centers, count, axis=0)
    rows = len(base)
    owner = space.owner
    parameters = int(owner.max()) + 1
    chance = rng.choice([1.0, 0.5, 1.5 / parameters], size=(rows, 1))
    mask = rng.random((rows, parameters)) < chance
    mask[np.arange(rows), rng.integers(parameters, size=rows)] = True
    distance = rng.choice(DISTANCES, size=(rows, 1)) * widths
    moved = base + rng.standard_normal(base.shape) * distance
    direction = np.where(rng.random(base.shape) < 0.5, -1.0, 1.0)
    uniform = rng.random((rows, parameters))
    # A point on the edge that would leave the box moves inward instead.
    moved = np.where(np.clip(moved, 0.0, 1.0) == base, 2 * base - moved, moved)
    for j, column in enumerate(space.columns):
        if column.kind == "grid":
            moved[:, j] = _move_on_grid(column, base[:, j], moved[:, j], direction[:, j])
    for k in range(parameters):
        columns = np.flatnonzero(owner == k)
        if space.columns[columns[0]].kind == "onehot":
            moved[:, columns] = _other_category(base[:, columns], uniform[:, k])
    moved = np.where(mask[:, owner], moved, base)
    return space.snap(np.clip(moved, 0.0, 1.0))


def _move_on_grid(column: Column, base: Array, moved: Array, direction: Array) -> Array:
    """`moved` (m,), with every value that would snap back to `base` (m,) replaced by one step in `direction`."""
    cells = column.to_cells(base)
    stuck = column.to_cells(moved) == cells
    target = cells + direction.astype(np.int64)
    # A step beyond the end of the range is reversed.
    target = np.where((target < 0) | (target > column.last_cell), cells - direction.astype(np.int64), target)
    out: Array = np.where(stuck, column.to_units(np.clip(target, 0, column.last_cell)), moved)
    return out


def _other_category(onehot: Array, uniform: Array) -> Array:
    """One-hot rows (m, c) of a category other than that of `onehot` (m, c), chosen by `uniform` (m,) in [0, 1)."""
    count = onehot.shape[1]
    other = (onehot.argmax(axis=1) + 1 + np.floor(uniform * (count - 1)).astype(np.int64)) % count
    out: Array = np.eye(count)[other]
    return out


def neighbors(space: SearchSpace, row: Array) -> Array:
    """The points (m, dim) one grid step, or one category of a one-hot parameter, away from `row` (dim,).

    All of them, unless the space has more than a thousand columns: then those of evenly spaced columns.
    """
    owner = space.owner
    out: list[Array] = []
    for j in range(0, space.dim, -(-2 * space.dim**2 // MAX_CELLS)):
        column = space.columns[j]
        if column.kind == "grid":
            cells = column.to_cells(row[j : j + 1]) + np.array([-1, 1])
            for value in column.to_units(cells[(cells >= 0) & (cells <= column.last_cell)]):
                moved = row.copy()
                moved[j] = value
                out.append(moved)
        elif column.kind == "onehot" and row[j] < 0.5:
            moved = row.copy()
            moved[owner == owner[j]] = 0.0
            moved[j] = 1.0
            out.append(moved)
    return space.snap(np.clip(np.array(out), 0.0, 1.0)) if out else np.zeros((0, space.dim))


def row_key(row: Array) -> bytes:
    """Identity of one snapped row (dim,); see `row_keys`."""
    return row_keys(row[None, :])[0]


def row_keys(rows: Array) -> list[bytes]:
    """Identities of snapped rows (m, dim): equal if two rows represent the same values, up to rounding."""
    return [row.tobytes() for row in np.round(rows, 9) + 0.0]
