"""The embedded API server as a cluster shows it: its garbage collector is late, and every commit has a listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any

from sweep_operator.kube.embedded.deletion import Change
from sweep_operator.kube.embedded.index import ObjectIndex, key_of
from sweep_operator.kube.embedded.objects import copy
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import EventType, Kind, LogPart, NotFound, Object, ObjectList
from sweep_operator.local.admission import admit
from tests.fuzz import clock
from tests.fuzz.dice import Dice

ACTOR: ContextVar[str] = ContextVar("actor", default="world")
"""Who writes."""
Listener = Callable[[EventType, Object, Object | None], None]
"""(type, object, object before)"""


class _NoFile:
    def save(self, version: int, changed: Iterable[Object], removed: Iterable[str] = ()) -> list[Any]:
        """The body of an object is the object."""
        return list(changed)

    def unpack(self, kind: Kind, body: Any) -> Any:
        return copy(body)

    def close(self) -> None: ...


class Server(EmbeddedKube):
    """Objects of one cluster."""

    def __init__(self, dice: Dice) -> None:
        super().__init__(None, clock=clock.whole_now, admission=admit)
        self._file.close()
        self._file = _NoFile()  # type: ignore[assignment]
        self._objects = ObjectIndex(self._file.unpack)
        self._dice = dice
        self.history: list[tuple[int, float, EventType, Object]] = []
        """(resourceVersion, time, type, object)"""
        self.listeners: list[Listener] = []
        self.log: Callable[[Object], str | None] = lambda pod: None
        """Log of a pod's main container."""

    def _commit(self, changes: Sequence[Change]) -> Sequence[Object]:
        if changes and changes[0][0] == "DELETED" and len(changes) > 1:
            changes = changes[:1]
            delay = self._dice["gc"].choice((0.05, 0.5, 2.0, 15.0))
            asyncio.get_running_loop().call_later(delay, self.collect)
        before = [self._objects.get(*key_of(obj)) for _, obj in changes]
        committed = super()._commit(changes)
        for (type_, _), obj, old in zip(changes, committed, before, strict=True):
            self.history.append((int(obj["metadata"]["resourceVersion"]), clock.seconds(), type_, obj))
            for listener in self.listeners:
                listener(type_, obj, old)
        return committed

    def peek_all(self, kind: Kind) -> list[Object]:
        """All objects of a kind, not copied."""
        found = (self._objects.get(*key) for key in self._objects.keys(kind))
        return [obj for obj in found if obj is not None]

    def exists(self, uid: str) -> bool:
        """Whether an object of that uid exists."""
        return self._objects.exists(uid)

    def list_of(self, kind: Kind, at: float) -> ObjectList:
        """A LIST as it was at an earlier time."""
        found: dict[str, Object] = {}
        version = 0
        for number, time, type_, obj in self.history:
            if time > at:
                break
            version = number
            if obj["kind"] != kind:
                continue
            if type_ == "DELETED":
                found.pop(obj["metadata"]["name"], None)
            else:
                found[obj["metadata"]["name"]] = obj
        return ObjectList(tuple(copy(found[name]) for name in sorted(found)), version)

    async def read_log(
        self, namespace: str, pod: str, container: str = "main", *, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        """The log that the kubelet has."""
        text = self.log(self._find(Kind.POD, namespace, pod))
        if text is None:
            raise NotFound(f"pod {namespace}/{pod} has no log of {container}")
        yield text.encode()

    async def follow_log(
        self, namespace: str, pod: str, position: str = "", *, limit: int, last: bool = False, skip: bool = False
    ) -> LogPart:
        """What the kubelet has after ``position``, the number of characters."""
        text = self.log(self._find(Kind.POD, namespace, pod))
        if text is None:
            raise NotFound(f"pod {namespace}/{pod} has no log of main")
        end = str(len(text))
        return LogPart(text[int(position or 0) :], False, clock.now().timestamp(), end, end, more=False)
