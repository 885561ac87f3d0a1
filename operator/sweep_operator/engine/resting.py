"""Which runs of a Sweep need a decision: those that are awake. The others rest, until a time or for good."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime


class Resting:
    """Runs by name."""

    def __init__(self) -> None:
        self.awake: set[str] = set()
        self._until: dict[str, datetime] = {}
        self._order: list[tuple[datetime, str]] = []
        """A heap; entries that ``_until`` does not confirm are void."""

    def wake(self, runs: Iterable[str]) -> None:
        """Decide about these runs in the next pass."""
        for run in runs:
            self.awake.add(run)
            self._until.pop(run, None)

    def wake_due(self, now: datetime) -> None:
        """Wake those whose time has come."""
        while self.until is not None and self.until <= now:
            self.wake([self._order[0][1]])

    def rest(self, run: str, until: datetime | None) -> None:
        """Leave a run out until then; None: until it is woken."""
        self.awake.discard(run)
        if until is None:
            return
        self._until[run] = until
        heapq.heappush(self._order, (until, run))
        if len(self._order) > 2 * len(self._until) + 64:
            self._order = sorted((at, name) for name, at in self._until.items())

    def forget(self, run: str) -> None:
        """Drop a run that no longer exists."""
        self.awake.discard(run)
        self._until.pop(run, None)

    @property
    def until(self) -> datetime | None:
        """When the next run wakes up."""
        while self._order and self._until.get(self._order[0][1]) != self._order[0][0]:
            heapq.heappop(self._order)
        return self._order[0][0] if self._order else None
