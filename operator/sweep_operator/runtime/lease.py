"""Leadership by a Lease of coordination.k8s.io: at most one process creates objects at a time.

As client-go does it, nobody compares clocks of two machines: whoever wants the lease waits until it has seen the same
holder's record unchanged for the whole duration, by a monotonic clock of its own. The holder stops creating at a
deadline that counts from before the renewal was sent, a margin earlier than anybody may succeed it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sweep_operator.engine.ports import NotLeading
from sweep_operator.kube.protocol import AlreadyExists, Conflict, Kind, Kube, KubeError, NotFound, Object

log = logging.getLogger(__name__)

_MARGIN = 0.2
"""Share of the duration that the holder gives away: a request that was allowed may still be on its way."""


class LeaseLost(Exception):
    """Another process leads, or this one could not renew in time. The process must end: it starts anew as a reader."""


@dataclass
class Lease:
    """One process's view of the lease ``namespace``/``name``."""

    kube: Kube
    namespace: str
    name: str
    host: str
    duration: float
    """Seconds after which a lease that is not renewed may be taken."""
    monotonic: Callable[[], float]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    identity: str = field(init=False)
    _deadline: float = field(init=False, default=float("-inf"))
    _version: str = field(init=False, default="")

    def __post_init__(self) -> None:
        # A restarted process is another one: what its predecessor has sent may still arrive.
        self.identity = f"{self.host}_{uuid.uuid4().hex[:8]}"

    @property
    def leading(self) -> bool:
        """Whether this process may create now."""
        return self.monotonic() < self._deadline

    def check(self) -> None:
        """Raises NotLeading when the lease has run out."""
        if not self.leading:
            raise NotLeading(f"the lease {self.namespace}/{self.name} is not held any more")

    async def acquire(self) -> None:
        """Returns when this process leads. What the API server refuses is told and tried again."""
        seen, since, told = "", self.monotonic(), ""
        while True:
            try:
                obj = await self._read()
                spec = obj.get("spec") or {}
                holder, record = spec.get("holderIdentity") or "", obj["metadata"]["resourceVersion"]
                if record != seen:
                    seen, since = record, self.monotonic()
                wait = max(self.duration, float(spec.get("leaseDurationSeconds") or 0))
                if not holder or self.monotonic() - since >= wait:
                    await self._write(record, taken=True, spec=spec)
                    log.info("leading as %s", self.identity)
                    return
                if holder != told:
                    log.info("waiting: %s leads", holder)
                    told = holder
            except (Conflict, AlreadyExists):
                pass
            except KubeError as error:
                log.warning("the lease %s/%s cannot be taken: %s", self.namespace, self.name, error)
            await self.sleep(min(1.0, self.duration / 5))

    async def keep(self) -> None:
        """Renew for ever. Raises LeaseLost."""
        while True:
            await self.sleep(self.duration / 5)
            if not self.leading:
                raise LeaseLost(f"the lease {self.namespace}/{self.name} was not renewed in time")
            try:
                async with asyncio.timeout(max(0.1, self._deadline - self.monotonic())):
                    await self._write(self._version, taken=False, spec={})
            except (Conflict, NotFound):
                await self._look()
            except (KubeError, TimeoutError) as error:
                log.warning("the lease %s/%s is not renewed: %s", self.namespace, self.name, error or "no answer")

    async def release(self) -> None:
        """Let the next one lead at once. Call it when nothing is created any more."""
        if not self.leading:
            return
        self._deadline = float("-inf")
        try:
            patch: Object = {"spec": {"holderIdentity": ""}}
            await self.kube.patch(Kind.LEASE, self.namespace, self.name, patch, resource_version=self._version)
        except KubeError as error:
            log.info("the lease %s/%s is not given back: %s", self.namespace, self.name, error)

    async def _look(self) -> None:
        """After a write that was refused: an answer of ours that was lost, or another holder?"""
        try:
            obj = await self.kube.get(Kind.LEASE, self.namespace, self.name)
        except NotFound:
            raise LeaseLost(f"the lease {self.namespace}/{self.name} was deleted") from None
        except KubeError as error:
            log.warning("the lease %s/%s cannot be read: %s", self.namespace, self.name, error)
            return
        holder = (obj.get("spec") or {}).get("holderIdentity")
        if holder != self.identity:
            raise LeaseLost(f"{holder or 'nobody'} holds the lease {self.namespace}/{self.name}")
        self._version = obj["metadata"]["resourceVersion"]

    async def _read(self) -> Object:
        try:
            return await self.kube.get(Kind.LEASE, self.namespace, self.name)
        except NotFound:
            body: Object = {"metadata": {"namespace": self.namespace, "name": self.name}, "spec": {}}
            return await self.kube.create(Kind.LEASE, body)

    async def _write(self, version: str, *, taken: bool, spec: Object) -> None:
        sent = self.monotonic()
        stamp = self.now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        new: Object = {"holderIdentity": self.identity, "renewTime": stamp}
        if taken:
            new |= {
                "leaseDurationSeconds": max(1, round(self.duration)),
                "acquireTime": stamp,
                "leaseTransitions": int(spec.get("leaseTransitions") or 0) + 1,
            }
        obj = await self.kube.patch(Kind.LEASE, self.namespace, self.name, {"spec": new}, resource_version=version)
        self._version = obj["metadata"]["resourceVersion"]
        self._deadline = sent + self.duration * (1 - _MARGIN)
