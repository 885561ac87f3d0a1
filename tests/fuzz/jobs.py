"""The Job controller: the embedded one's decisions, carried out late and in any order. And a queue in front of it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from sweep_operator.api.names import QUEUE_LABEL
from sweep_operator.kube.embedded.jobs import JobController
from sweep_operator.kube.protocol import EventType, Kind, KubeError, Object
from tests.engine.world import NS
from tests.fuzz import clock

if TYPE_CHECKING:
    from tests.fuzz.schedule import World


class Jobs:
    """Looks at a Job some time after each change of it or of its pods."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._controller = JobController(world.server, clock.now, random.Random(world.dice["pod-names"].random()))
        self._due: dict[str, tuple[float, asyncio.TimerHandle]] = {}

    def on_commit(self, type_: EventType, obj: Object, old: Object | None) -> None:
        kind, meta = obj["kind"], obj["metadata"]
        names = [meta["name"]] if kind == Kind.JOB else []
        if kind == Kind.POD:
            names = [o["name"] for o in meta.get("ownerReferences") or []]
        for name in names:
            self._look(name, self._world.dice["jobs"].choice((0.02, 0.1, 1.0, self._world.plan.job_lag)))

    def _look(self, name: str, delay: float) -> None:
        at = clock.seconds() + delay
        planned = self._due.get(name)
        if planned is not None:
            if planned[0] <= at:
                return
            planned[1].cancel()
        self._due[name] = at, asyncio.get_running_loop().call_later(delay, self._start, name)

    def _start(self, name: str) -> None:
        del self._due[name]
        self._world.spawn(self._reconcile(name), actor="job controller")

    async def _reconcile(self, name: str) -> None:
        try:
            again = await self._controller.reconcile(NS, name)
        except KubeError:
            self._look(name, 0.5)
            return
        if again is not None:
            self._look(name, max(0.1, (again - clock.now()).total_seconds()))


class Kueue:
    """Admits Jobs by resuming them, and evicts some by suspending them again."""

    def __init__(self, world: World) -> None:
        self._world = world

    def on_commit(self, type_: EventType, obj: Object, old: Object | None) -> None:
        if type_ == "ADDED" and obj["kind"] == Kind.JOB and QUEUE_LABEL in (obj["metadata"].get("labels") or {}):
            self._world.spawn(self._govern(obj["metadata"]["name"], obj["metadata"]["uid"]), actor="queue")

    async def _govern(self, name: str, uid: str) -> None:
        rng = self._world.dice["queue"]
        await asyncio.sleep(rng.choice((0.1, 1.0, 30.0)))
        try:
            while True:
                await self._suspend(name, uid, False)
                if not self._world.dice.chance("queue", 0.3):
                    return
                await asyncio.sleep(rng.uniform(1.0, 30.0))
                await self._suspend(name, uid, True)
                await asyncio.sleep(rng.choice((0.5, 30.0)))
        except KubeError:
            return

    async def _suspend(self, name: str, uid: str, suspend: bool) -> None:
        await self._world.server.patch(Kind.JOB, NS, name, {"metadata": {"uid": uid}, "spec": {"suspend": suspend}})
