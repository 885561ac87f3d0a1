"""Events on their way to the API server. No pass and no other write waits for them."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sweep_operator.kube.protocol import AlreadyExists, Kind, Kube, KubeError, Object
from sweep_operator.manifests.event import build_event

log = logging.getLogger(__name__)

MANY = 100
"""Above this number of waiting Events, those of one reason about runs are combined into one about their Sweep."""
MOST = 1_000
"""Above it, new Events are dropped."""
Outcome = Literal["written", "combined", "dropped", "failed"]


@dataclass
class _Waiting:
    regarding: Object
    type: str
    reason: str
    message: str
    since: datetime
    until: datetime
    count: int = 1


class EventQueue:
    """Writes Events one after the other, in the background. The status has everything that a lost Event reported."""

    def __init__(self, kube: Kube, now: Callable[[], datetime]) -> None:
        self._kube, self._now = kube, now
        self._waiting: OrderedDict[tuple[str, ...], _Waiting] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self.outcomes: Counter[Outcome] = Counter()
        """What has become of the Events so far."""

    def put(self, regarding: Object, sweep: Object | None, type_: str, reason: str, message: str) -> None:
        """Write an Event soon. ``sweep``: what it regards together with others if too many wait; None: never."""
        now, name = self._now(), regarding["metadata"]["name"]
        identity = regarding["metadata"]["uid"], type_, reason, message
        if sweep is not None and len(self._waiting) >= MANY and type_ == "Normal":
            regarding, identity = sweep, (sweep["metadata"]["uid"], type_, reason, "")
            message = f"(combined from similar events) {name}: {message}"
        known = self._waiting.get(identity)
        if known is not None:
            known.count, known.message, known.until = known.count + 1, message, now
            self.outcomes["combined"] += 1
        elif len(self._waiting) >= MOST:
            self.outcomes["dropped"] += 1
        else:
            self._waiting[identity] = _Waiting(regarding, type_, reason, message, now, now)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write_all())

    async def drain(self) -> None:
        """Wait until all Events are written."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def close(self) -> None:
        """Drop what waits."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    async def _write_all(self) -> None:
        while self._waiting:
            _, event = self._waiting.popitem(last=False)
            self.outcomes[await self._write(event)] += 1

    async def _write(self, event: _Waiting) -> Outcome:
        times, name = (event.since, event.until), _name(event)
        body = build_event(
            event.regarding, event.type, event.reason, event.message, name, times=times, count=event.count
        )
        try:
            await self._kube.create(Kind.EVENT, body)
        except AlreadyExists:
            pass
        except KubeError as error:
            log.warning("cannot write Event %s: %s", event.reason, error)
            return "failed"
        return "written"


def _name(event: _Waiting) -> str:
    meta = event.regarding["metadata"]
    identity = f"{meta['uid']}/{event.reason}/{event.message}/{event.since.isoformat()}"
    return f"{meta['name'][:200]}.{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
