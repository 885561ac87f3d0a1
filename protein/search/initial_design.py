"""The initial design: the points that are suggested before the first model.

It consists of the search center and scrambled Sobol points over the whole box. In the Sobol points, every cost
parameter (`scale: time`) is at most 16 times its minimum, so that the first runs explore the space cheaply. Every
second point, from the first one after the center on, is drawn closer to the center, by the weight of the center
(`prior_weight`): a center that was chosen well says where to search, and the other points do not depend on it.
The default size is d + 1 points for d parameters, but at most 5, including the center. The design goes on as long as
no two scores differ, without regard to the center. After three times its size, each further point may have a cost
parameter twice as large: what cheap runs do not show, longer ones may.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from protein.arrays import Array, sobol
from protein.search.candidates import row_key
from protein.searchspace.design import PRIOR_WEIGHT, design_size
from protein.settings import ProteinSettings
from protein.space import Column, SearchSpace

if TYPE_CHECKING:
    from protein.models.model_set import Models

CHEAP_SIZES = 3
"""Multiple of the design's size up to which cost parameters stay low: points that violate a constraint count, too."""
MAX_COST_FACTOR = 16
"""Largest multiple of its minimum that a cost parameter has in the design."""


EXTRA_POINTS = 64
"""Additional points of the design. They replace points that are taken or violate a constraint."""
SAME_POINT = 1e-6
"""Largest difference of unit coordinates at which two points of the design count as equal."""


def initial_design_size(space: SearchSpace, settings: ProteinSettings) -> int:
    """Number of points of the initial design, including the center: num_random_samples, or d + 1, but at most 5."""
    return design_size(len(space.names), settings.num_random_samples, center=settings.seed_with_search_center)


def initial_design(space: SearchSpace, settings: ProteinSettings, seed: int, count: int) -> Array:
    """The first `count` points (count, dim) of the design. A longer design begins with the shorter one."""
    center = space.center_unit[None, :] if settings.seed_with_search_center else np.zeros((0, space.dim))
    rest = max(count - len(center), 0)
    if rest == 0:
        return space.snap(center[:count])
    drawn = sobol(space.dim, rest, np.random.default_rng([seed, 1]))
    size = initial_design_size(space, settings)
    regular = CHEAP_SIZES * size - len(center)
    factors = MAX_COST_FACTOR * 2.0 ** np.clip(np.arange(rest) - regular + 1, 0, 900)
    limits = {factor: column_limits(space, factor) for factor in set(factors.tolist())}
    top = np.array([limits[factor] for factor in factors.tolist()])
    points = drawn * top
    near = (np.arange(rest) % 2 == 0) & (np.arange(rest) < size - len(center))
    middle = np.minimum(space.center_unit, top[near])
    points[near] = middle + (1 - prior_weights(space, settings)) * (points[near] - middle)
    return space.snap(np.concatenate([center, points]))


def prior_weights(space: SearchSpace, settings: ProteinSettings) -> Array:
    """Weight (dim,) of the search center in each column: that of its parameter, or that of the settings."""
    own = [space.parameters[column.parameter].prior_weight for column in space.columns]
    default = PRIOR_WEIGHT if settings.prior_weight is None else settings.prior_weight
    return np.array([default if weight is None else weight for weight in own])


class Design:
    """The points of the initial design that satisfy the constraints. It grows as its points are taken."""

    def __init__(
        self, space: SearchSpace, settings: ProteinSettings, seed: int, allowed: Callable[[Mapping[str, Any]], bool]
    ) -> None:
        self._space, self._settings, self._seed, self._allowed = space, settings, seed, allowed
        self._known: list[tuple[bytes, Array, Mapping[str, Any] | None]] = []
        """Key, row and configuration of each point; None if it violates a constraint."""

    def untaken(self, taken: Array, *, every: bool) -> list[Mapping[str, Any]]:
        """The first point that differs from all rows ``taken`` (n, dim), or every such point. Empty without one."""
        self._grow(max(initial_design_size(self._space, self._settings), len(taken) + 1) + EXTRA_POINTS)
        keys, found = {row_key(row) for row in taken}, []
        for key, row, flat in self._known:
            if flat is None or key in keys or _is_near(row, taken):
                continue
            found.append(flat)
            if not every:
                break
        return found

    def _grow(self, count: int) -> None:
        if len(self._known) >= count:
            return
        rows = initial_design(self._space, self._settings, self._seed, max(count, 2 * len(self._known)))
        for row in rows[len(self._known) :]:
            flat = self._space.decode(row)
            self._known.append((row_key(row), row, flat if self._allowed(flat) else None))


def select(
    options: Sequence[Mapping[str, Any]],
    rows: Array,
    models: Models,
    settings: ProteinSettings,
    payable: float | None,
) -> tuple[Mapping[str, Any], bool] | None:
    """The first of the options, `rows` (m, dim), that is payable, likely to succeed and within max_suggestion_cost.

    If some runs failed, an option is kept with its probability of success, at least the most likely one. The draw
    belongs to the point: one that is not kept comes back only when its probability rises. If none is within the cost
    cap, the cheapest one is returned, with True. None: no option is payable.
    """
    left = np.arange(len(rows))
    history = models.history
    if payable is not None:
        left = left[models.payable(rows, payable)]
        if len(left) == 0:
            return None
    if history.mixed:
        success = models.feasibility.predict(rows[left])
        drawn = np.array([zlib.crc32(row.tobytes()) / 2**32 for row in rows[left]])
        kept = left[drawn < success]
        left = kept if len(kept) else left[[int(np.argmax(success))]]
    cap = settings.max_suggestion_cost
    if cap is None or not models.predicts_cost:
        return options[int(left[0])], False
    costs = models.predict_cost(rows[left])
    below = left[costs <= cap]
    return (options[int(below[0])], False) if len(below) else (options[int(left[int(np.argmin(costs))])], True)


def _is_near(row: Array, rows: Array) -> bool:
    """Whether one of the rows is the same point: a center of another program can differ in the last bit."""
    return len(rows) > 0 and float(np.abs(rows - row).max(axis=1).min()) <= SAME_POINT


def column_limits(space: SearchSpace, factor: float = MAX_COST_FACTOR) -> Array:
    """Largest unit coordinate (dim,) of each column in the design: 1, or less for a cost parameter.

    factor: largest multiple of its minimum that a cost parameter may have.
    """
    limits = np.ones(space.dim)
    top: dict[str, Any] = {}
    cost_parameters: set[str] = set()
    for name, parameter in space.parameters.items():
        low, high = parameter.min, parameter.max
        if parameter.scale == "time" and low is not None and high is not None and 0 < factor * low < high:
            cost_parameters.add(name)
            top[name] = factor * low
    row = space.encode(top)
    for j, column in enumerate(space.columns):
        if column.parameter in cost_parameters:
            limits[j] = row[j] if column.grid is None else _end_of_cell(column, row[j])
    return limits


def _end_of_cell(column: Column, unit: float) -> float:
    """Where the cell of a grid ends that holds a coordinate: halfway to the next one."""
    cell = column.to_cells(np.array([unit]))
    return 1.0 if cell[0] == column.last_cell else float(column.to_units(np.append(cell, cell + 1)).mean())
