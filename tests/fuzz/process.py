"""An operator process: the engine with its workers, a watch, full resyncs and, with a rival, a lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL
from sweep_operator.engine.engine import WATCHED, Engine, Key
from sweep_operator.engine.ports import Settings
from sweep_operator.kube.embedded.objects import copy
from sweep_operator.kube.protocol import EventType, Kind, KubeError, Object
from sweep_operator.runtime.lease import Lease, LeaseLost
from tests.engine.world import NS, NoWarmStart
from tests.fuzz import clock
from tests.fuzz.client import RESYNC, Client
from tests.fuzz.server import ACTOR
from tests.fuzz.suggester import Forecaster, Suggester

if TYPE_CHECKING:
    from tests.fuzz.schedule import World

RESYNC_SECONDS = 300.0
LEASE_SECONDS = 30.0
PASS_STARTED: ContextVar[float | None] = ContextVar("pass_started", default=None)
"""When the pass began that writes."""
MAX_PASSES = 6_000


class Process:
    """One life of one process. A restart is another Process."""

    def __init__(self, world: World, name: str) -> None:
        dice = world.dice
        self.world, self.name, self.dead, self.leads = world, name, False, False
        self.crash_rate, self.error_rate = world.plan.crash_rate, world.plan.error_rate
        self.quota_rate, self.slowness = world.plan.quota_rate, world.plan.slowness
        self._running = asyncio.Event()
        self._running.set()
        self._backlog: list[tuple[Kind, EventType, Object]] = []
        self._lag: dict[Kind, tuple[float, str]] = {}
        self._watches = False
        self._resumes = dice.chosen("resumes", 0.5)
        self.client = Client(world.server, dice, self)
        self.lease = Lease(
            self.client, NS, "lease", name, LEASE_SECONDS, clock.seconds, now=clock.now
        ) if world.plan.rivals else None  # fmt: skip
        settings = Settings(
            config=OperatorConfig(lost_node_seconds=60, finished_job_seconds=world.plan.finished_job_seconds),
            now=clock.now,
            monotonic=clock.seconds,
            require_image=False,
            dry_run_pods=world.plan.dry_run,
            status_delay=world.plan.status_delay,
            report_write_seconds=world.plan.report_write_seconds,
            check_leading=self.check_leading,
            forecaster=Forecaster(dice),
        )
        self.engine = Engine(self.client, Suggester(dice), NoWarmStart(), settings)
        self._note_passes()
        world.server.listeners.append(self._on_commit)
        self.task = world.spawn(self._main(), actor=f"operator {name}")

    @property
    def paused(self) -> bool:
        """Stopped by a signal, or with its node."""
        return not self._running.is_set()

    def check_leading(self) -> None:
        if self.lease is not None:
            self.lease.check()

    async def gate(self) -> None:
        """Wait while the process is stopped; a dead one goes no further."""
        if self.dead:
            raise asyncio.CancelledError
        if self.paused:
            await self._running.wait()
            await self.gate()

    def stop_for(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later."""
        self._running.clear()
        self.world.note(f"{self.name} stops")
        asyncio.get_running_loop().call_later(seconds, self.resume)

    def resume(self) -> None:
        if self.paused and not self.dead:
            self.world.note(f"{self.name} goes on")
            self._running.set()
            backlog, self._backlog = self._backlog, []
            for event in backlog:
                self._deliver(*event)

    def crash(self, where: str) -> None:
        """kill -9. Its supervisor starts another one."""
        if self.dead:
            return
        self.world.note(f"{self.name} is killed {where}")
        self.world.crashes[where] += 1
        self._end()
        self.task.cancel()
        self.world.restart(self)

    def _end(self) -> None:
        self.dead = True
        self.engine.close()
        self._running.set()
        if self._on_commit in self.world.server.listeners:
            self.world.server.listeners.remove(self._on_commit)

    async def _main(self) -> None:
        try:
            if self.lease is not None:
                if self._resumes and self.world.dice["read-ahead"].random() < 0.5:
                    with contextlib.suppress(KubeError):
                        await self.engine.read_ahead(NS)
                await self.lease.acquire()
            self.leads = True
            async with asyncio.TaskGroup() as group:
                if self.lease is not None:
                    group.create_task(self.lease.keep())
                await (self._resume() if self._resumes else self._read_everything())
                self._watches = True
                group.create_task(self.engine.run())
                group.create_task(self._keep_resyncing())
        except* LeaseLost as lost:
            self.world.note(f"{self.name}: {lost.exceptions[0]}")
            self._end()
            self.world.restart(self)

    # -- full resyncs -----------------------------------------------------------------------------------------------

    async def _read_everything(self) -> None:
        """Begin with a full resync, as on one machine."""
        while not await self._resync():
            await asyncio.sleep(2)
        for kind in WATCHED:
            self._list(kind)

    async def _resume(self) -> None:
        """Begin with what is needed. What an API server answers is not older than the question, nor than the lease."""
        self._watches = True
        while True:
            try:
                await self.engine.resume(NS)
                return
            except KubeError:
                await asyncio.sleep(2)

    async def _keep_resyncing(self) -> None:
        """The first one completes what the process has begun with."""
        seconds = self.world.dice["complete"].choice((0.0, 1.0, 30.0)) if self._resumes else RESYNC_SECONDS
        while True:
            await asyncio.sleep(seconds)
            await self._resync()
            seconds = RESYNC_SECONDS

    async def _resync(self) -> bool:
        token = RESYNC.set(True)
        try:
            await self.engine.audit(NS)
        except KubeError:
            return False
        finally:
            RESYNC.reset(token)
        return True

    # -- the watch --------------------------------------------------------------------------------------------------

    def _list(self, kind: Kind) -> None:
        """What a watch begins with: every object as an event, and no word of those that are gone."""
        for obj in self.world.server.peek_all(kind):
            if _watched(obj):
                self._deliver(kind, "ADDED", obj)

    def _on_commit(self, type_: EventType, obj: Object, old: Object | None) -> None:
        kind = Kind(obj["kind"])
        if not self._watches or kind not in WATCHED or not _watched(obj):
            return
        dice, mode = self.world.dice, self._mode(kind)
        if mode == "gap":
            return
        delay = dice["watch"].choice((0.01, 0.05, 0.3))
        if mode == "lag":
            delay = dice["watch"].uniform(0.0, self.world.plan.lag)
        loop = asyncio.get_running_loop()
        loop.call_later(delay, self._deliver, kind, type_, obj)
        if dice.chance("duplicate", 0.05):
            loop.call_later(delay + dice["duplicate"].uniform(0.0, 60.0), self._deliver, kind, type_, obj)

    def _mode(self, kind: Kind) -> str:
        until, mode = self._lag.get(kind, (0.0, "prompt"))
        if clock.seconds() >= until:
            dice, was = self.world.dice, mode
            mode = "prompt"
            if dice.chance("lag", 0.4):
                mode = "lag"
            if dice.chance("gap", 0.1):
                mode = "gap"
            self._lag[kind] = clock.seconds() + dice["lag"].uniform(5.0, 90.0), mode
            if was == "gap" and dice["lag"].random() < 0.5:
                self._list(kind)
        return "prompt" if self.world.dice.calm else mode

    def _deliver(self, kind: Kind, type_: EventType, obj: Object) -> None:
        if self.dead:
            return
        if self.paused:
            self._backlog.append((kind, type_, obj))
            return
        self.engine.apply(kind, copy(obj), deleted=type_ == "DELETED")

    # -- what the invariants need -----------------------------------------------------------------------------------

    def _note_passes(self) -> None:
        reconcile: Callable[[Key], object] = self.engine.reconcile

        async def noted(key: Key) -> None:
            ACTOR.set(f"operator {self.name}")
            PASS_STARTED.set(clock.seconds())
            self.world.passes += 1
            if self.world.passes > MAX_PASSES:
                self.world.judge.violation("busy", f"more than {MAX_PASSES} passes")
                await asyncio.Event().wait()
            await reconcile(key)  # type: ignore[misc]

        self.engine.reconcile = noted  # type: ignore[method-assign]


def _watched(obj: Object) -> bool:
    """By the selector of the watch."""
    ours = (obj["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == MANAGED_BY
    return ours or obj["kind"] in (Kind.SWEEP, Kind.SWEEP_RUN)
