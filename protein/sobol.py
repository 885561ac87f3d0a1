"""Scrambled Sobol points, equal to those of scipy.stats.qmc.Sobol bit for bit.

scipy.stats takes two seconds and 80 MB to import. The first suggestions of a sweep need nothing else of it, so only the
table of direction numbers is read from its installation (Joe and Kuo 2008).
"""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

BITS = 30
_WEIGHTS = 2 ** np.arange(BITS, dtype=np.uint32)
_TABLE = "stats/_sobol_direction_numbers.npz"

Bits = npt.NDArray[np.uint32]


class SobolSequence:
    """The sequence of ``dim`` dimensions with a random linear matrix scramble and a random shift (Matousek 1998)."""

    def __init__(self, dim: int, rng: np.random.Generator) -> None:
        own = rng.spawn(1)[0]
        self._shift: Bits = own.integers(2, size=(dim, BITS), dtype=np.uint32) @ _WEIGHTS
        lower = np.tril(own.integers(2, size=(dim, BITS, BITS), dtype=np.uint32))
        lower[:, np.arange(BITS), np.arange(BITS)] = 1
        from_high = (_directions(dim)[:, :, None] >> np.arange(BITS - 1, -1, -1, dtype=np.uint32)) & 1
        scrambled = np.einsum("dpi,dji->djp", lower, from_high) & 1
        self._directions: Bits = scrambled @ _WEIGHTS[::-1]

    def points(self, start: int, count: int) -> npt.NDArray[np.float64]:
        """The points (count, dim) of the unit box from position ``start``."""
        position = np.arange(start, start + count, dtype=np.uint32)
        gray = position ^ (position >> 1)
        out = np.tile(self._shift, (count, 1))
        for bit in range(int(gray.max(initial=0)).bit_length()):
            out ^= ((gray >> bit) & 1)[:, None] * self._directions[:, bit]
        points: npt.NDArray[np.float64] = out.astype(np.float64) * 2.0**-BITS
        return points


@functools.lru_cache(maxsize=4)
def _directions(dim: int) -> Bits:
    """The direction numbers (dim, BITS) before scrambling, highest bit first."""
    found = find_spec("scipy")
    assert found is not None
    assert found.origin is not None
    with np.load(Path(found.origin).parent / _TABLE) as table:
        polynomials, initial = table["poly"][:dim], table["vinit"][:dim]
    numbers = np.ones((dim, BITS), dtype=np.uint32)
    for d in range(1, dim):
        polynomial = int(polynomials[d])
        degree = polynomial.bit_length() - 1
        row = [int(v) for v in initial[d, :degree]]
        for j in range(degree, BITS):
            value = row[j - degree]
            for k in range(degree):
                if polynomial >> (degree - 1 - k) & 1:
                    value ^= row[j - k - 1] << (k + 1)
            row.append(value)
        numbers[d] = row[:BITS]
    return numbers * _WEIGHTS[::-1]
