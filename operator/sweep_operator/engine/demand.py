"""How many suggestions free slots need at once: runs that began together often end together."""

from __future__ import annotations

import math
from collections.abc import Callable

KEPT = 7 / 8
"""Share of the suggestions at hand that remains after a request that no slot has waited for."""


class Demand:
    """Learned from what slots waited for, because the ends of runs cannot be known."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first_seconds = 0.0
        """From the latest request to its first suggestion."""
        self._latest_use = -math.inf
        self.at_once = 0
        """How many suggestions to have at hand, so that no slot waits."""

    def used(self) -> None:
        """Note that suggestions at hand became runs."""
        self._latest_use = self._clock()

    def answered(self, seconds: float, waiting: int, slots: int) -> None:
        """Note the first suggestion of a request, after so many seconds, and how many of the slots wait by then."""
        self._first_seconds = seconds
        self.at_once = min(self.at_once + waiting, slots) if waiting else int(self.at_once * KEPT)

    @property
    def busy_for(self) -> float:
        """Seconds until slots have not become free for so long that a new request would not come too late for its
        first index."""
        return max(0.0, self._latest_use + self._first_seconds - self._clock())
