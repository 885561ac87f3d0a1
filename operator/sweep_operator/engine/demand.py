"""How many suggestions free slots need at once: runs that began together often end together."""

from __future__ import annotations

import math
from collections.abc import Callable

KEPT = 3 / 4
"""Share of ``at_once`` that remains after each slot got a suggestion and none waited: runs that began together end
together once in that time, with many requests between."""


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
        self._enough = 0
        """``at_once`` when no slot waited last."""
        self._uses = 0
        """Since a slot waited, or since ``at_once`` became less."""

    def note_use(self, slots: int) -> None:
        """A suggestion at hand became a run of a Sweep with so many slots."""
        now = self._clock()
        if now - self._latest_use < self._first_seconds:
            self._busy_until = now + self._first_seconds
        self._latest_use = now
        self._uses += 1
        if self._uses >= slots:
            self.at_once = self._enough = int(self.at_once * KEPT)
            self._uses = 0

    def note_first(self, seconds: float, waiting: int, slots: int) -> None:
        """A request got its first suggestion after so many seconds; so many of the slots wait for one by then.

        The slots that wait for several requests in a row are of one burst.
        """
        self._first_seconds = seconds
        if waiting:
            self.at_once = max(self.at_once, min(self._enough + waiting, slots))
            self._uses = 0
        else:
            self._enough = self.at_once

    @property
    def busy_seconds(self) -> float:
        """For how long slots count as becoming free so fast that a new request would come too late for its first index.

        One use alone does not count: the next one may be far away.
        """
        return max(0.0, self._busy_until - self._clock())
