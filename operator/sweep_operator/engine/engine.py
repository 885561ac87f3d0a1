"""The reconcile loop of the operator and of local mode: events go into the store, keys into the queue; one pass per
key at a time."""

from __future__ import annotations

import asyncio
import logging
import random

from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL, SWEEP_LABEL
from sweep_operator.domain.conditions import has_begun
from sweep_operator.engine.errors import STALE, RunErrors
from sweep_operator.engine.events import EventQueue
from sweep_operator.engine.log_keys import log_keys
from sweep_operator.engine.objects import ATTEMPT_KINDS, Objects
from sweep_operator.engine.ports import NotLeading, Settings, Suggester, WarmStartReader
from sweep_operator.engine.queue import WorkQueue
from sweep_operator.engine.reconciler import Key, Reconciler
from sweep_operator.engine.reports import Reports
from sweep_operator.engine.store import Store
from sweep_operator.garbage import no_collection
from sweep_operator.kube.protocol import Gone, Kind, Kube, KubeError, Object

log = logging.getLogger(__name__)

WATCHED = (Kind.SWEEP, Kind.SWEEP_RUN, Kind.JOB, Kind.POD)
LISTED = (Kind.CLAIM, Kind.SERVICE)
MANAGED = {MANAGED_BY_LABEL: MANAGED_BY}
"""Label of every Job, Pod and claim that the operator creates; listing all of the cluster's would be expensive."""


class Engine:
    """Keeps the store current and reconciles Sweeps. All of its state can be rebuilt from the cluster."""

    def __init__(self, kube: Kube, suggester: Suggester, warm_start: WarmStartReader, settings: Settings) -> None:
        self._kube, self._suggester, self._warm_start, self._settings = kube, suggester, warm_start, settings
        self.store = Store(SWEEP_LABEL, settings.on_change)
        self.queue: WorkQueue[Key] = WorkQueue(
            settings.monotonic, rand=random.random, group=lambda key: key[0], is_new=self._has_no_run
        )
        self.events = EventQueue(kube, settings.now)
        self.reports = Reports(kube, settings, self.queue.add_after)
        self._objects = Objects(kube, self.store, self.events, settings.check_leading)
        self._reconcilers: dict[Key, Reconciler] = {}
        self._run_limits: dict[Key, int] = {}
        self._listed: dict[tuple[Kind, str | None], int] = {}
        """By resource type and namespace: resourceVersion of the latest LIST of an audit."""
        self._stale: set[Key] = set()
        """Sweeps whose objects are read from the API server before the next pass."""

    # -- what comes in ----------------------------------------------------------------------------------------------

    def apply(self, kind: Kind, obj: Object, *, deleted: bool = False) -> None:
        """Apply one watch event and queue the Sweep that it belongs to."""
        if self.store.apply(kind, obj, deleted=deleted):
            self.enqueue(kind, obj)
            if kind == Kind.POD and not deleted:
                self.reports.note(obj)

    def enqueue(self, kind: Kind, obj: Object) -> None:
        """Queue the Sweep that an object belongs to."""
        meta = obj["metadata"]
        if kind == Kind.SWEEP:
            name = meta["name"]
        elif kind == Kind.SWEEP_RUN:
            name = (obj.get("spec") or {}).get("sweepName")
        else:
            name = (meta.get("labels") or {}).get(SWEEP_LABEL)
        if name:
            self.queue.add((meta.get("namespace", ""), name))

    async def resume(self, namespace: str | None = None) -> None:
        """Begin with what the first passes need. Follow it with an audit, which reads the rest.

        That is all but the Jobs and pods of runs that have ended: there may be thousands, and no new run needs them.
        """
        self.store.partial.add(namespace)
        await self.read_ahead(namespace)
        begun = filter(has_begun, self.store.unpacked(Kind.SWEEP_RUN))
        names = {run["metadata"]["name"] for run in begun if namespace in (None, run["metadata"]["namespace"])}
        for kind in ATTEMPT_KINDS:
            self._listed[kind, namespace] = await self._objects.refresh_runs(kind, namespace, names)
        self._queue_changed(namespace)

    async def read_ahead(self, namespace: str | None = None) -> None:
        """Read the Sweeps and their runs. A process that waits for the lease may do so: ``resume`` is faster then."""
        with no_collection():
            for kind in (Kind.SWEEP, Kind.SWEEP_RUN, *LISTED):
                _, self._listed[kind, namespace] = await self._list(kind, namespace)

    async def audit(self, namespace: str | None = None) -> None:
        """Full resync: LIST all objects, which corrects missed events, deletions included.

        Queues every Sweep but those that have ended and for which nothing has changed.
        """
        with no_collection():
            for kind in (*WATCHED, *LISTED):
                self._listed[kind, namespace] = await self._relist(kind, namespace)
        self.store.partial.discard(namespace)
        for reconciler in self._reconcilers.values():
            reconciler.acceptance.recheck()
        self._queue_changed(namespace)

    def _queue_changed(self, namespace: str | None) -> None:
        for key in {*self.store.places(), *(key[1:] for key in self.store.keys(Kind.SWEEP))}:
            if namespace in (None, key[0]) and not self._rests(key):
                self.queue.add(key)

    def _has_no_run(self, key: Key) -> bool:
        """Whether a Sweep has not begun: its first run goes before the next ones of other Sweeps of its namespace."""
        if self.store.any_labeled(Kind.SWEEP_RUN, *key):
            return False
        sweep = self.store.get(Kind.SWEEP, *key)
        return sweep is not None and not sweep["metadata"].get("deletionTimestamp")

    def _rests(self, key: Key) -> bool:
        reconciler = self._reconcilers.get(key)
        return reconciler is not None and reconciler.rests(self.store.get(Kind.SWEEP, *key))

    async def follow(self, kind: Kind, namespace: str | None = None) -> None:
        """LIST and watch one resource type until canceled. A watch that ends is restarted with a LIST."""
        while True:
            try:
                since = await self.watch_from(kind, namespace)
                async for event in self._kube.watch(kind, namespace, resource_version=since):
                    self.apply(kind, event.object, deleted=event.type == "DELETED")
            except KubeError as error:
                log.warning("watch of %s ended: %s", kind, error)
                await asyncio.sleep(1)

    async def watch_from(self, kind: Kind, namespace: str | None) -> int:
        """The resourceVersion after which a watch must begin: of the latest audit, or of a LIST if it was used before.

        The API server may no longer have the changes after the audit.
        """
        since = self._listed.pop((kind, namespace), None)
        if since is None:
            since = await self._relist(kind, namespace)
            self._queue_changed(namespace)
        return since

    async def _relist(self, kind: Kind, namespace: str | None) -> int:
        """Apply a LIST and queue the Sweeps of objects that have vanished. Return its resourceVersion."""
        vanished, version = await self._list(kind, namespace)
        for obj in vanished:
            self.enqueue(kind, obj)
        return version

    async def _list(self, kind: Kind, namespace: str | None) -> tuple[list[Object], int]:
        """Apply a LIST page by page: all objects at once may take hundreds of MB.

        Return the objects that have vanished, and its resourceVersion.
        """
        # Users create Sweeps and SweepRuns, without the operator's labels.
        every = self._settings.own_kube or kind in (Kind.SWEEP, Kind.SWEEP_RUN)
        labels = None if every else MANAGED
        try:
            pages = self._kube.pages(kind, namespace, labels=labels)
            return await self.store.replace_by_page(kind, pages, namespace)
        except Gone:
            listed = await self._kube.list(kind, namespace, labels=labels)
            return self.store.replace(kind, listed, namespace), listed.resource_version

    def limit_new_runs(self, key: Key, total: int) -> None:
        """Create at most ``total`` runs, whatever the spec allows (to run one iteration at a time)."""
        self._run_limits[key] = total
        self.queue.add(key)

    # -- passes -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Reconcile until canceled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.workers):
                group.create_task(self._worker())
            group.create_task(self.reports.run())

    @property
    def idle(self) -> bool:
        """Whether no pass waits or runs, and nothing is being cleaned up (timers may be set)."""
        return self.queue.idle and not any(known.cleanups.runs for known in self._reconcilers.values())

    async def stop(self) -> None:
        """Begin no more passes; return when everything that was begun is done."""
        await self.queue.stop()
        await self.drain()

    async def drain(self) -> None:
        """Wait for the cleanups and the Events in progress."""
        for reconciler in list(self._reconcilers.values()):
            await reconciler.cleanups.drain()
        await self.events.drain()

    def close(self) -> None:
        """Cancel the background tasks."""
        self.queue.close()
        self.events.close()
        self.reports.close()
        for reconciler in self._reconcilers.values():
            reconciler.close()

    async def _worker(self) -> None:
        while True:
            await self.work()

    async def work(self) -> None:
        """Wait for a key and run a pass over it. No KubeError is raised: the pass is retried."""
        key = await self.queue.take()
        try:
            began = self._settings.monotonic()
            with log_keys(namespace=key[0], sweep=key[1]):
                outcome = await self._outcome(key)
            self._settings.on_pass(self._settings.monotonic() - began, outcome)
        finally:
            self.queue.done(key)

    async def _outcome(self, key: Key) -> str:
        try:
            await self.reconcile(key)
        except Exception as error:
            return self._retry_later(key, error)
        self.queue.succeeded(key)
        return "done"

    def _retry_later(self, key: Key, error: Exception) -> str:
        errors = error.errors if isinstance(error, RunErrors) else (error,)
        stale = [isinstance(e, STALE) for e in errors]
        if any(stale):
            self._stale.add(key)
        delay = self.queue.add_failed(key)
        if all(stale):
            log.info("%s/%s: %s; reading the objects again in %.1f s", *key, error, delay)
            return "again"
        if isinstance(error, (KubeError, NotLeading, RunErrors)):
            log.warning("%s/%s: %s; retrying in %.1f s", *key, error, delay)
        else:
            log.error("%s/%s: pass failed; retrying in %.1f s", *key, delay, exc_info=error)
        return "failed"

    async def reconcile(self, key: Key) -> None:
        """One pass. Raises whatever has stopped it, or RunErrors."""
        if key in self._stale:
            await self._reread(key)
            self._stale.discard(key)
        obj, known = self.store.get(Kind.SWEEP, *key), self._reconcilers.get(key)
        uid = None if obj is None or obj["metadata"].get("deletionTimestamp") else obj["metadata"]["uid"]
        if known is not None and known.uid != uid:
            self._forget(known)
        if obj is None or uid is None:
            if self._settings.tracker is not None:
                self._settings.tracker.forget(key)
            # The runs are deleted with the Sweep: no pod may keep the operator's finalizer.
            await self._objects.release_pods(*key)
            self.store.pack_labeled(Kind.SWEEP_RUN, *key)  # users may create thousands for a Sweep that does not exist
            return
        if key not in self._reconcilers:
            self._reconcilers[key] = Reconciler(
                key, uid, self._objects, self.queue, self._suggester, self._warm_start, self.reports, self._settings
            )
        await self._reconcilers[key].reconcile(obj, self._run_limits.get(key))

    def _forget(self, reconciler: Reconciler) -> None:
        """Drop what is known of a deleted Sweep. Deletions of resource types that are not watched send no event.

        A new Sweep with the same name must not use the templates of the old one.
        """
        reconciler.close()
        self.reports.forget(reconciler.key)
        del self._reconcilers[reconciler.key]
        for kind in (Kind.REVISION, Kind.SERVICE, Kind.CLAIM, Kind.CONFIG_MAP):
            self.store.forget(kind, *reconciler.key)

    async def _reread(self, key: Key) -> None:
        """Read all objects of one Sweep from the API server, after a failed precondition or a lost response."""
        namespace, name = key
        await self._objects.read(Kind.SWEEP, namespace, name)
        for kind in (Kind.SWEEP_RUN, Kind.JOB, Kind.POD, *LISTED):
            await self._relist(kind, namespace)
