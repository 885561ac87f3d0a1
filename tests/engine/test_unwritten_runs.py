"""What a pass could not write about a run counts neither for the Sweep's status nor for new runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep_operator.kube.protocol import Conflict, Kind, Kube, Object
from tests.engine.test_exactly_once import Gate
from tests.engine.world import KEY, NS, World, drive, settle_suggestions


class ConflictAtTheEnd(Gate):
    """The first write that ends a run meets a conflict."""

    def __init__(self, kube: Kube) -> None:
        super().__init__(kube)
        self.conflicts = 0

    async def update_status(self, kind: Kind, body: Object) -> Object:
        ends = any(c["type"] == "Succeeded" and c["status"] == "True" for c in body["status"].get("conditions") or [])
        if kind == Kind.SWEEP_RUN and ends and not self.conflicts:
            self.conflicts += 1
            raise Conflict("409")
        return await self._kube.update_status(kind, body)


@pytest.mark.parametrize("status_delay", [0.0, 2.0])
async def test_a_run_whose_end_is_not_written_keeps_its_slot(tmp_path: Path, status_delay: float) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 2, "maxParallelRuns": 1}, eval=None)
    kube = ConflictAtTheEnd(world.kube)
    engine = world.engine(kube, status_delay=status_delay)
    while not kube.conflicts:
        await engine.audit(NS)
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)
        unfinished = [r.name for r in await world.runs() if not r.terminal]
        assert len(unfinished) <= 1, unfinished
        assert (await world.sweep()).status.runs.succeeded == 0
        await world.tick()
    assert await drive(world, engine) == "MaxRunsReached"
    assert [r.name for r in await world.runs()] == ["s.r.0", "s.r.1"], "the reserved index is used"
    assert [index for r in world.suggester.asked for index in range(r.index, r.index + r.count)].count(1) == 1
    engine.close()
