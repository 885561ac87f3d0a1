"""A process's connection to the API server: slow, refused, lost before or after the commit; and it may be its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from sweep_operator.api.names import KUEUE_GROUP
from sweep_operator.kube.labels import labels_match
from sweep_operator.kube.protocol import (
    Conflict,
    Forbidden,
    Gone,
    Kind,
    KubeError,
    Labels,
    LogPart,
    Object,
    ObjectList,
    Propagation,
    TooManyRequests,
    Unavailable,
    UnknownOutcome,
)
from tests.fuzz import clock
from tests.fuzz.dice import Dice
from tests.fuzz.server import Server

if TYPE_CHECKING:
    from tests.fuzz.process import Process

T = TypeVar("T")
RESYNC: ContextVar[bool] = ContextVar("resync", default=False)
"""Whether a LIST belongs to a full resync, whose answer may be old."""
IN_FLIGHT = 1.5
"""Seconds that a request may take to arrive: less than the margin of the lease."""


class Client:
    """The Kube protocol, with faults."""

    def __init__(self, server: Server, dice: Dice, process: Process) -> None:
        self._server, self._dice, self._process = server, dice, process
        self.crashes: Counter[str] = Counter()

    # -- reading ----------------------------------------------------------------------------------------------------

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        return await self._read(kind, lambda: self._server.get(kind, namespace, name))

    async def list(self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None) -> ObjectList:
        if RESYNC.get() and self._dice.chance("stale-list", 0.1):
            age = self._dice["stale-list"].choice((1.0, 5.0, 30.0))
            old = self._server.list_of(kind, clock.seconds() - age)
            items = tuple(o for o in old.items if labels_match(o, labels or {}))
            return await self._read(kind, lambda: _done(ObjectList(items, old.resource_version)))
        return await self._read(kind, lambda: self._server.list(kind, namespace, labels=labels))

    async def pages(
        self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None
    ) -> AsyncIterator[ObjectList]:
        """Objects change between two pages, which are all of one version."""
        found = await self.list(kind, namespace, labels=labels)
        size = self._dice["page"].choice((1, 3, 500))
        for start in range(0, max(1, len(found.items)), size):
            if start and self._dice.chance("expired", 0.05):
                raise Gone("410: the continue parameter is too old")
            page = ObjectList(found.items[start : start + size], found.resource_version)
            yield page if start == 0 else await self._read(kind, lambda page=page: _done(page))

    async def serves(self, group: str) -> bool:
        return group == KUEUE_GROUP or await self._server.serves(group)

    async def read_log(
        self, namespace: str, pod: str, container: str = "main", *, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        async for chunk in self._server.read_log(namespace, pod, container, tail=tail):
            yield chunk

    async def follow_log(
        self, namespace: str, pod: str, position: str = "", *, limit: int, last: bool = False, skip: bool = False
    ) -> LogPart:
        return await self._read(
            Kind.POD, lambda: self._server.follow_log(namespace, pod, position, limit=limit, last=last, skip=skip)
        )

    async def _read(self, kind: Kind, action: Callable[[], Awaitable[T]]) -> T:
        await self._wait()
        if kind != Kind.LEASE and self._dice.chance("read-error", self._process.error_rate):
            raise self._dice["read-error"].choice((Unavailable("503 of a read"), TooManyRequests("429 of a read")))
        result = await action()
        await self._wait()
        return result

    # -- writing ----------------------------------------------------------------------------------------------------

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        if dry_run:
            return await self._read(kind, lambda: self._server.create(kind, body, dry_run=True))
        checked = kind not in (Kind.LEASE, Kind.EVENT)
        if kind in (Kind.JOB, Kind.SERVICE) and self._dice.chance("quota", self._process.quota_rate):
            raise Forbidden(f"{kind} is forbidden: exceeded quota: compute")
        return await self._write("create", kind, lambda: self._server.create(kind, body), checked=checked)

    async def update_status(self, kind: Kind, body: Object) -> Object:
        return await self._write("update_status", kind, lambda: self._server.update_status(kind, body), guarded=True)

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: Object, *, resource_version: str | None = None
    ) -> Object:
        def act() -> Awaitable[Object]:
            return self._server.patch(kind, namespace, name, patch, resource_version=resource_version)

        return await self._write("patch", kind, act, guarded=resource_version is not None)

    async def remove_finalizer(self, kind: Any, namespace: str, name: str, finalizer: str, *, uid: str) -> Object:
        def act() -> Awaitable[Object]:
            return self._server.remove_finalizer(kind, namespace, name, finalizer, uid=uid)

        return await self._write("remove_finalizer", kind, act)

    async def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        propagation: Propagation = "Background",
        grace_seconds: int | None = None,
    ) -> None:
        def act() -> Awaitable[None]:
            return self._server.delete(
                kind, namespace, name, uid=uid, propagation=propagation, grace_seconds=grace_seconds
            )

        await self._write("delete", kind, act)

    async def delete_all(self, kind: Any, namespace: str, *, labels: Mapping[str, str]) -> None:
        """Not atomic: an answer that is lost may leave the rest undone."""

        async def act() -> None:
            found = (await self._server.list(kind, namespace, labels=labels)).items
            partial = self._dice.chance("partial", 0.2)
            for obj in found[: len(found) // 2] if partial else found:
                await self._server.delete(kind, namespace, obj["metadata"]["name"], uid=obj["metadata"]["uid"])
            if partial:
                raise UnknownOutcome("the connection broke during a collection delete")

        await self._write("delete_all", kind, act)

    async def _write(
        self, verb: str, kind: Kind, act: Callable[[], Awaitable[T]], *, checked: bool = False, guarded: bool = False
    ) -> T:
        if guarded and self._process.lease is not None and self._dice.chance("stops", 0.03):
            self._process.stop_for(self._dice["stops"].choice((1.0, 35.0, 90.0)))  # between its check and its write
        await self._wait()
        if checked:
            self._process.check_leading()
        if kind == Kind.LEASE:
            return await act()
        fault = self._fault(guarded)
        if fault == "crash-before":
            self._crash(f"before {verb} {kind}")
        elif fault == "error":
            raise self._dice["write-error"].choice((Unavailable("503"), TooManyRequests("429"), Unavailable("500")))
        elif fault == "conflict":
            raise Conflict("409 for no reason that can be seen")
        elif fault in ("lost", "late"):
            if fault == "late":
                self._process.world.spawn(self._late(act))
            await asyncio.sleep(self._dice["timeout"].uniform(0.1, IN_FLIGHT))
            raise UnknownOutcome("the request timed out")
        if self._process.dead:
            await self._process.gate()
        result = await act()
        if fault == "crash-after":
            self._crash(f"after {verb} {kind}")
        await self._wait()
        if fault == "answer":
            raise UnknownOutcome("the answer was lost")
        return result

    def _fault(self, guarded: bool) -> str | None:
        process, dice = self._process, self._dice
        if dice.chance("crash", process.crash_rate):
            return dice["crash"].choice(("crash-before", "crash-after"))
        if dice.chance("write-error", process.error_rate):
            return dice["write-error"].choice(("error", "conflict" if guarded else "error"))
        if dice.chance("timeout", process.error_rate):
            return dice["timeout"].choice(("lost", "late", "answer"))
        return None

    def _crash(self, where: str) -> None:
        self._process.crash(where)
        raise asyncio.CancelledError  # what is killed runs no further; its handlers reach no server

    async def _late(self, act: Callable[[], Awaitable[Any]]) -> None:
        await asyncio.sleep(self._dice["timeout"].uniform(0.0, IN_FLIGHT))
        if not self._process.dead:  # a successor waits until the lease has expired
            with contextlib.suppress(KubeError):
                await act()

    async def _wait(self) -> None:
        """One way over the network; and no process goes on while it is stopped."""
        if self._dice.chance("latency", 0.3):
            await asyncio.sleep(self._dice["latency"].choice((0.002, 0.02, 0.2, self._process.slowness)))
        await self._process.gate()


async def _done(value: T) -> T:
    return value
