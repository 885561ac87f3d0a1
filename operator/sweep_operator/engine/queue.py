"""The work queue: holds each key at most once, one worker per key, retries with backoff, delayed wake-ups.

Groups of keys take turns, so that a group of many keys does not delay the others. Within a group, new keys go first.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from sweep_operator.pacing import backoff

K = TypeVar("K", bound=Hashable)


_LOOK = 0.1
_QUIET, _LONGEST_WAIT = 1.5, 10.0
"""Seconds without a pass. A suggestion may be computed meanwhile, and the next run needs it."""
NEW_IN_A_ROW = 3
"""New keys that are served in a row while others wait."""


class _Lanes(Generic[K]):
    """The keys of one group in two lanes, each in order of arrival. New keys go first; the others have turns, too."""

    def __init__(self) -> None:
        self._new, self._others = deque[K](), deque[K]()
        self._in_a_row = 0

    def __bool__(self) -> bool:
        return bool(self._new or self._others)

    def add(self, key: K, new: bool) -> None:
        (self._new if new else self._others).append(key)

    def take(self) -> K:
        if self._new and not (self._others and self._in_a_row >= NEW_IN_A_ROW):
            self._in_a_row = self._in_a_row + 1 if self._others else 0
            return self._new.popleft()
        self._in_a_row = 0
        return self._others.popleft()


class WorkQueue(Generic[K]):
    """Keys that need a pass.

    A key that is added during its own pass gets another pass afterwards, so no change is lost.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        base_delay: float = 0.2,
        max_delay: float = 60.0,
        rand: Callable[[], float] = lambda: 1.0,
        group: Callable[[K], Hashable] = lambda key: None,
        is_new: Callable[[K], bool] = lambda key: False,
    ) -> None:
        self._clock, self._base, self._max, self._rand = clock, base_delay, max_delay, rand
        self._group, self._is_new = group, is_new
        self._ready: dict[Hashable, _Lanes[K]] = {}
        """By group; the group that was served last comes last."""
        self._active: Counter[Hashable] = Counter()
        """Number of running passes by group."""
        self._tickets: asyncio.Queue[None] = asyncio.Queue()
        """One for each key that is ready."""
        self._waiting: set[K] = set()
        self._running: set[K] = set()
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, tuple[float, asyncio.TimerHandle]] = {}
        self._added: dict[K, float] = {}
        self._stopped = False
        self._resting = asyncio.Event()
        self._resting.set()

    def add(self, key: K) -> None:
        """Run a pass over ``key`` soon."""
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._added[key] = self._clock()
            self._ready.setdefault(self._group(key), _Lanes()).add(key, self._is_new(key))
            self._tickets.put_nowait(None)

    def add_after(self, key: K, seconds: float) -> None:
        """Run a pass in ``seconds``; an earlier scheduled wake-up is kept."""
        at = self._clock() + max(0.0, seconds)
        planned = self._timers.get(key)
        if planned is not None:
            if planned[0] <= at:
                return
            planned[1].cancel()
        handle = asyncio.get_running_loop().call_later(max(0.0, seconds), self._fire, key)
        self._timers[key] = (at, handle)

    def add_failed(self, key: K) -> float:
        """Run a pass after a backoff for the key's consecutive failures; return the delay in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = backoff(failures, self._base, self._max, rand=self._rand)
        self.add_after(key, delay)
        return delay

    def succeeded(self, key: K) -> None:
        """Forget the key's failures."""
        self._failures.pop(key, None)

    async def take(self) -> K:
        """The next key; ``done`` must be called with it."""
        await self._tickets.get()
        if self._stopped:
            await asyncio.Event().wait()
        key = self._next()
        self._waiting.discard(key)
        self._added.pop(key, None)
        self._running.add(key)
        self._resting.clear()
        return key

    def done(self, key: K) -> None:
        """Mark the pass over ``key`` as done."""
        if key in self._running:
            self._running.remove(key)
            self._active -= Counter([self._group(key)])
        if not self._running:
            self._resting.set()
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    @property
    def depth(self) -> int:
        """Number of waiting keys."""
        return len(self._waiting)

    @property
    def oldest_age(self) -> float:
        """Seconds that the longest-waiting key has waited."""
        return max((self._clock() - t for t in self._added.values()), default=0.0)

    @property
    def idle(self) -> bool:
        """Whether no key is waiting or running (timers may be set)."""
        return not self._waiting and not self._running

    async def calm(self, seconds: float = _QUIET, at_most: float = _LONGEST_WAIT) -> None:
        """Wait until no key has waited or run for ``seconds``, but not long: there may always be one."""
        quiet = 0.0
        for _ in range(round(at_most / _LOOK)):
            quiet = quiet + _LOOK if self.idle else 0.0
            if quiet >= seconds:
                return
            await asyncio.sleep(_LOOK)

    async def stop(self) -> None:
        """Hand out no more keys; return when the active passes are done."""
        self._stopped = True
        await self._resting.wait()

    def close(self) -> None:
        """Cancel the timers."""
        for _, handle in self._timers.values():
            handle.cancel()
        self._timers.clear()

    def _next(self) -> K:
        """A key of the group with the fewest active passes; of those, the one that was served the longest ago."""
        group = min(self._ready, key=lambda group: self._active[group])
        lanes = self._ready.pop(group)
        key = lanes.take()
        if lanes:
            self._ready[group] = lanes
        self._active[group] += 1
        return key

    def _fire(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)
