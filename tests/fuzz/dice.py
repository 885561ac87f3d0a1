"""Randomness by seed. Each source of faults has its own stream, so that one can be turned off to narrow a failure."""

from __future__ import annotations

import random
from collections.abc import Iterable


class Dice:
    """Streams by name. ``without``: names whose ``chance`` never comes."""

    def __init__(self, seed: int, without: Iterable[str] = ()) -> None:
        self._seed, self.without = seed, frozenset(without)
        self._streams: dict[str, random.Random] = {}
        self.calm = False
        """No more faults."""

    def __getitem__(self, name: str) -> random.Random:
        """The stream of that name."""
        if name not in self._streams:
            self._streams[name] = random.Random(f"{self._seed}/{name}")
        return self._streams[name]

    def chance(self, name: str, probability: float) -> bool:
        """Whether a fault of this name happens now."""
        hit = self[name].random() < probability
        return hit and not self.calm and name not in self.without

    def chosen(self, name: str, probability: float) -> bool:
        """A property of the whole schedule."""
        return self[name].random() < probability and name not in self.without
