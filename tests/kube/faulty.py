"""A Kube that fails on demand: requests that never arrive, answers that get lost, slow calls, dropped watch events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from sweep_operator.kube.protocol import (
    Kind,
    Kube,
    Labels,
    LogPart,
    Object,
    ObjectList,
    Propagation,
    Unavailable,
    UnknownOutcome,
    WatchEvent,
)

T = TypeVar("T")
Fault = Literal["before", "after"]
"""before: the request fails and nothing happens. after: it is carried out, and the answer is lost."""


@dataclass
class FaultyKube:
    """Any Kube, with faults put in. Calls are counted from 0, reads and writes alike."""

    kube: Kube
    faults: Mapping[int, Fault] = field(default_factory=dict)
    error: Callable[[int], Exception] = lambda call: Unavailable(f"call {call} was refused")
    """What a fault before the write raises."""
    delay: Callable[[int], float] = lambda call: 0.0
    """Seconds by which a call is held up."""
    drops: Callable[[WatchEvent], bool] = lambda event: False
    """Watch events that never come."""
    calls: int = 0

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        call = await self._before()
        return self._after(call, await self.kube.get(kind, namespace, name))

    async def list(self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None) -> ObjectList:
        call = await self._before()
        return self._after(call, await self.kube.list(kind, namespace, labels=labels))

    async def pages(
        self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None
    ) -> AsyncIterator[ObjectList]:
        call = await self._before()
        async for page in self.kube.pages(kind, namespace, labels=labels):
            yield self._after(call, page)

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        call = await self._before()
        return self._after(call, await self.kube.create(kind, body, dry_run=dry_run))

    async def update_status(self, kind: Kind, body: Object) -> Object:
        call = await self._before()
        return self._after(call, await self.kube.update_status(kind, body))

    async def patch(
        self, kind: Kind, namespace: str, name: str, patch: Object, *, resource_version: str | None = None
    ) -> Object:
        call = await self._before()
        return self._after(call, await self.kube.patch(kind, namespace, name, patch, resource_version=resource_version))

    async def remove_finalizer(
        self, kind: Literal[Kind.POD], namespace: str, name: str, finalizer: str, *, uid: str
    ) -> Object:
        call = await self._before()
        return self._after(call, await self.kube.remove_finalizer(kind, namespace, name, finalizer, uid=uid))

    async def delete_all(self, kind: Literal[Kind.JOB], namespace: str, *, labels: Mapping[str, str]) -> None:
        call = await self._before()
        await self.kube.delete_all(kind, namespace, labels=labels)
        self._after(call, None)

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
        call = await self._before()
        await self.kube.delete(kind, namespace, name, uid=uid, propagation=propagation, grace_seconds=grace_seconds)
        self._after(call, None)

    async def serves(self, group: str) -> bool:
        call = await self._before()
        return self._after(call, await self.kube.serves(group))

    async def watch(
        self, kind: Kind, namespace: str | None = None, *, resource_version: int
    ) -> AsyncIterator[WatchEvent]:
        async for event in self.kube.watch(kind, namespace, resource_version=resource_version):
            if not self.drops(event):
                yield event

    def read_log(
        self, namespace: str, pod: str, container: str = "main", *, tail: int | None = None
    ) -> AsyncIterator[bytes]:
        return self.kube.read_log(namespace, pod, container)

    async def follow_log(
        self, namespace: str, pod: str, position: str = "", *, limit: int, last: bool = False, skip: bool = False
    ) -> LogPart:
        return await self.kube.follow_log(namespace, pod, position, limit=limit, last=last, skip=skip)

    async def _before(self) -> int:
        call, self.calls = self.calls, self.calls + 1
        await asyncio.sleep(self.delay(call))
        if self.faults.get(call) == "before":
            raise self.error(call)
        return call

    def _after(self, call: int, answer: T) -> T:
        if self.faults.get(call) == "after":
            raise UnknownOutcome(f"call {call} got no answer")
        return answer
