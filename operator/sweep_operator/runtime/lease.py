"""Leader election with a Lease of coordination.k8s.io: at most one process creates objects at a time.

As in client-go, clocks of two machines are never compared: a candidate takes the lease after it has seen the record
unchanged for the lease duration on its own monotonic clock. The leader stops creating at a deadline that counts from
before the renewal was sent, a margin before any candidate may take over.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sweep_operator.domain.times import time_text
from sweep_operator.engine.ports import NotLeading
from sweep_operator.kube.protocol import AlreadyExists, Conflict, Kind, Kube, KubeError, NotFound, Object

log = logging.getLogger(__name__)

_MARGIN = 0.2
"""Fraction of the duration by which the leader stops early: a request may still be in flight."""


class LeaseLost(Exception):
    """Another process leads, or the lease was not renewed in time. The process must exit and restart as a candidate."""


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
        # A restarted process gets a new identity: requests of its predecessor may still arrive.
        self.identity = f"{self.host}_{uuid.uuid4().hex[:8]}"

    @property
    def leading(self) -> bool:
        """Whether this process may create objects now."""
        return self.monotonic() < self._deadline

    def check(self) -> None:
        """Raises NotLeading if the lease has expired."""
        if not self.leading:
            raise NotLeading(f"this process no longer holds the lease {self.namespace}/{self.name}")

    async def acquire(self) -> None:
        """Return when this process is the leader. API errors are logged and retried."""
        seen, since, logged = "", self.monotonic(), ""
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
                    log.info("became leader as %s", self.identity)
                    return
                if holder != logged:
                    log.info("waiting for leadership: %s is the leader", holder)
                    logged = holder
            except (Conflict, AlreadyExists):
                pass
            except KubeError as error:
                log.warning("cannot acquire the lease %s/%s: %s", self.namespace, self.name, error)
            await self.sleep(min(1.0, self.duration / 5))

    async def keep(self) -> None:
        """Renew until canceled. Raises LeaseLost."""
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
                log.warning("cannot renew the lease %s/%s: %s", self.namespace, self.name, error or "no answer")

    async def release(self) -> None:
        """Give up leadership, so that a candidate can take over at once. Call it after the last create."""
        if not self.leading:
            return
        self._deadline = float("-inf")
        try:
            patch: Object = {"spec": {"holderIdentity": ""}}
            await self.kube.patch(Kind.LEASE, self.namespace, self.name, patch, resource_version=self._version)
        except KubeError as error:
            log.info("cannot release the lease %s/%s: %s", self.namespace, self.name, error)

    async def _look(self) -> None:
        """After a rejected write: find out whether a response was lost or another process leads."""
        try:
            obj = await self.kube.get(Kind.LEASE, self.namespace, self.name)
        except NotFound:
            raise LeaseLost(f"the lease {self.namespace}/{self.name} was deleted") from None
        except KubeError as error:
            log.warning("cannot read the lease %s/%s: %s", self.namespace, self.name, error)
            return
        holder = (obj.get("spec") or {}).get("holderIdentity")
        if holder != self.identity:
            raise LeaseLost(f"the lease {self.namespace}/{self.name} is held by {holder or 'no process'}")
        self._version = obj["metadata"]["resourceVersion"]

    async def _read(self) -> Object:
        try:
            return await self.kube.get(Kind.LEASE, self.namespace, self.name)
        except NotFound:
            body: Object = {"metadata": {"namespace": self.namespace, "name": self.name}, "spec": {}}
            return await self.kube.create(Kind.LEASE, body)

    async def _write(self, version: str, *, taken: bool, spec: Object) -> None:
        sent = self.monotonic()
        stamp = time_text(self.now(), "microseconds")
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
