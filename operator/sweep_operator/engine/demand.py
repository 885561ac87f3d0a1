"""How many suggestions free slots need at once: runs that began together often end together."""

from __future__ import annotations

import math
from collections.abc import Callable

KEPT = 7 / 8
"""Share of ``at_once`` that remains after a request that no slot has waited for."""


class Demand:
    """Learned from what slots have waited for, because the ends of runs cannot be known."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first_seconds = 0.0
        """From the latest request to its first suggestion."""
        self._latest_use = -math.inf
        self._busy_until = -math.inf
        self.at_once = 0
        """How many suggestions to have at hand, so that no slot waits."""

    def note_use(self) -> None:
        """A suggestion at hand became a run."""
        now = self._clock()
        if now - self._latest_use < self._first_seconds:
            self._busy_until = now + self._first_seconds
        self._latest_use = now

    def note_first(self, seconds: float, waiting: int, slots: int) -> None:
        """A request got its first suggestion after so many seconds; so many of the slots wait for one by then."""
        self._first_seconds = seconds
        self.at_once = min(self.at_once + waiting, slots) if waiting else int(self.at_once * KEPT)

    @property
    def busy_seconds(self) -> float:
        """For how long slots count as becoming free so fast that a new request would come too late for its first index.

        One use alone does not count: the next one may be far away.
        """
        return max(0.0, self._busy_until - self._clock())
