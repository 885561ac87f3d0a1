"""One sweep on one machine: starts the embedded API server, the engine and the optimizer process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sweep_operator.api.errors import InvalidObject, parse
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import find_condition
from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.tracking import Destination, destination
from sweep_operator.domain.pods import pod_has_ended
from sweep_operator.engine.acceptance import check_sweep
from sweep_operator.engine.engine import WATCHED, Engine
from sweep_operator.engine.full_reports import FullReports
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.report_files import FOLDER, ReportFiles
from sweep_operator.engine.store import version_of
from sweep_operator.kube.embedded import LocalCluster
from sweep_operator.kube.embedded.control import ControlServer
from sweep_operator.kube.protocol import AlreadyExists, Kind, Kube, KubeError, NotFound, Object
from sweep_operator.local.admission import Refused, admit
from sweep_operator.local.config_file import write_config
from sweep_operator.local.objects import NAMESPACE, replacing_patch, with_namespace
from sweep_operator.local.optimizer import Starting
from sweep_operator.local.repeated import continued, never_started, with_defaults
from sweep_operator.local.runs import Runs
from sweep_operator.local.the_rest import read_the_rest
from sweep_operator.local.tracking import with_own_account
from sweep_operator.local.warm_start_sources import LocalWarmStart
from sweep_operator.sandbox.child import Sandbox
from sweep_operator.suggest.pool import OptimizerPool
from sweep_operator.tracking.delivery.outbox import Outbox
from sweep_operator.tracking.delivery.process import DeliveryChild
from sweep_operator.tracking.history.warm_start import WandbSources

log = logging.getLogger(__name__)
DELIVERY_SECONDS = 30.0
"""At the end of a sweep, deliveries that fail are retried for so long."""
SETTLE_SECONDS = 5.0


class LocalSession:
    """``async with LocalSession(runs_dir, manifest) as session``: run the sweep until the block ends.

    Entering opens or creates ``<runs_dir>/<displayName>/state.db``. It then applies the manifest, which creates the
    Sweep or edits the existing one. Raises InvalidObject if the manifest or the edit is rejected.
    """

    def __init__(
        self,
        runs_dir: Path,
        manifest: Mapping[str, Any],
        *,
        config: OperatorConfig | None = None,
        extras: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.runs_dir = runs_dir.resolve()
        self._manifest = with_defaults(with_namespace(manifest))
        self._extras = [with_namespace(e) for e in extras]
        self._config = config or with_own_account(OperatorConfig(), os.environ)
        sweep = parse(Sweep, self._manifest)
        problems = check_sweep(sweep, self._config, require_image=False)
        if problems:
            raise InvalidObject(problems)
        self.name, self.display_name = sweep.name, sweep.display_name
        self.directory = self.runs_dir / self.display_name
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._runs = Runs()
        self._events: list[Object] = []
        self._last_event_version = 0

    # -- start and end ----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        state = self.directory / "state.db"
        resumed = state.exists()
        self._cluster = LocalCluster(state, self.runs_dir, admission=admit, clock=lambda: datetime.now(UTC))
        await self._cluster.__aenter__()
        self.kube: Kube = self._cluster.kube
        try:
            await self._apply()
        except BaseException:
            await self._cluster.__aexit__(None, None, None)
            raise
        self._cluster.space.be_patient(True)
        self._child, self._sandbox = OptimizerPool(), Sandbox()
        self._files = ReportFiles(self.directory / FOLDER, tracked_only=False)
        if resumed:  # they start while the runs are read
            await self._child.prepare((await self.kube.list(Kind.SWEEP, NAMESPACE)).items)
        self._outbox = Outbox(
            DeliveryChild(run_seconds=self._config.wandb_run_seconds),
            self._config,
            folder_of=lambda sweep: self.directory,
            reports=FullReports(self._files, self.kube, self._sandbox),
        )
        history = LocalWarmStart(self.runs_dir, self.kube, WandbSources(self._config), self._sandbox)
        self._optimizer = Starting(self._child, self._changed.set)
        self._engine = Engine(self.kube, self._optimizer, history, self._settings())
        self._outbox.on_news = self._engine.queue.add
        await (self._engine.resume if resumed else self._engine.audit)(NAMESPACE)
        self._tasks = [
            *([asyncio.create_task(read_the_rest(self._engine))] if resumed else ()),
            *(asyncio.create_task(self._engine.follow(kind, NAMESPACE)) for kind in (*WATCHED, Kind.CLAIM)),
            asyncio.create_task(self._follow_events()),
            asyncio.create_task(self._engine.run()),
            asyncio.create_task(self._outbox.run()),
        ]
        self._control = ControlServer(self.kube, self.directory, self._engine.apply)
        await self._control.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._control.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._engine.close()
        await self._child.close()
        await self._sandbox.close()
        await self._outbox.close()
        await self._cluster.__aexit__(None, None, None)

    def _settings(self) -> Settings:
        return Settings(
            config=self._config,
            now=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
            require_image=False,
            own_kube=True,
            report_seconds=1.0,
            report_write_seconds=1.0,
            report_files=self._files,
            failures_since=datetime.now(UTC),
            component="sweep",
            evaluator=self._sandbox,
            tracker=self._outbox,
            forecaster=self._child,
            on_change=self._on_change,
            read_run=self._runs.read,
        )

    async def _apply(self) -> None:
        try:
            obj = await self.kube.get(Kind.SWEEP, NAMESPACE, self.name)
        except NotFound:
            obj = await self._create(self._manifest)
        else:
            labels = {**(self._manifest["metadata"].get("labels") or {}), MANAGED_BY_LABEL: MANAGED_BY}
            wanted = replacing_patch(obj.get("spec") or {}, parse(Sweep, self._manifest).spec.to_json())
            obj = await self._edit({"metadata": {"labels": labels}, "spec": wanted})
            if (again := continued(obj)) is not None:
                for run in (await self.kube.list(Kind.SWEEP_RUN, NAMESPACE)).items:
                    if never_started(run):
                        await self.kube.delete(Kind.SWEEP_RUN, NAMESPACE, run["metadata"]["name"])
                obj = await self.kube.update_status(Kind.SWEEP, again)
        write_config(self.directory, read(Sweep, obj))
        self._written_wandb_sweep = _wandb_sweep(obj)
        for extra in self._extras:
            try:
                await self._create(extra)
            except AlreadyExists:
                continue

    async def _create(self, manifest: Object) -> Object:
        labels = {**(manifest["metadata"].get("labels") or {}), MANAGED_BY_LABEL: MANAGED_BY}
        body = {**manifest, "metadata": {**manifest["metadata"], "labels": labels}}
        try:
            return await self.kube.create(Kind(manifest["kind"]), body)
        except Refused as error:
            raise InvalidObject(error.errors) from None

    async def _edit(self, patch: Object) -> Object:
        try:
            return await self.kube.patch(Kind.SWEEP, NAMESPACE, self.name, patch)
        except Refused as error:
            raise InvalidObject(error.errors) from None

    # -- state ------------------------------------------------------------------------------------------------------

    def view(self) -> tuple[Sweep, list[SweepRun]]:
        """Return the Sweep and its runs: manual runs first, then by index."""
        obj = self._engine.store.get(Kind.SWEEP, NAMESPACE, self.name)
        assert obj is not None, "the Sweep exists while the session does"
        return read(Sweep, obj), self._runs.view(self._engine.store)

    async def changed(self, timeout: float) -> None:
        """Wait for the next change, at most ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def done(self) -> bool:
        """Report whether the sweep has ended and all of its runs are finished."""
        sweep, runs = self.view()
        condition = find_condition(sweep.status.conditions, "Succeeded")
        ended = condition is not None and condition.status != "Unknown"
        current = condition is not None and condition.observed_generation == sweep.metadata.generation
        return ended and current and all(r.terminal for r in runs if r.spec.index is None)

    def waits_for(self) -> str:
        """Report what the whole sweep waits for: space on the disk, or the optimizer's first answer. Empty: nothing."""
        if self.paused:
            return f"Paused: {self._cluster.space.problem}. Press Ctrl-C to exit."
        return "Starting the optimizer." if self._optimizer.starting else ""

    @property
    def paused(self) -> bool:
        """Whether nothing can be written to the disk, so that work waits for space."""
        return bool(self._cluster.space.problem)

    def delivering(self) -> bool:
        """Report whether finished runs are still being delivered to W&B, and there is a prospect of success.

        False if W&B has not accepted anything for DELIVERY_SECONDS, or if a person has to fix the cause.
        """
        sweep, runs = self.view()
        target = destination(sweep, self._config)
        if not isinstance(target, Destination) or self._outbox.failing((NAMESPACE, self.name), DELIVERY_SECONDS):
            return False
        return any(r.terminal and not r.imported and r.status.tracking is None for r in runs)

    def drained(self) -> bool:
        """Report whether no process of the sweep is running."""
        return all(map(pod_has_ended, self._engine.store.labeled(Kind.POD, NAMESPACE, self.name)))

    def idle(self) -> bool:
        """Report whether no reconcile, process or suggestion is in progress."""
        return self._engine.idle and self.drained()

    async def calm(self) -> None:
        """Wait until no pass has waited or run for a moment, but not long."""
        await self._engine.queue.calm()

    async def settle(self) -> None:
        """Wait until no reconcile is in progress, at most SETTLE_SECONDS, and load all Events for ``events``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while not self._engine.idle:
                    await self.changed(0.05)
                await self._engine.events.drain()
        self._events += (await self.kube.list(Kind.EVENT, NAMESPACE)).items

    def events(self) -> list[Object]:
        """Return the Events since the last call, oldest first."""
        listed, self._events = sorted(self._events, key=version_of), []
        unseen = {e["metadata"]["uid"]: e for e in listed if version_of(e) > self._last_event_version}
        new = sorted(unseen.values(), key=version_of)
        self._last_event_version = version_of(new[-1]) if new else self._last_event_version
        return [e for e in new if (e["reason"], e["involvedObject"]["kind"]) != ("RunFailed", Kind.SWEEP)]

    # -- control ----------------------------------------------------------------------------------------------------

    def limit_new_runs(self, n: int) -> None:
        """Create at most ``n`` further runs, even if the limits of the spec allow more."""
        created = sum(r.spec.index is not None for r in self.view()[1])
        self._engine.limit_new_runs((NAMESPACE, self.name), created + n)

    def refuse_changes(self) -> None:
        """Refuse the changes of other commands from now on: they wait for the end of this session."""
        self._control.refuse()

    async def suspend(self) -> None:
        """Suspend the sweep. Active runs finish."""
        await self._edit({"spec": {"suspend": True, "suspendPolicy": "drain"}})

    async def stop_processes(self) -> None:
        """Stop all processes. Their attempts count as preempted; the next session resumes from their checkpoints."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cluster.stop(kill=True)

    async def _follow_events(self) -> None:
        """Collect the Events of this session. The engine needs none of them."""
        since = self._last_event_version = (await self.kube.list(Kind.SWEEP, NAMESPACE)).resource_version
        while True:
            try:
                async for event in self.kube.watch(Kind.EVENT, NAMESPACE, resource_version=since):
                    since = version_of(event.object)
                    if event.type != "DELETED":
                        self._events.append(event.object)
                        self._changed.set()
            except KubeError as error:
                log.warning("watch of %s ended: %s", Kind.EVENT, error)
                listed = await self.kube.list(Kind.EVENT, NAMESPACE)
                self._events, since = list(listed.items), listed.resource_version

    def _on_change(self, kind: Kind, obj: Object) -> None:
        if kind in (Kind.SWEEP, Kind.SWEEP_RUN):
            self._changed.set()
        if kind == Kind.SWEEP_RUN:
            self._runs.note(obj)
        if kind == Kind.SWEEP and _wandb_sweep(obj) != self._written_wandb_sweep:
            self._written_wandb_sweep = _wandb_sweep(obj)
            try:
                write_config(self.directory, read(Sweep, obj))
            except OSError as error:  # for people and other tools; the next `sweep run` writes it again
                log.warning("%s", error)


def _wandb_sweep(sweep: Mapping[str, Any]) -> str | None:
    found = ((sweep.get("status") or {}).get("tracking") or {}).get("wandbSweepId")
    return None if found is None else str(found)
