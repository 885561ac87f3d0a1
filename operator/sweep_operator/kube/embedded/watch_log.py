"""The latest changes of the embedded Kube, for watchers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sweep_operator.kube.embedded.index import key_of
from sweep_operator.kube.embedded.objects import copy
from sweep_operator.kube.protocol import Gone, Kind, WatchEvent

KEPT = 2_000
"""Minimum number of changes that are kept. A watcher that has fallen further behind must LIST again."""


class WatchLog:
    """The log of changes. Each change increases ``version``, the last resourceVersion, by one."""

    def __init__(self, version: int, kept: int = KEPT) -> None:
        self.version = version
        self._kept = kept
        self._events: list[WatchEvent] = []
        self._oldest = version
        """The resourceVersion before the first kept event."""
        self._watchers: set[asyncio.Event] = set()

    def append(self, event: WatchEvent) -> None:
        """Add a change. Its object has the resourceVersion ``version + 1`` and must not be changed later."""
        self.version += 1
        self._events.append(event)
        if len(self._events) > 2 * self._kept:
            del self._events[: self._kept]
            self._oldest += self._kept
        for wake in self._watchers:
            wake.set()

    async def follow(self, kind: Kind, namespace: str | None, since: int) -> AsyncIterator[WatchEvent]:
        """Changes of a kind after ``since``, in order, without end. Raises Gone if they are no longer kept."""
        wake = asyncio.Event()
        self._watchers.add(wake)
        try:
            while True:
                wake.clear()
                if since < self._oldest:
                    raise Gone(f"resourceVersion {since} is too old; the oldest is {self._oldest}")
                for event in self._events[since - self._oldest :]:
                    since += 1
                    found, place, _ = key_of(event.object)
                    if found == kind and namespace in (None, place):
                        yield WatchEvent(event.type, copy(event.object))
                if since >= self.version:
                    await wake.wait()
        finally:
            self._watchers.discard(wake)
