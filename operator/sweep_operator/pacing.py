"""Backoff after failures, rate limits and fair turns: arithmetic on a clock that the caller gives.

Retry libraries own the loop around a call. Here two of three callers have no such loop: the work queue sets a timer,
and the outbox plans when to serve which project.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

W = TypeVar("W", bound=Hashable)
Owner = tuple[str, ...]


def backoff(failures: int, first: float, longest: float, *, rand: Callable[[], float] = random.random) -> float:
    """Return the seconds to wait after ``failures`` earlier failures in a row (0: this is the first one).

    The delay doubles with each failure, up to ``longest``. The jitter takes up to half of it, so that clients that
    failed together do not come back together.
    """
    return min(longest, first * 2.0 ** min(failures, 20)) * (0.5 + rand() / 2)


LEAST_RATE = 10.0
"""Requests per second that are sent however many a server rejects."""


class TokenBucket:
    """Allows ``rate`` tokens per second, ``burst`` of them at once."""

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"qps {rate}, burst {burst}: qps must be above 0 and burst at least 1")
        self._rate, self._burst, self._clock, self._sleep = rate, burst, clock, sleep
        self._tokens, self._at = float(burst), clock()
        """Below zero: the number of callers that wait."""

    def available(self) -> int:
        """Return how many tokens can be taken without waiting."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        return int(self._tokens)

    def take(self, count: int) -> None:
        """Take ``count`` tokens, without waiting for them."""
        self.available()
        self._tokens -= count

    def wait(self, count: int = 1) -> float:
        """Return the seconds until ``count`` tokens are available (at most a whole burst)."""
        wanted = min(count, int(self._burst))
        return 0.0 if self.available() >= wanted else (wanted - self._tokens) / self._rate

    async def acquire(self) -> None:
        """Take one token and wait until it is due. Callers are served in order of arrival."""
        self.take(1)
        if self._tokens < 0:
            try:
                await self._sleep(-self._tokens / self._rate)
            except asyncio.CancelledError:
                self._tokens += 1
                raise


class AdaptiveBucket(TokenBucket):
    """A TokenBucket that slows down when a server rejects requests for their number, and speeds up again."""

    _slowed: float | None = None
    """When the rate last changed; None: it is the highest one."""
    _most = math.inf
    """The highest rate, once the rate has changed."""
    _since, _sent = -math.inf, 0
    """The current second, and the tokens taken in it."""
    _recent = 0.0
    """Tokens per second in the second before."""

    def take(self, count: int) -> None:
        """Take ``count`` tokens, without waiting for them."""
        self._speed_up()
        if (elapsed := self._clock() - self._since) >= 1.0:
            self._recent, self._since, self._sent = self._sent / elapsed, self._clock(), 0
        self._sent += count
        super().take(count)

    def slow_down(self) -> None:
        """Halve the rate, once per second: the server has rejected a request."""
        now = self._clock()
        if self._slowed is not None and now - self._slowed < 1.0:
            return
        if self._slowed is None:
            self._most = self._rate
        used = max(self._recent, float(self._sent))
        self._rate = max(min(LEAST_RATE, self._most), min(self._rate, used) / 2)
        self._tokens, self._slowed = min(self._tokens, 0.0), now

    def _speed_up(self) -> None:
        now = self._clock()
        if self._slowed is None or now - self._slowed < 1.0:
            return
        self._rate *= 1.1 ** int(min(now - self._slowed, 100.0))
        self._slowed = now
        if self._rate >= self._most:
            self._rate, self._slowed = self._most, None


RECENT = 600.0
"""Seconds for which a worker is kept free for a namespace that has asked for a turn."""


class Turns(Generic[W]):
    """One turn per owner at a time. Among the waiting owners, the one that has used the least time goes first.

    Start-time fair queueing (Goyal et al., 1996), at each level of the owners: first the namespace with the fewest
    turns in progress and the least time, then its owner. An owner that was idle counts from the present, so that it
    gains nothing from having been idle. An owner gets its last worker again if that is free.

    While several namespaces ask, none of them occupies all workers: a turn may take minutes.
    """

    def __init__(self, workers: Sequence[W], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._free, self._clock, self._count = list(workers), clock, len(workers)
        self._asked: dict[str, float] = {}
        """When each namespace last asked for a turn, or ended one."""
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
        self._next()
        return any(not self._busy[owner] for owner in self._waiting)

    @property
    def next_worker(self) -> W | None:
        """The worker of the next turn, or None while all are taken."""
        return self._free[-1] if self._free else None

    @asynccontextmanager
    async def take(self, *owner: str) -> AsyncIterator[W]:
        """Wait for a turn of ``owner``, from the outside in: a namespace, or (namespace, sweep). Yields its worker."""
        turn: asyncio.Future[W] = asyncio.get_running_loop().create_future()
        self._asked[owner[0]] = self._clock()
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
        self._asked[owner[0]] = self._clock()
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
        now = self._clock()
        self._asked = {name: at for name, at in self._asked.items() if now - at < RECENT or self._busy[name,]}
        most = self._count if len(self._asked) < 2 else max(1, self._count - 1)
        ready = (o for o in self._waiting if not self._busy[o] and self._busy[o[:1]] < most)
        return min(ready, key=self._rank, default=None)

    def _rank(self, owner: Owner) -> list[tuple[int, float]]:
        return [(self._busy[part], self._used.get(part, 0.0)) for part in _parts(owner)]


def _parts(owner: Owner) -> list[Owner]:
    return [owner[: n + 1] for n in range(len(owner))]
