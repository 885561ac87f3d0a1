"""Reads objects once per version: most of a sweep's objects do not change from pass to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from sweep_operator.kube.protocol import Object

T = TypeVar("T")


class Reader(Generic[T]):
    """Keyed by the stored object itself: the store replaces objects, it never changes them."""

    def __init__(self, read: Callable[[Object], T]) -> None:
        self._read = read
        self._known: dict[int, tuple[Object, T]] = {}

    def all(self, objects: Iterable[Object]) -> list[T]:
        """What ``read`` makes of each. What is read of objects that are not among them any more is forgotten."""
        known, self._known = self._known, {}
        for obj in objects:
            entry = known.get(id(obj)) or (obj, self._read(obj))  # the entry holds obj, so its id is its own
            self._known[id(obj)] = entry
        return [value for _, value in self._known.values()]
