"""What users do meanwhile: every action of the API, at any moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from sweep_operator.kube.protocol import Kind, KubeError, Object
from tests.builders import sweep_body
from tests.engine.world import NS

if TYPE_CHECKING:
    from tests.fuzz.schedule import World


class Users:
    """Their actions, by name."""

    def __init__(self, world: World) -> None:
        self._world, self._server, self._dice = world, world.server, world.dice["users"]
        self._serial = 0
        self._name = world.plan.sweeps[0]
        """The Sweep of the action at hand."""

    async def work(self) -> None:
        """The schedule's actions, one after the other."""
        plan = self._world.plan
        for name, pause in plan.actions:
            await asyncio.sleep(pause)
            if self._world.dice.calm:
                return
            self._world.note(f"user: {name}")
            self._name = self._dice.choice(plan.sweeps)
            with contextlib.suppress(KubeError):
                await ACTIONS[name](self)

    async def create_sweep(self, name: str) -> None:
        await self._server.create(Kind.SWEEP, sweep_body(name, metadata={"namespace": NS}, **self._world.plan.spec))

    async def put_in_order(self) -> None:
        """Undo what keeps the sweep from its end."""
        for name in self._world.plan.sweeps:
            self._name = name
            with contextlib.suppress(KubeError):
                await self.create_sweep(name)
            limits = (await self._sweep())["spec"]["limits"]
            await self._spec(suspend=False, stop=False, constraints=[])
            await self._limit(maxParallelRuns=max(1, limits["maxParallelRuns"]))

    async def suspend_and_drain(self) -> None:
        await self._spec(suspend=True, suspendPolicy="drain")

    async def suspend_and_terminate(self) -> None:
        await self._spec(suspend=True, suspendPolicy="terminate")

    async def resume(self) -> None:
        await self._spec(suspend=False)

    async def stop(self) -> None:
        await self._spec(stop=True)

    async def go_on(self) -> None:
        await self._spec(stop=False)

    async def scale(self) -> None:
        await self._limit(maxParallelRuns=self._dice.randint(0, 4))

    async def change_max_runs(self) -> None:
        await self._limit(maxRuns=self._dice.randint(0, 7))

    async def change_deadline(self) -> None:
        await self._limit(activeDeadlineSeconds=self._dice.choice((20, 100, None)))

    async def edit_template(self) -> None:
        await self._spec(fixed={"y": self._dice.randint(0, 3)})

    async def edit_bounds(self) -> None:
        await self._spec(parameters={"x": {"max": self._dice.choice((1, 2, 3))}})

    async def invalid_edit(self) -> None:
        await self._spec(constraints=[{"rule": "params['x'] <"}])

    async def valid_edit(self) -> None:
        await self._spec(constraints=[])

    async def add_run(self) -> None:
        self._serial += 1
        spec: Object = {"sweepName": self._name, "parameters": {"x": self._dice.random()}}
        if self._dice.random() < 0.1:
            spec["parameters"] = {"unknown": 1}
        metadata = {"name": f"by-hand-{self._serial % 3}", "namespace": NS}
        await self._server.create(Kind.SWEEP_RUN, {"metadata": metadata, "spec": spec})

    async def import_run(self) -> None:
        self._serial += 1
        spec: Object = {"sweepName": self._name, "origin": "imported", "parameters": {"x": 0.25}}
        spec["observation"] = {"score": 2.5, "cost": 3.0}
        metadata = {"name": f"imported-{self._serial}", "namespace": NS}
        await self._server.create(Kind.SWEEP_RUN, {"metadata": metadata, "spec": spec})

    async def retry(self) -> None:
        """``kubectl sweep retry``: a new run with the parameters of an old one."""
        run = self._any(Kind.SWEEP_RUN)
        if run is not None:
            self._serial += 1
            metadata = {"name": f"again-{self._serial}", "namespace": NS}
            spec = {"sweepName": self._name, "parameters": run["spec"].get("parameters") or {}}
            await self._server.create(Kind.SWEEP_RUN, {"metadata": metadata, "spec": spec})

    async def stop_run(self) -> None:
        run = self._any(Kind.SWEEP_RUN)
        if run is not None:
            await self._server.patch(Kind.SWEEP_RUN, NS, run["metadata"]["name"], {"spec": {"stop": True}})

    async def delete_run(self) -> None:
        await self._delete(Kind.SWEEP_RUN, self._any(Kind.SWEEP_RUN))

    async def delete_newest_run(self) -> None:
        runs = [r for r in self._server.peek_all(Kind.SWEEP_RUN) if r["spec"].get("index") is not None]
        await self._delete(Kind.SWEEP_RUN, max(runs, key=lambda r: r["spec"]["index"], default=None))

    async def foreign_job(self) -> None:
        """A Job of somebody else under a name that the operator wants."""
        name = f"{self._name}-r-{self._dice.randint(0, 4)}-train-1"
        spec: Object = {"suspend": True, "template": {"spec": {}}}
        await self._server.create(Kind.JOB, {"metadata": {"name": name, "namespace": NS}, "spec": spec})

    async def delete_job(self) -> None:
        await self._delete(Kind.JOB, self._any(Kind.JOB))

    async def delete_pod(self) -> None:
        await self._delete(Kind.POD, self._any(Kind.POD))

    async def force_pod(self) -> None:
        pod = self._any(Kind.POD)
        if pod is not None:
            await self._world.nodes.strip(self._world.nodes.pods[pod["metadata"]["uid"]])

    async def delete_claim(self) -> None:
        await self._delete(Kind.CLAIM, self._any(Kind.CLAIM))

    async def delete_revision(self) -> None:
        await self._delete(Kind.REVISION, self._any(Kind.REVISION))

    async def delete_sweep(self) -> None:
        await self._delete(Kind.SWEEP, self._any(Kind.SWEEP))

    async def recreate_sweep(self) -> None:
        await self._server.delete(Kind.SWEEP, NS, self._name)
        await asyncio.sleep(self._dice.choice((0.0, 0.1, 5.0, 40.0)))
        await self.create_sweep(self._name)

    async def orphan_runs(self) -> None:
        """``kubectl delete sweep --cascade=orphan``, and the same Sweep again."""
        await self._server.delete(Kind.SWEEP, NS, self._name, propagation="Orphan")
        await asyncio.sleep(self._dice.choice((0.0, 0.1, 5.0, 40.0)))
        await self.create_sweep(self._name)

    # -- parts ------------------------------------------------------------------------------------------------------

    def _any(self, kind: Kind) -> Object | None:
        found = self._server.peek_all(kind)
        return self._dice.choice(found) if found else None

    async def _delete(self, kind: Kind, obj: Object | None) -> None:
        if obj is not None:
            await self._server.delete(kind, NS, obj["metadata"]["name"])

    async def _sweep(self) -> Object:
        return await self._server.get(Kind.SWEEP, NS, self._name)

    async def _spec(self, **fields: Any) -> None:
        await self._server.patch(Kind.SWEEP, NS, self._name, {"spec": fields})

    async def _limit(self, **fields: Any) -> None:
        await self._spec(limits=fields)


ACTIONS: dict[str, Callable[[Users], Awaitable[None]]] = {
    name: action
    for name, action in vars(Users).items()
    if not name.startswith("_") and name not in ("work", "create_sweep", "put_in_order")
}
