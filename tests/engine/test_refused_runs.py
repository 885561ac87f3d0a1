"""SweepRuns that the API server refuses to create keep their indices and their points, and cause no loop of writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep_operator.api.meta import find_condition
from sweep_operator.kube.protocol import Forbidden, Kind, Kube, KubeError, Object, Unavailable
from tests.engine.test_exactly_once import Gate
from tests.engine.world import KEY, NS, World, drive, settle_suggestions

QUOTA = Forbidden("exceeded quota: sweepruns, requested: count/sweepruns.metta.ai=1, used: 2, limited: 2")


class Refusing(Gate):
    """At most ``quota`` SweepRuns are created."""

    def __init__(self, kube: Kube, error: KubeError, quota: int) -> None:
        super().__init__(kube)
        self.error, self.quota, self.refused = error, quota, 0

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        if kind == Kind.SWEEP_RUN:
            if self.quota == 0:
                self.refused += 1
                raise self.error
            self.quota -= 1
        return await self._kube.create(kind, body, dry_run=dry_run)


@pytest.mark.parametrize("error", [QUOTA, Unavailable("503")])
@pytest.mark.parametrize("quota", [0, 2])
async def test_refused_runs_keep_their_indices(tmp_path: Path, error: KubeError, quota: int) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 6, "maxParallelRuns": 4}, eval=None)
    kube = Refusing(world.kube, error, quota)
    engine = world.engine(kube)
    for _ in range(20):
        await engine.audit(NS)
        await engine.work()
        await settle_suggestions(engine)
        await world.tick(10)
    assert kube.refused
    assert (await world.sweep()).status.next_index <= 4 + quota
    assert [r.succeeded for r in await world.runs()] == [True] * quota, "the runs that exist are not affected"
    kube.quota = 100
    assert await drive(world, engine) == "MaxRunsReached"
    assert sorted(r.spec.index or 0 for r in await world.runs()) == list(range(6))
    assert len(world.suggester.asked) <= 4, "a refused run keeps its point"
    engine.close()


async def test_a_refusal_is_reported_once_and_each_pass_sends_one_request(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 6, "maxParallelRuns": 1}, eval=None)
    kube = Refusing(world.kube, QUOTA, 0)
    engine = world.engine(kube)
    await engine.audit(NS)
    for _ in range(5):
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)
    stalled = find_condition((await world.sweep()).status.conditions, "Stalled")
    assert stalled is not None
    assert "exceeded quota" in stalled.message
    before, refused = (await world.kube.list(Kind.SWEEP)).resource_version, kube.refused
    for _ in range(5):
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)
    assert (await world.kube.list(Kind.SWEEP)).resource_version == before
    assert kube.refused <= refused + 5
    events = [e["reason"] for e in (await world.kube.list(Kind.EVENT)).items]
    assert events.count("ReconcileError") == 1
    await world.edit(suspend=True)  # the spec has changed: points that no run has used are not repeated
    await engine.audit(NS)
    await engine.work()
    kube.quota = 100
    await world.edit(suspend=False)
    assert await drive(world, engine) == "MaxRunsReached"
    stalled = find_condition((await world.sweep()).status.conditions, "Stalled")
    assert stalled is None
    engine.close()
