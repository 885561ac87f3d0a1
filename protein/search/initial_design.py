"""The start-up design: the points tried before the models are asked.

The search center, then scrambled Sobol points over the whole box, with every cost dial held to at most 16 times its
minimum: the first runs should teach the shape of the space, not spend the budget. A cost dial is a parameter with
`scale: time`. By default d + 1 points for d parameters, the center among them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from protein.settings import ProteinSettings
from protein.space import SearchSpace

Array = npt.NDArray[np.float64]

DIAL_FACTOR = 16


def initial_design_size(space: SearchSpace, settings: ProteinSettings) -> int:
    """How many suggestions the design makes: num_random_samples, the center among them, or d + 1."""
    chosen = settings.num_random_samples
    count = len(space.names) + 1 if chosen is None else chosen
    return max(count, 1) if settings.seed_with_search_center else count


def initial_design(space: SearchSpace, settings: ProteinSettings, seed: int, count: int) -> Array:
    """The first `count` points (count, dim) of the design; a longer one begins with the shorter one."""
    center = space.center_unit[None, :] if settings.seed_with_search_center else np.zeros((0, space.dim))
    rest = max(count - len(center), 0)
    if rest == 0:
        return space.snap(center[:count])
    # the sequence is drawn in blocks of a power of two, over which Sobol points are balanced
    sobol = qmc.Sobol(space.dim, scramble=True, seed=np.random.default_rng([seed, 1]))
    drawn = sobol.random_base2(int(rest - 1).bit_length())[:rest] * dial_limits(space)
    return space.snap(np.concatenate([center, drawn]))


def dial_limits(space: SearchSpace) -> Array:
    """Largest unit coordinate (dim,) of each column in the design: 1, or less for a cost dial."""
    limits = np.ones(space.dim)
    top: dict[str, Any] = {}
    dials: set[str] = set()
    for name, parameter in space.parameters.items():
        low, high = parameter.min, parameter.max
        if parameter.scale == "time" and low is not None and high is not None and 0 < DIAL_FACTOR * low < high:
            dials.add(name)
            top[name] = DIAL_FACTOR * low
    row = space.encode(top)
    for j, column in enumerate(space.columns):
        if column.parameter in dials:
            limits[j] = min(row[j] + column.step / 2, 1.0)  # the whole of a grid's last cell
    return limits
