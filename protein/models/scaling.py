"""Standardization of targets, robust to outliers and to overflow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protein.arrays import Array


@dataclass(frozen=True, slots=True)
class Standardization:
    """z = (max(y, floor) - shift) / scale."""

    shift: float = 0.0
    scale: float = 1.0
    floor: float = -np.inf

    def forward(self, y: Array) -> Array:
        """Standardized values (n,) of `y` (n,)."""
        # Halved first: the difference of two large numbers of opposite sign would overflow.
        half = np.maximum(y, self.floor) / 2 - self.shift / 2
        out: Array = half / (self.scale / 2)
        return out

    def backward(self, z: Array) -> Array:
        """The values (n,) that standardize to `z` (n,)."""
        with np.errstate(over="ignore"):
            return np.clip(self.shift + self.scale * z, -1e308, 1e308)


def standardize(y: Array, *, clip: bool) -> Standardization:
    """Standardization of finite values `y` (n,) to mean 0 and variance 1.

    With `clip`, values below median - 2 IQR are raised to it, so that catastrophic scores do not dominate the scale. If
    all values are equal, the scale is 1.
    """
    if len(y) == 0:
        return Standardization()
    size = float(np.abs(y).max())
    unit = size if size > 1e100 else 1.0
    scaled = y / unit
    floor = -np.inf
    if clip and len(y) >= 3:
        low, median, high = np.quantile(scaled, [0.25, 0.5, 0.75])
        spread = high - low
        if spread > 0:
            floor = float(median - 2 * spread)
    kept = np.maximum(scaled, floor)
    shift, deviation = float(kept.mean()), float(kept.std())
    if not deviation > 1e-12 * max(1.0, abs(shift)) or deviation * unit < 1e-290:
        deviation = 1.0 / unit
    return Standardization(shift * unit, deviation * unit, floor * unit)
