"""Parses each version of an object once: most objects do not change between passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from sweep_operator.kube.protocol import Object

T = TypeVar("T")


class Reader(Generic[T]):
    """A cache keyed by the identity of the stored object: the store replaces objects and never modifies them."""

    def __init__(self, read: Callable[[Object], T]) -> None:
        self._read = read
        self._known: dict[int, tuple[Object, T]] = {}

    def all(self, objects: Iterable[Object]) -> list[T]:
        """Parsed values of ``objects``. Entries of other objects are dropped."""
        known, self._known = self._known, {}
        for obj in objects:
            entry = known.get(id(obj)) or (obj, self._read(obj))  # the entry holds obj, so its id is its own
            self._known[id(obj)] = entry
        return [value for _, value in self._known.values()]
