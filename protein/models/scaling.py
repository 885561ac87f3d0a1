"""Standardization of targets. It has no absolute tolerance, and outliers and extreme units do not disturb it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from protein.arrays import Array

EQUAL = 2.0**-49
"""Standard deviation, relative to the largest value, up to which values count as equal: rounding errors."""
FAR = 1e6
"""Values this many times larger than all others are overflows: of the highest tenth, and at least of the highest."""
OVERFLOW = 0.1
"""Width of the range that overflows are moved to, as a share of the range of the other values, which lies below."""


@dataclass(frozen=True, slots=True)
class Standardization:
    """z = (v - center) / deviation, where v is y / unit with the outliers of both sides moved closer.

    unit: a power of two, so that the division is exact. floor: lower bound of y. knee, top: the range of y that is
    mapped to `width` above the knee, in units. constant: all values are equal, or there are none.
    """

    center: float = 0.0
    deviation: float = 1.0
    unit: float = 1.0
    floor: float = -math.inf
    knee: float = math.inf
    top: float = math.inf
    width: float = 0.0
    constant: bool = True

    @property
    def scale(self) -> float:
        """Difference of y for a difference of 1 in z."""
        return self.deviation * self.unit

    @property
    def shift(self) -> float:
        """The y of z = 0."""
        return self.center * self.unit

    def forward(self, y: Array) -> Array:
        """Standardized values (n,) of `y` (n,)."""
        out: Array = (self.limit(y) - self.center) / self.deviation
        return out

    def limit(self, y: Array) -> Array:
        """Values v (n,)."""
        out: Array = np.clip(y, self.floor, self.knee) / self.unit
        if self.width > 0.0:
            # Halved first: the difference of two large numbers of opposite sign would overflow.
            out += self.width * np.maximum(y / 2 - self.knee / 2, 0.0) / (self.top / 2 - self.knee / 2)
        return out

    def backward(self, z: Array) -> Array:
        """The values (n,) that standardize to `z` (n,)."""
        with np.errstate(over="ignore"):
            return np.clip((self.center + self.deviation * z) * self.unit, -1e308, 1e308)


def standardize(y: Array, *, clip: bool) -> Standardization:
    """Standardization of finite values `y` (n,) to mean 0 and variance 1.

    With `clip`, values below median - 2 IQR are raised to it, so that catastrophic scores do not dominate the scale.
    Overflows are moved closely above the highest other value. If all values are equal, z is 0.
    """
    floor, knee, top, width = -math.inf, math.inf, math.inf, 0.0
    if clip and len(y) >= 3:
        with np.errstate(over="ignore"):
            low, median, high = np.quantile(y / 4, [0.25, 0.5, 0.75])
            floor = float(4 * (median - 2 * (high - low))) if high > low else floor
        knee, top, width = _overflows(np.sort(np.maximum(y, floor)))
    size = float(np.abs(np.clip(y, floor, knee)).max(initial=0.0))
    # A power of two near the largest value; below this one, a deviation times the unit would underflow.
    unit = math.ldexp(1.0, max(math.frexp(size)[1] - 1, -1022)) if size else 1.0
    limits = Standardization(unit=unit, floor=floor, knee=knee, top=top, width=width / unit)
    v = limits.limit(y) if len(y) else np.zeros(1)
    center, deviation = float(v.mean()), float(v.std())
    if not deviation > EQUAL * float(np.abs(v).max()):
        return Standardization(center, 1.0, unit)
    return replace(limits, center=center, deviation=deviation, constant=False)


def _overflows(y: Array) -> tuple[float, float, float]:
    """The highest sorted value (n,) that is no overflow, the highest one, and the width for those between.

    (inf, inf, 0) without overflows.
    """
    for count in range(max(len(y) // 10, 1), 0, -1):
        lowest, knee, first, top = (float(y[i]) for i in (0, -count - 1, -count, -1))
        usual = max(abs(lowest), abs(knee), knee / 2 - lowest / 2)
        if lowest < knee and FAR * usual < first:
            return knee, top, OVERFLOW * (knee - lowest)
    return math.inf, math.inf, 0.0
