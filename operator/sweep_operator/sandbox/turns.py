"""Turns at a few workers, fair to the owners of the work."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

W = TypeVar("W")


class Turns(Generic[W]):
    """One turn per owner at a time. Among the waiting owners, the one that has used the least time goes first.

    Start-time fair queueing (Goyal et al., 1996): an owner that was idle counts from the present, so that it gains
    nothing from having been idle.
    """

    def __init__(self, workers: Sequence[W], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._free, self._clock = list(workers), clock
        self._waiting: dict[str, deque[asyncio.Future[W]]] = {}
        self._busy: set[str] = set()
        self._used: dict[str, float] = {}
        """By owner: the virtual time at which its next turn starts at the earliest."""
        self._now = 0.0

    @asynccontextmanager
    async def take(self, owner: str) -> AsyncIterator[W]:
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

    def _end(self, owner: str, worker: W, seconds: float) -> None:
        self._busy.remove(owner)
        self._used[owner] += seconds
        self._free.append(worker)
        self._grant()

    def _grant(self) -> None:
        while self._free and (owner := self._next()) is not None:
            self._now = max(self._now, self._used.get(owner, 0.0))
            self._used = {name: used for name, used in self._used.items() if used > self._now or name in self._busy}
            self._used[owner] = self._now
            self._busy.add(owner)
            self._waiting[owner].popleft().set_result(self._free.pop())

    def _next(self) -> str | None:
        for owner, turns in list(self._waiting.items()):
            while turns and turns[0].done():  # canceled while it waited
                turns.popleft()
            if not turns:
                del self._waiting[owner]
        ready = self._waiting.keys() - self._busy
        return min((o for o in self._waiting if o in ready), key=lambda o: self._used.get(o, 0.0), default=None)
