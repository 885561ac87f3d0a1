"""Reads and writes of the cluster's objects. Every response enters the store, so the next pass sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from sweep_operator.api.meta import ObjectMeta
from sweep_operator.api.model import Model
from sweep_operator.api.names import RESULT_FINALIZER, RUN_LABEL
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.stored import keep_unknown
from sweep_operator.api.sweeprun import SweepRunStatus
from sweep_operator.engine.events import EventQueue
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import AlreadyExists, Conflict, Invalid, Kind, Kube, Labels, NotFound, Object

log = logging.getLogger(__name__)

RUNS_AT_ONCE = 50
"""Names of runs in one request: proxies before an API server may limit an address to 8 kB."""
_NO_RUN = ""
"""The name that no run has."""
_LONGEST_LABEL = 63
"""Runs of users may have longer names. They have no Jobs: the API server refuses their labels, in selectors too."""
ATTEMPT_KINDS = (Kind.JOB, Kind.POD)
"""What an attempt consists of."""

_STATUS: dict[Kind, type[Model]] = {Kind.SWEEP: SweepStatus, Kind.SWEEP_RUN: SweepRunStatus}


class Objects:
    """A Kube with a store. Every method may raise KubeError."""

    def __init__(self, kube: Kube, store: Store, events: EventQueue, check_leading: Callable[[], None]) -> None:
        self.kube, self.store, self.events, self._check_leading = kube, store, events, check_leading

    async def read(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The live object; None if it does not exist."""
        try:
            obj = await self.kube.get(kind, namespace, name)
        except NotFound:
            self.store.gone(kind, namespace, name)
            return None
        self.store.apply(kind, obj)
        return obj

    async def refresh(self, kind: Kind, namespace: str | None, labels: Labels) -> int:
        """Read all objects with these labels. Stored ones that no longer exist are removed. Return their version."""
        listed = await self.kube.list(kind, namespace, labels=labels)
        self.store.replace(kind, listed, namespace, labels)
        return listed.resource_version

    async def refresh_runs(self, kind: Kind, namespace: str | None, runs: Iterable[str]) -> int:
        """Read all objects of these runs. Return the resourceVersion after which they may have changed."""
        names = sorted(run for run in runs if len(run) <= _LONGEST_LABEL) or [_NO_RUN]
        parts = [frozenset(names[start : start + RUNS_AT_ONCE]) for start in range(0, len(names), RUNS_AT_ONCE)]
        return min([await self.refresh(kind, namespace, {RUN_LABEL: part}) for part in parts])

    async def create(self, kind: Kind, body: Object) -> Object:
        """Create the object; return the existing one if the name is taken. Raises NotLeading."""
        self._check_leading()
        meta = body["metadata"]
        try:
            obj = await self.kube.create(kind, body)
        except AlreadyExists:
            obj = await self.kube.get(kind, meta["namespace"], meta["name"])
        self.store.apply(kind, obj)
        return obj

    async def write_status(self, kind: Kind, meta: ObjectMeta, status: Object) -> Object:
        """Replace the status of the version that the decision was based on. Unknown fields of a newer version stay.

        Return the new version. Raises Conflict, NotFound, NotLeading.
        """
        obj = self.store.get(kind, meta.namespace, meta.name)
        if obj is None:
            raise NotFound(f"{kind} {meta.namespace}/{meta.name} was deleted")
        self._check_leading()
        metadata = {**obj["metadata"], "resourceVersion": meta.resource_version}
        kept = keep_unknown(_STATUS[kind], obj.get("status") or {}, status)
        body = {**obj, "metadata": metadata, "status": kept}
        written = await self.kube.update_status(kind, body)
        self.store.apply(kind, written)
        return written

    async def delete(
        self, kind: Kind, namespace: str, name: str, uid: str | None, *, grace_seconds: int | None = None
    ) -> None:
        """Delete, then read: an object with finalizers still exists, and must not be deleted in every pass."""
        try:
            await self.kube.delete(kind, namespace, name, uid=uid, grace_seconds=grace_seconds)
        except NotFound:
            self.store.gone(kind, namespace, name)
        except Conflict:
            log.info("%s %s/%s was replaced by another object; not deleted", kind, namespace, name)
            await self.read(kind, namespace, name)
        else:
            await self.read(kind, namespace, name)

    async def delete_jobs(self, namespace: str, labels: Mapping[str, str]) -> None:
        """Delete all Jobs with these labels in one request."""
        await self.kube.delete_all(Kind.JOB, namespace, labels=labels)
        await self.refresh(Kind.JOB, namespace, labels)

    async def release_pod(self, namespace: str, name: str, uid: str) -> None:
        """Remove the operator's finalizer from a pod; other finalizers stay."""
        pod = self.store.get(Kind.POD, namespace, name)
        if pod is None or pod["metadata"].get("uid") != uid:
            return
        try:
            pod = await self.kube.remove_finalizer(Kind.POD, namespace, name, RESULT_FINALIZER, uid=uid)
            self.store.apply(Kind.POD, pod)
        except NotFound:
            self.store.gone(Kind.POD, namespace, name)
        except Invalid:  # another pod has this name now
            await self.read(Kind.POD, namespace, name)

    async def release_pods(self, namespace: str, sweep: str) -> None:
        """Remove the operator's finalizer from all pods of a Sweep."""
        for pod in self.store.labeled(Kind.POD, namespace, sweep):
            if RESULT_FINALIZER in (pod["metadata"].get("finalizers") or []):
                await self.release_pod(namespace, pod["metadata"]["name"], pod["metadata"].get("uid", ""))

    async def release_orphan(self, namespace: str, name: str, run: str) -> None:
        """Remove the operator's finalizer from a pod whose run is not in the store, if the run was deleted."""
        pod = self.store.get(Kind.POD, namespace, name)
        if pod is not None and await self.read(Kind.SWEEP_RUN, namespace, run) is None:  # a watch may lag behind
            await self.release_pod(namespace, name, pod["metadata"].get("uid", ""))
