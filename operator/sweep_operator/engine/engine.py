"""The reconcile loop of the operator and of local mode: events go into the store, keys into the queue; one pass per
key at a time."""

from __future__ import annotations

import asyncio
import logging
import random

from sweep_operator.api.errors import FieldError, InvalidObject, parse
from sweep_operator.api.names import KUEUE_GROUP, MANAGED_BY, MANAGED_BY_LABEL, RESULT_FINALIZER, RUN_LABEL, SWEEP_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Plan, ReleasePod, SuggestRequest
from sweep_operator.decide.refusal import ASK_AGAIN
from sweep_operator.decide.sweep import decide
from sweep_operator.engine.accept import check_sweep, refusal
from sweep_operator.engine.act import Executor
from sweep_operator.engine.gather import Gatherer
from sweep_operator.engine.log_keys import log_keys
from sweep_operator.engine.logs import read_logs
from sweep_operator.engine.memory import Memory
from sweep_operator.engine.ports import NotLeading, Settings, Suggester, WarmStartReader
from sweep_operator.engine.preflight import Preflight
from sweep_operator.engine.queue import WorkQueue
from sweep_operator.engine.recorder import Recorder
from sweep_operator.engine.store import Store
from sweep_operator.engine.warm_start import WarmStarter
from sweep_operator.kube.protocol import Conflict, Kind, Kube, KubeError, NotFound, Object, ObjectList, UnknownOutcome

log = logging.getLogger(__name__)

WATCHED = (Kind.SWEEP, Kind.SWEEP_RUN, Kind.JOB, Kind.POD)
ASK_SOURCES_AGAIN = 10.0
"""Seconds until unreadable warm-start sources are retried."""
Key = tuple[str, str]
"""(namespace, name) of a Sweep."""
MANAGED = {MANAGED_BY_LABEL: MANAGED_BY}
"""Label of every Job, Pod and claim that the operator creates; listing all of the cluster's would be expensive."""


class Engine:
    """Reconciles Sweeps. All of its state can be rebuilt from the cluster."""

    def __init__(self, kube: Kube, suggester: Suggester, warm_start: WarmStartReader, settings: Settings) -> None:
        self._kube, self._suggester, self._settings = kube, suggester, settings
        self.store = Store(SWEEP_LABEL)
        self.queue: WorkQueue[Key] = WorkQueue(settings.monotonic, jitter=random.Random())
        self._recorder = Recorder(kube, self.store, settings)
        self._executor = Executor(kube, self.store, self._recorder, settings)
        self._gatherer = Gatherer(kube, self.store)
        self._preflight = Preflight(kube, self.store)
        self._warm = WarmStarter(kube, self.store, warm_start, settings)
        self._memories: dict[Key, Memory] = {}
        self._run_limits: dict[Key, int] = {}

    # -- what comes in ----------------------------------------------------------------------------------------------

    def apply(self, kind: Kind, obj: Object, *, deleted: bool = False) -> None:
        """Apply one watch event and queue the Sweep that it belongs to."""
        if self.store.apply(kind, obj, deleted=deleted):
            self.enqueue(kind, obj)

    def enqueue(self, kind: Kind, obj: Object) -> None:
        """Queue the Sweep that an object belongs to."""
        meta = obj["metadata"]
        namespace = meta.get("namespace", "")
        if kind == Kind.SWEEP:
            name = meta["name"]
        elif kind == Kind.SWEEP_RUN:
            name = (obj.get("spec") or {}).get("sweepName")
        else:
            name = (meta.get("labels") or {}).get(SWEEP_LABEL)
        if name:
            self.queue.add((namespace, name))

    async def audit(self, namespace: str | None = None) -> None:
        """Full resync: LIST all objects, which corrects missed events, deletions included. Queues every Sweep."""
        for kind in (*WATCHED, Kind.CLAIM):
            for obj in self.store.replace(kind, await self._list(kind, namespace), namespace):
                self.enqueue(kind, obj)
        for memory in self._memories.values():
            if memory.problems:  # a missing dependency, such as the API of a queue, may be installed now
                memory.checked_generation = None
        for kind in WATCHED:
            for obj in self.store.all(kind):
                self.enqueue(kind, obj)

    async def _list(self, kind: Kind, namespace: str | None) -> ObjectList:
        ours = kind in (Kind.SWEEP, Kind.SWEEP_RUN)  # users create these, without the operator's labels
        return await self._kube.list(kind, namespace, labels=None if ours else MANAGED)

    async def follow(self, kind: Kind, namespace: str | None = None) -> None:
        """LIST and watch one resource type until canceled. A watch that ends is restarted with a LIST."""
        while True:
            try:
                listed = await self._kube.list(kind, namespace)
                for obj in (*self.store.replace(kind, listed, namespace), *listed.items):
                    self.enqueue(kind, obj)
                async for event in self._kube.watch(kind, namespace, resource_version=listed.resource_version):
                    self.apply(kind, event.object, deleted=event.type == "DELETED")
            except KubeError as error:
                log.warning("watch of %s ended: %s", kind, error)
                await asyncio.sleep(1)

    def limit_new_runs(self, key: Key, total: int | None) -> None:
        """Create at most ``total`` runs, whatever the spec allows (to run one iteration at a time)."""
        if total is None:
            self._run_limits.pop(key, None)
        else:
            self._run_limits[key] = total
        if key in self._memories:
            self._memories[key].run_limit = total
        self.queue.add(key)

    # -- passes -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Reconcile until canceled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.workers):
                group.create_task(self._worker())

    async def stop(self) -> None:
        """Start no more passes; return when the active ones are done."""
        await self.queue.stop()

    def close(self) -> None:
        """Cancel the background tasks."""
        self.queue.close()
        for memory in self._memories.values():
            memory.forget()

    async def _worker(self) -> None:
        while True:
            key = await self.queue.take()
            try:
                await self._attempt(key)
            finally:
                self.queue.done(key)

    async def _attempt(self, key: Key) -> None:
        namespace, name = key
        began = self._settings.monotonic()
        with log_keys(namespace=namespace, sweep=name):
            outcome = await self._outcome(key)
        self._settings.on_pass(self._settings.monotonic() - began, outcome)

    async def _outcome(self, key: Key) -> str:
        try:
            await self.reconcile(key)
        except (Conflict, UnknownOutcome) as error:
            log.info("%s/%s: %s; refreshing from the API server", *key, error)
            try:
                await self._reread(key)
            except KubeError as again:
                log.warning("%s/%s: %s", *key, again)
            self.queue.add_failed(key)
            return "again"
        except (KubeError, NotLeading) as error:
            delay = self.queue.add_failed(key)
            log.warning("%s/%s: %s; again in %.1f s", *key, error, delay)
            return "failed"
        except Exception:
            delay = self.queue.add_failed(key)
            log.exception("%s/%s: pass failed; again in %.1f s", *key, delay)
            return "failed"
        self.queue.succeeded(key)
        return "done"

    async def reconcile(self, key: Key) -> None:
        """One pass. Raises KubeError."""
        namespace, name = key
        obj = self.store.get(Kind.SWEEP, namespace, name)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            await self._let_go(key)
            return
        memory = self._memory(key, obj)
        try:
            sweep = parse(Sweep, obj)
        except InvalidObject as error:
            await self._refuse(obj, error.errors)
            return
        if memory.checked_generation != sweep.metadata.generation:
            memory.problems = tuple(await self._check(sweep))
            memory.checked_generation = sweep.metadata.generation
        await self._warm.recall(sweep, memory)
        await self._pass(key, sweep, memory)

    async def _check(self, sweep: Sweep) -> list[FieldError]:
        """All errors of a spec. Pods that the namespace forbids are reported as an Event."""
        config = self._settings.config
        if sweep.spec.queue is not None and config.kueue is None:
            config = config.with_(kueue=await self._kube.serves(KUEUE_GROUP))
        problems = check_sweep(sweep, config, self._settings.require_image)
        if problems or not self._settings.dry_run_pods:
            return problems
        errors, events = await self._preflight.check(sweep, config)
        await self._recorder.record(sweep, events)
        return errors

    async def _pass(self, key: Key, sweep: Sweep, memory: Memory) -> None:
        now = self._settings.now()
        tracker = self._settings.tracker
        tracking = tracker.report(key, sweep.metadata.uid) if tracker is not None else None
        config = self._settings.config
        snapshot = await self._gatherer.snapshot(sweep, memory.problems, memory, config, now, tracking)
        plan = decide(snapshot)
        await self._release_orphans(key)
        if await self._executor.carry_out(sweep, plan, memory):
            self.queue.add(key)
        if memory.status_waits_since is not None:
            self.queue.add_after(key, self._settings.status_delay)
        if plan.create or (plan.suggest is not None and memory.suggesting is None):
            memory.suggested = None
        await self._after(key, sweep, plan, memory)

    async def _after(self, key: Key, sweep: Sweep, plan: Plan, memory: Memory) -> None:
        wanted = [request for run in plan.runs for request in run.logs]
        if wanted:
            memory.logs.update(await read_logs(self._kube, sweep.metadata.namespace, wanted))
            self.queue.add(key)
        await self._probe(key, plan, memory)
        if self._settings.tracker is not None:
            self._settings.tracker.offer(key, sweep, plan.track)
        if plan.read_warm_start and memory.warming is None:
            memory.warming = asyncio.create_task(self._warm_up(key, sweep, memory))
        if plan.suggest is not None and memory.suggesting is None:
            memory.suggesting = asyncio.create_task(self._suggest(key, sweep, plan.suggest, memory))
        if plan.wake is not None:
            seconds = (plan.wake - self._settings.now()).total_seconds()
            self.queue.add_after(key, max(0.05, seconds))

    async def _probe(self, key: Key, plan: Plan, memory: Memory) -> None:
        """Find out why Jobs have no pods, at most once per interval for each Job."""
        now = self._settings.now()
        for job in (probe.job for run in plan.runs for probe in run.probes):
            self.queue.add_after(key, ASK_AGAIN.total_seconds())
            if now - memory.asked.get(job, now - ASK_AGAIN) < ASK_AGAIN:
                continue
            memory.asked[job] = now
            found = await self._preflight.probe(key[0], job, memory.refusals.get(job), now)
            if found is not None:
                memory.refusals[job] = found
            elif memory.refusals.pop(job, None) is None:
                continue
            self.queue.add(key)

    async def _suggest(self, key: Key, sweep: Sweep, request: SuggestRequest, memory: Memory) -> None:
        try:
            answer = await self._suggester.suggest(sweep, request)
            memory.suggested = (sweep.metadata.generation, answer)
            memory.suggest_seconds = answer.seconds if answer.suggestions else memory.suggest_seconds
            if not answer.suggestions and answer.infeasible is None:
                await asyncio.sleep(1)
        except Exception:
            log.exception("%s/%s: the suggestion failed", *key)
            await asyncio.sleep(1)
        finally:
            memory.suggesting = None
            self.queue.add(key)

    async def _warm_up(self, key: Key, sweep: Sweep, memory: Memory) -> None:
        """Read the sources in the background: a tracker may take a minute to time out."""
        delay = 0.0
        try:
            with log_keys(namespace=key[0], sweep=key[1]):
                delay = 0.0 if await self._warm.read(sweep, memory) else ASK_SOURCES_AGAIN
        except (KubeError, NotLeading) as error:
            log.warning("%s/%s: cannot store the warm start: %s", *key, error)
            delay = ASK_SOURCES_AGAIN
        except Exception:
            log.exception("%s/%s: reading the warm start failed", *key)
            delay = ASK_SOURCES_AGAIN
        finally:
            memory.warming = None
            self.queue.add_after(key, delay)

    # -- edges ------------------------------------------------------------------------------------------------------

    def _memory(self, key: Key, obj: Object) -> Memory:
        uid = obj["metadata"]["uid"]
        memory = self._memories.get(key)
        if memory is None or memory.uid != uid:
            if memory is not None:
                self._forget(key, memory)
            memory = Memory(uid, run_limit=self._run_limits.get(key))
            self._memories[key] = memory
        return memory

    async def _let_go(self, key: Key) -> None:
        """The Sweep is deleted or being deleted, and its runs with it: no pod may keep the operator's finalizer."""
        memory = self._memories.pop(key, None)
        if memory is not None:
            self._forget(key, memory)
        if self._settings.tracker is not None:
            self._settings.tracker.forget(key)
        namespace, name = key
        for pod in self.store.labeled(Kind.POD, namespace, name):
            meta = pod["metadata"]
            if RESULT_FINALIZER in (meta.get("finalizers") or []):
                await self._executor.release(namespace, ReleasePod(meta["name"], meta.get("uid", "")))

    async def _release_orphans(self, key: Key) -> None:
        """Remove the finalizer from pods whose run was deleted. Raises KubeError."""
        namespace, name = key
        for pod in self.store.labeled(Kind.POD, namespace, name):
            meta = pod["metadata"]
            run = (meta.get("labels") or {}).get(RUN_LABEL)
            if not run or RESULT_FINALIZER not in (meta.get("finalizers") or []):
                continue
            if self.store.get(Kind.SWEEP_RUN, namespace, run) is not None:
                continue
            try:  # a watch may lag behind
                self.store.apply(Kind.SWEEP_RUN, await self._kube.get(Kind.SWEEP_RUN, namespace, run))
            except NotFound:
                await self._executor.release(namespace, ReleasePod(meta["name"], meta.get("uid", "")))

    def _forget(self, key: Key, memory: Memory) -> None:
        """Drop what is known of a deleted Sweep. Deletions of resource types that are not watched send no event.

        A new Sweep with the same name must not use the templates of the old one.
        """
        memory.forget()
        for kind in (Kind.REVISION, Kind.SERVICE, Kind.CLAIM, Kind.CONFIG_MAP):
            self.store.forget(kind, *key)

    async def _refuse(self, obj: Object, errors: list[FieldError]) -> None:
        """Report a spec that cannot be parsed (admission did not reject it); its runs are not changed."""
        status = refusal(obj, errors, self._settings.now())
        if status == (obj.get("status") or {}):
            return
        self.store.apply(Kind.SWEEP, await self._kube.update_status(Kind.SWEEP, {**obj, "status": status}))

    async def _reread(self, key: Key) -> None:
        """Read all objects of one Sweep from the API server, after a failed precondition or a lost response."""
        namespace, name = key
        try:
            self.store.apply(Kind.SWEEP, await self._kube.get(Kind.SWEEP, namespace, name))
        except NotFound:
            self.store.gone(Kind.SWEEP, namespace, name)
        for kind in (Kind.SWEEP_RUN, Kind.JOB, Kind.POD, Kind.CLAIM):
            self.store.replace(kind, await self._list(kind, namespace), namespace)
