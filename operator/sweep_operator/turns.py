"""Turns at a few workers, fair to the owners of the work."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

W = TypeVar("W")
Owner = tuple[str, ...]
"""From the outside in: (namespace, sweep). The sweeps of a namespace share its turns."""


class Turns(Generic[W]):
    """One turn per owner at a time. Among the waiting owners, the one that has used the least time goes first.

    Start-time fair queueing (Goyal et al., 1996), at each level of the owners: first the namespace with the fewest
    turns in progress and the least time, then its owner. An owner that was idle counts from the present, so that it
    gains nothing from having been idle. An owner gets its last worker again if that is free.
    """

    def __init__(self, workers: Sequence[W], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._free, self._clock = list(workers), clock
        self._waiting: dict[Owner, deque[asyncio.Future[W]]] = {}
        self._busy: Counter[Owner] = Counter()
        """Turns in progress, by owner and by everything that it belongs to."""
        self._used: dict[Owner, float] = {}
        """The virtual time at which the next turn starts at the earliest."""
        self._now: dict[Owner, float] = {}
        """The virtual time among the parts of an owner; (): among the outermost ones."""
        self._served: dict[W, Owner] = {}
        """The owner of each worker's last turn."""

    @property
    def waited_for(self) -> bool:
        """Whether an owner waits that could have a turn now, if a worker were free."""
        return self._next() is not None

    @asynccontextmanager
    async def take(self, owner: Owner) -> AsyncIterator[W]:
        """Wait for a turn; yields its worker."""
        turn: asyncio.Future[W] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        self._grant()
        began = self._clock()
        try:
            worker = await turn
            began = self._clock()
            yield worker
        finally:
            if turn.done() and not turn.cancelled():
                self._end(owner, turn.result(), self._clock() - began)

    def _end(self, owner: Owner, worker: W, seconds: float) -> None:
        for part in _parts(owner):
            self._busy[part] -= 1
            self._used[part] = self._used.get(part, 0.0) + seconds
        self._busy = +self._busy
        self._free.append(worker)
        self._grant()

    def _grant(self) -> None:
        while self._free and (owner := self._next()) is not None:
            for part in _parts(owner):
                start = max(self._now.get(part[:-1], 0.0), self._used.get(part, 0.0))
                self._now[part[:-1]] = self._used[part] = start
                self._busy[part] += 1
            self._forget_idle()
            worker = next((w for w in self._free if self._served.get(w) == owner), self._free[-1])
            self._free.remove(worker)
            self._served[worker] = owner
            self._waiting[owner].popleft().set_result(worker)

    def _forget_idle(self) -> None:
        """Drop those who would start from the present anyway."""
        self._used = {p: u for p, u in self._used.items() if u > self._now.get(p[:-1], 0.0) or self._busy[p]}
        self._now = {p: now for p, now in self._now.items() if p == () or p in self._used}

    def _next(self) -> Owner | None:
        for owner, turns in list(self._waiting.items()):
            while turns and turns[0].done():  # canceled while it waited
                turns.popleft()
            if not turns:
                del self._waiting[owner]
        return min((o for o in self._waiting if not self._busy[o]), key=self._rank, default=None)

    def _rank(self, owner: Owner) -> list[tuple[int, float]]:
        return [(self._busy[part], self._used.get(part, 0.0)) for part in _parts(owner)]


def _parts(owner: Owner) -> list[Owner]:
    return [owner[: n + 1] for n in range(len(owner))]
