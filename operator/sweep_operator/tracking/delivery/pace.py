"""When a delivery may be tried again, and how many runs a project may be sent: pure arithmetic on a clock given."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

FIRST_RETRY = 2.0
LAST_RETRY = 300.0
"""Seconds between attempts while W&B does not answer: doubled each time, up to this."""
FIRST_REPAIR = 300.0
LAST_REPAIR = 3600.0
"""The same where a person has to mend something first."""
TOLD_AFTER = 3
"""Failures in a row after which a trouble that passes by itself is worth a condition."""


@dataclass
class Backoff:
    """The failures in a row of one thing."""

    failures: int = 0
    not_before: float = 0.0

    def failed(self, now: float, *, permanent: bool, jitter: Callable[[], float] = random.random) -> None:
        """Another failure: wait longer."""
        first, last = (FIRST_REPAIR, LAST_REPAIR) if permanent else (FIRST_RETRY, LAST_RETRY)
        delay = min(last, first * 2.0 ** min(self.failures, 20))
        self.failures += 1
        self.not_before = now + delay * (0.5 + jitter() / 2)

    def wait(self, now: float) -> float:
        """Seconds until it may be tried."""
        return max(0.0, self.not_before - now)


class Rate:
    """So many per minute, a quarter of a minute's worth at once."""

    def __init__(self, per_minute: float) -> None:
        self._per_second = per_minute / 60
        self._most = max(1.0, per_minute / 4)
        self._left, self._at = self._most, 0.0

    def available(self, now: float) -> int:
        """How many may go now."""
        self._left = min(self._most, self._left + max(0.0, now - self._at) * self._per_second)
        self._at = now
        return int(self._left)

    def take(self, count: int) -> None:
        """So many go."""
        self._left -= count

    def wait(self, now: float, count: int = 1) -> float:
        """Seconds until so many may go (at most those that ever may at once)."""
        wanted = min(count, int(self._most))
        return 0.0 if self.available(now) >= wanted else (wanted - self._left) / self._per_second
