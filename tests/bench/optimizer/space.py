"""The search space of a task: distributions and conditions, independent of protein's own code.

A dimension is a plain dict, as in a sweep file::

    {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3, "scale": "auto"}

Each has a *coordinate*, the monotone transform in which the distribution is uniform (log10 x, log2 x, log10(1 - x)).
The value of a choice is the index of its category. A parameter with `when` matters only for some categories of another
parameter; it always has a value.
Peers that only know "float in [lo, hi]" or "int in [lo, hi]" are given coordinates, so that every optimizer searches
the same warped space.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Params = Mapping[str, Any]

DISTRIBUTIONS = ("uniform", "int_uniform", "uniform_pow2", "log_normal", "int_log_normal", "logit_normal", "choice")


@dataclass(frozen=True)
class Dim:
    """One parameter. Raises ValueError for an unknown distribution or bounds in the wrong order."""

    name: str
    distribution: str
    min: float
    max: float
    mean: float
    scale: float | str = "auto"
    when: tuple[str, tuple[int, ...]] | None = None
    """A choice, and its categories for which this parameter matters."""

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise ValueError(f"{self.name}.distribution: {self.distribution!r} is unknown; use one of {DISTRIBUTIONS}")
        if not self.min < self.max or not self.min <= self.mean <= self.max:
            raise ValueError(f"{self.name}.mean: need min < max and min <= {self.mean} <= max")

    @property
    def is_int(self) -> bool:
        """Whether the coordinate is an integer."""
        return self.distribution in ("int_uniform", "uniform_pow2", "choice")

    def coord(self, value: float) -> float:
        """The coordinate of a value."""
        if self.distribution in ("uniform", "int_uniform", "choice"):
            return float(value)
        if self.distribution == "uniform_pow2":
            return math.log2(value)
        if self.distribution in ("log_normal", "int_log_normal"):
            return math.log10(value)
        return math.log10(1.0 - value)  # logit_normal, as Protein defines it: for rates near 1

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper end in coordinates."""
        lo, hi = self.coord(self.min), self.coord(self.max)
        return (lo, hi) if lo < hi else (hi, lo)

    def value(self, coord: float) -> float | int:
        """The value at a coordinate, within the bounds and on the grid."""
        lo, hi = self.bounds
        coord = min(max(float(coord), lo), hi)
        if self.distribution in ("int_uniform", "choice"):
            return round(coord)
        if self.distribution == "int_log_normal":
            return round(min(max(10.0**coord, self.min), self.max))
        if self.distribution == "uniform_pow2":
            return int(2 ** round(coord))
        if self.distribution == "log_normal":
            value = 10.0**coord
        elif self.distribution == "logit_normal":
            value = 1.0 - 10.0**coord
        else:
            value = coord
        return float(min(max(value, self.min), self.max))

    def to_unit(self, value: float) -> float:
        """Position in [0, 1], increasing in the value."""
        a, b = self.coord(self.min), self.coord(self.max)
        return (self.coord(value) - a) / (b - a)

    def from_unit(self, u: float) -> float | int:
        """The value at a position in [0, 1]."""
        a, b = self.coord(self.min), self.coord(self.max)
        return self.value(a + min(max(float(u), 0.0), 1.0) * (b - a))

    def spec(self) -> dict[str, Any]:
        """As a sweep file says it."""
        return {key: value for key, value in asdict(self).items() if key != "name" and value is not None}


class Space:
    """Dimensions in order."""

    def __init__(self, dims: Sequence[Dim]) -> None:
        self.dims = list(dims)
        self.names = [d.name for d in dims]

    def __len__(self) -> int:
        return len(self.dims)

    def center(self) -> dict[str, Any]:
        """The search center, the first evaluation of every run."""
        return {d.name: d.value(d.coord(d.mean)) for d in self.dims}

    def from_unit(self, u: Sequence[float] | Array) -> dict[str, Any]:
        """Parameters at a point (d,) of the unit box."""
        return {d.name: d.from_unit(x) for d, x in zip(self.dims, u, strict=True)}

    def to_unit(self, params: Params) -> Array:
        """The point (d,) of the unit box."""
        return np.array([d.to_unit(params[d.name]) for d in self.dims])

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Uniform in the unit box."""
        return self.from_unit(rng.random(len(self)))

    def spec(self) -> dict[str, dict[str, Any]]:
        """As a sweep file says it, by name."""
        return {d.name: d.spec() for d in self.dims}


def space_of(spec: Mapping[str, Mapping[str, Any]]) -> Space:
    """The space that `Space.spec` described."""
    return Space([Dim(name, **fields) for name, fields in spec.items()])
