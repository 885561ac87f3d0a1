"""Types of arrays, and points that fill the unit box evenly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from protein.sobol import SobolSequence

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


def sobol(dim: int, count: int, seed: np.random.Generator) -> Array:
    """The first ``count`` points (count, dim) of a scrambled Sobol sequence in the unit box."""
    return SobolSequence(dim, seed).points(0, count)
