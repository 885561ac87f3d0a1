"""Types of arrays, and points that fill the unit box evenly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


def sobol(dim: int, count: int, seed: np.random.Generator) -> Array:
    """The first ``count`` points (count, dim) of a scrambled Sobol sequence in the unit box.

    scipy.stats takes a second to import, so it is imported here: what needs no such points does without it.
    """
    from scipy.stats import qmc

    # Sobol points are balanced over blocks whose size is a power of two.
    points: Array = qmc.Sobol(dim, scramble=True, seed=seed).random_base2(max(count - 1, 0).bit_length())
    return points[:count]
