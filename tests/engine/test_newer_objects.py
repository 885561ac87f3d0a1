"""An older operator beside a newer CRD: objects with fields and enum values that this version does not know.

The newer API server fills in the defaults of its new fields, and its operator has written new status fields.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.objects import parsed
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.local.admission import admit
from sweep_operator.views.status import sweep_lines
from tests.builders import X
from tests.engine.world import KEY, NS, RecordingKube, World, drive, settle_suggestions

BETA = {"distribution": "beta", "min": 0, "max": 1}
NEW_SPEC = {Kind.SWEEP: {"budget": {"gpuHours": 100}}, Kind.SWEEP_RUN: {"priority": 0}}
NEW_STATUS: dict[Kind, Object] = {
    Kind.SWEEP: {"energy": 7, "cost": {"co2": 1.5}, "optimizer": {"model": {"kind": "forest"}}},
    Kind.SWEEP_RUN: {"energy": 3, "train": {"zone": "a"}},
}


def newer(kind: Kind, new: Object, old: Object | None) -> Object:
    """Admission by a newer CRD: it has a field with a default, and new values of suspendPolicy and distribution."""
    if kind not in NEW_SPEC:
        return admit(kind, new, old)
    known = copy.deepcopy({**new, "status": {}})
    unknown = {key: known["spec"].pop(key, value) for key, value in NEW_SPEC[kind].items()}
    if known["spec"].get("suspendPolicy") == "pause":
        unknown["suspendPolicy"] = known["spec"].pop("suspendPolicy")
    if kind == Kind.SWEEP and known["spec"]["parameters"]["x"]["distribution"] == "beta":
        unknown["parameters"], known["spec"]["parameters"] = known["spec"]["parameters"], {"x": X}
    admitted = admit(kind, known, None)
    return {**new, **{k: admitted[k] for k in ("apiVersion", "kind")}, "spec": {**admitted["spec"], **unknown}}


class CountingKube(RecordingKube):
    """Counts writes of a status, also those that change nothing."""

    writes = 0

    async def update_status(self, kind: Kind, body: Object) -> Object:
        self.writes += 1
        return await super().update_status(kind, body)


class NewerWorld(World):
    """The server admits newer objects until ``back`` is called. A newer operator has added fields to the status."""

    newest, strict = True, True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.touched: set[str] = set()
        self.kube: CountingKube = CountingKube(None, clock=lambda: self.now, admission=self._admit)

    def _admit(self, kind: Kind, new: Object, old: Object | None) -> Object:
        if not self.strict:
            return new
        return newer(kind, new, old) if self.newest else admit(kind, new, old)

    async def add_status_fields(self) -> None:
        """Write what a newer operator would, on every object that exists."""
        for kind, added in NEW_STATUS.items():
            for obj in (await self.kube.list(kind)).items:
                status = obj.get("status") or {}
                for key, value in added.items():
                    status[key] = {**status.get(key, {}), **value} if isinstance(value, dict) else value
                for item in status.get("conditions") or []:
                    item["severity"] = 1
                await self.kube.update_status(kind, {**obj, "status": status})
                self.touched.add(obj["metadata"]["name"])

    async def check(self) -> None:
        """The invariants of every world, and: nothing that a newer operator wrote is lost."""
        await super().check()
        for kind, added in NEW_STATUS.items():
            for obj in (await self.kube.list(kind)).items:
                if obj["metadata"]["name"] not in self.touched:
                    continue
                for key, value in added.items():
                    found = obj["status"][key]
                    assert (found.items() >= value.items()) if isinstance(value, dict) else found == value, (kind, key)
                assert any(c.get("severity") == 1 for c in obj["status"]["conditions"]), kind
                assert obj["spec"].items() >= NEW_SPEC[kind].items() or not self.newest, kind

    async def sweep(self) -> Sweep:
        return read(Sweep, await self.kube.get(Kind.SWEEP, NS, "s"))

    async def run(self, name: str) -> SweepRun:
        return read(SweepRun, await self.kube.get(Kind.SWEEP_RUN, NS, name))

    async def runs(self) -> list[SweepRun]:
        return [read(SweepRun, o) for o in (await self.kube.list(Kind.SWEEP_RUN)).items]

    async def accepted(self) -> dict[str, Any]:
        (found,) = [c for c in (await self.sweep()).status.conditions if c.type == "Accepted"]
        return found.to_json()

    async def step(self, engine: Engine) -> None:
        await engine.audit(NS)
        await engine.reconcile(KEY)
        await settle_suggestions(engine)
        await self.check()

    async def begun(self) -> Engine:
        """A Sweep with runs, whose status a newer version has written."""
        await self.apply()
        engine = self.engine()
        for _ in range(4):
            await self.step(engine)
            await self.tick()
        await self.add_status_fields()
        return engine


@pytest.fixture
def world(tmp_path: Path) -> NewerWorld:
    return NewerWorld(tmp_path)


async def test_a_newer_crd_and_back(world: NewerWorld) -> None:
    engine = await world.begun()
    assert (await world.accepted())["status"] == "True"
    for _ in range(3):
        await world.step(engine)
        await world.tick()
    world.newest = False  # the CRD is put back; cached and stored objects keep the new fields
    assert await drive(world, engine) == "MaxRunsReached"
    assert [r.status.score is not None for r in await world.runs()] == [True] * 4
    sweep = await world.kube.get(Kind.SWEEP, NS, "s")
    assert sweep["status"].items() >= {"energy": 7}.items()
    assert sweep["status"]["cost"]["co2"] == 1.5
    assert sweep["status"]["optimizer"]["model"] == {"kind": "forest"}


UNKNOWN: list[tuple[Object, Object, str]] = [
    ({"suspendPolicy": "pause"}, {"suspendPolicy": "drain"}, "spec.suspendPolicy: 'pause' is not one of"),
    ({"parameters": {"x": BETA}}, {"parameters": {"x": X}}, "spec.parameters['x'].distribution: 'beta' is unknown"),
]


@pytest.mark.parametrize(("unknown", "known", "says"), UNKNOWN, ids=["field", "all parameters"])
async def test_an_unknown_enum_value_stops_new_runs_only(
    unknown: Object, known: Object, says: str, world: NewerWorld
) -> None:
    await world.apply(limits={"maxRuns": 4, "maxParallelRuns": 2})
    engine = world.engine()
    for _ in range(3):
        await world.step(engine)
    live = {r.name for r in await world.runs() if r.status.train.attempt == 1}
    assert len(live) == 2
    await world.kube.create(Kind.SWEEP_RUN, {"metadata": {"name": "mine", "namespace": NS}, "spec": manual()})
    await world.edit(**unknown)
    for _ in range(12):
        await world.step(engine)
        await world.tick()
    accepted = await world.accepted()
    assert (accepted["status"], accepted["reason"]) == ("False", "Invalid")
    assert says in accepted["message"]
    runs = await world.runs()
    mine = next(r for r in runs if r.name == "mine")
    assert not mine.terminal, "a run that has not started waits"
    runs.remove(mine)
    assert {r.name for r in runs} == live, "no new runs"
    assert all(r.succeeded for r in runs), "the results of live runs are recorded"
    await world.edit(**known)
    assert await drive(world, engine) == "MaxRunsReached"


def manual() -> Object:
    return {"sweepName": "s", "parameters": {"x": 0.25}}


@pytest.mark.parametrize("unknown", [{"suspendPolicy": "pause"}, {"train": None}], ids=["readable", "unreadable"])
async def test_nothing_is_written_at_the_fixpoint(unknown: Object, world: NewerWorld) -> None:
    await world.apply()
    engine = world.engine()
    assert await drive(world, engine) == "MaxRunsReached"
    await world.add_status_fields()
    world.strict = False
    await world.edit(**unknown)
    writes = []
    for _ in range(4):
        await engine.audit(NS)
        await engine.reconcile(KEY)
        writes.append(world.kube.writes)
    assert writes[1:] == [writes[1]] * 3
    status = (await world.kube.get(Kind.SWEEP, NS, "s"))["status"]
    assert (status["energy"], status["cost"]["co2"]) == (7, 1.5)
    assert [c["status"] for c in status["conditions"] if c["type"] == "Accepted"] == ["False"]


async def test_views_show_newer_objects(world: NewerWorld) -> None:
    engine = await world.begun()
    await world.edit(suspendPolicy="pause")
    await world.step(engine)
    obj = await world.kube.get(Kind.SWEEP, NS, "s")
    runs = (await world.kube.list(Kind.SWEEP_RUN)).items
    sweep, found = parsed(obj, runs)
    assert (sweep.spec.suspend_policy, len(found)) == ("drain", len(runs))
    shown = "\n".join(sweep_lines(obj, runs, world.now))
    assert "Invalid: spec.suspendPolicy: 'pause' is not one of" in shown
    assert all(run["metadata"]["name"] in shown for run in runs)
