"""Unit coordinates: each maps a value to [0, 1], monotonically, and back.

A distribution is uniform in its coordinate. The ends are exact: coordinate 0 is ``min`` and 1 is ``max``, to the last
bit. A grid divides the coordinate into cells, one per value. The cell of an end value lies around it too, so that the
end values are not half as likely as their neighbors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol

Value = bool | int | float | str


class Coordinate(Protocol):
    """One model coordinate of a parameter."""

    @property
    def cells(self) -> Sequence[Value]:
        """The values of a grid, in order; empty for a continuous coordinate."""
        ...

    def to_unit(self, value: Any) -> float:
        """The coordinate of a value: in [0, 1] within the bounds, extrapolated (and finite) beyond them."""
        ...

    def from_unit(self, unit: float) -> Value:
        """The value at a coordinate, clipped to the bounds, on the grid."""
        ...


@dataclass(frozen=True)
class Continuous:
    """A monotone transform of an interval. ``forward`` is increasing on it; ``inverse`` undoes it."""

    low: float
    high: float
    forward: Callable[[float], float]
    inverse: Callable[[float], float]
    cells: Sequence[Value] = ()

    def to_unit(self, value: Any) -> float:
        begin, end = self.forward(self.low), self.forward(self.high)
        number = float(value)
        if number == self.low:
            return 0.0
        if number == self.high:
            return 1.0
        try:
            at = self.forward(number)
        except (ValueError, ZeroDivisionError, OverflowError):
            at = begin if number < self.low else end  # beyond where the transform is defined
        unit = (at - begin) / (end - begin)
        return min(max(unit, -1e3), 1e3) if math.isfinite(unit) else (0.0 if number < self.low else 1.0)

    def from_unit(self, unit: float) -> float:
        if unit <= 0:
            return self.low
        if unit >= 1:
            return self.high
        begin, end = self.forward(self.low), self.forward(self.high)
        return min(max(self.inverse(begin + unit * (end - begin)), self.low), self.high)


@dataclass(frozen=True)
class Grid:
    """Equally likely cells, with centers at (i + 0.5) / k. ``position`` maps any value to a (fractional) index."""

    cells: Sequence[Value]
    position: Callable[[Any], float]

    def to_unit(self, value: Any) -> float:
        return (self.position(value) + 0.5) / len(self.cells)

    def from_unit(self, unit: float) -> Value:
        return self.cells[self.index(unit)]

    def index(self, unit: float) -> int:
        """The cell that holds a coordinate."""
        return min(max(math.floor(unit * len(self.cells)), 0), len(self.cells) - 1)


@dataclass(frozen=True)
class LogGrid:
    """Numbers at equal distances, uniform in log x: every cell holds what is nearest to its number in log x."""

    low: int
    high: int
    step: int

    @cached_property
    def cells(self) -> Sequence[int]:
        return range(self.low, self.high + 1, self.step)

    def to_unit(self, value: Any) -> float:
        if value <= 0:  # beyond where the logarithm is defined
            return 0.0
        first, last = self._edges
        return (math.log(value) - first) / (last - first)

    def from_unit(self, unit: float) -> Value:
        return self.cells[self.index(unit)]

    def index(self, unit: float) -> int:
        """The cell that holds a coordinate."""
        if unit >= 1:
            return len(self.cells) - 1
        first, last = self._edges
        value = math.exp(first + max(unit, 0.0) * (last - first))
        lower = min(max(math.floor((value - self.low) / self.step), 0), len(self.cells) - 2)
        below, above = self.cells[lower], self.cells[lower + 1]
        return lower + (value > math.sqrt(below * above))

    @cached_property
    def _edges(self) -> tuple[float, float]:
        """Where the first cell begins and the last one ends, in log x: as far from its number as its other edge."""
        cells = self.cells
        first, second, before, last = (math.log(cells[i]) for i in (0, 1, -2, -1))
        return first - (second - first) / 2, last + (last - before) / 2


def uniform(low: float, high: float) -> Continuous:
    """Uniform in x."""
    return Continuous(low, high, lambda x: x, lambda t: t)


def log_uniform(low: float, high: float) -> Continuous:
    """Uniform in log x: for what varies over orders of magnitude."""
    return Continuous(low, high, math.log, math.exp)


def logit_near_one(low: float, high: float) -> Continuous:
    """Uniform in -log(1 - x): for rates near 1 (discounts, momenta), where 0.99 and 0.999 are far apart."""
    return Continuous(low, high, lambda x: -math.log1p(-x), lambda t: -math.expm1(-t))


def logit_symmetric(low: float, high: float) -> Continuous:
    """Uniform in log(x / (1 - x)): for probabilities where both ends matter."""
    return Continuous(low, high, lambda x: math.log(x) - math.log1p(-x), lambda t: 1 / (1 + math.exp(-t)))


def stepped(low: float, high: float, step: float, *, integer: bool) -> Grid:
    """low, low + step, ... up to high. Steps are added as decimals, so that 0.1 + 2 * 0.1 is 0.3."""
    first, width = Decimal(repr(low)), Decimal(repr(step))
    count = int((Decimal(repr(high)) - first) / width) + 1
    convert: Callable[[Decimal], Value] = int if integer else float
    return Grid(_Lazy(count, lambda i: convert(first + i * width)), lambda v: (float(v) - low) / step)


def powers_of_two(low: int, high: int) -> Grid:
    """low, 2 low, 4 low, ... high."""
    first = low.bit_length() - 1
    return Grid(
        [2**e for e in range(first, high.bit_length())],
        lambda v: (math.log2(v) if v > 0 else first) - first,
    )


def ordered(values: Sequence[Value]) -> Grid:
    """Values in a meaningful order."""
    return Grid(list(values), lambda v: float(_place(values, v)))


def _place(values: Sequence[Value], value: Any) -> int:
    """Index of a value. 1, True and "1" are different values."""
    for i, known in enumerate(values):
        if same(known, value):
            return i
    raise ValueError(f"{value!r} is not one of the values {list(values)}")


def same(a: Any, b: Any) -> bool:
    """Equality that distinguishes 1 from True."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


class _Lazy(Sequence[Value]):
    """The cells of a wide grid, computed on access."""

    def __init__(self, count: int, cell: Callable[[int], Value]) -> None:
        self._count, self._cell = count, cell

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._cell(i) for i in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._cell(index % self._count)
