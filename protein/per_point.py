"""Results that are remembered per point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from protein.optimizer import Flat

T = TypeVar("T")


class PerPoint(Generic[T]):
    """A function of flat points, computed once for each of them: those of a batch stay pending for its later ones.

    The results are remembered by the identity of the points, and forgotten when a point is not asked for again.
    """

    def __init__(self, function: Callable[[Flat], T]) -> None:
        self._function = function
        self._known: dict[int, tuple[Flat, T]] = {}

    def all(self, points: Sequence[Flat]) -> list[T]:
        """The results for ``points``."""
        found = [(p, self._known.get(id(p))) for p in points]
        entries = [known if known and known[0] is p else (p, self._function(p)) for p, known in found]
        self._known = {id(p): (p, result) for p, result in entries}
        return [result for _, result in entries]
