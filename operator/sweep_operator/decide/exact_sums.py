"""Sums of floats that do not depend on the order of the terms, and from which terms can be subtracted again."""

from __future__ import annotations

from collections import Counter

_UNIT = 1 << 1074
"""Every float is a whole number of its inverse."""


class ExactSums:
    """Sums by name. A new one is 0."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()

    def add(self, name: str, value: float, sign: int) -> None:
        """Add a term, or subtract it (``sign`` -1)."""
        numerator, denominator = value.as_integer_ratio()
        self._sums[name] += sign * numerator * (_UNIT // denominator)

    def __getitem__(self, name: str) -> float:
        """The exact sum, rounded once."""
        return self._sums[name] / _UNIT

    def copy(self) -> ExactSums:
        """An independent copy."""
        twin = ExactSums()
        twin._sums = self._sums.copy()
        return twin
