"""Requests that are carried out after the engine has given up waiting for their answer."""

from __future__ import annotations

from pathlib import Path

from sweep_operator.kube.protocol import Kind, Kube, Object, UnknownOutcome
from tests.engine.test_exactly_once import Gate
from tests.engine.world import KEY, NS, World, settle_suggestions


class LateCreate(Gate):
    """The first creation of a SweepRun times out, and arrives when the test says so."""

    def __init__(self, kube: Kube) -> None:
        super().__init__(kube)
        self.late: Object | None = None

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        if kind == Kind.SWEEP_RUN and self.late is None:
            self.late = body
            raise UnknownOutcome("timeout")
        return await self._kube.create(kind, body, dry_run=dry_run)


async def test_a_creation_without_an_answer_is_repeated_and_its_index_is_not_replaced(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 4, "maxParallelRuns": 1})
    kube = LateCreate(world.kube)
    engine = world.engine(kube)
    await engine.audit(NS)
    for _ in range(8):
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)
    assert kube.late is not None
    assert kube.late["metadata"]["name"] == "s.r.0"
    assert [r.name for r in await world.runs()] == ["s.r.0"]
    assert (await world.sweep()).status.next_index == 1
    engine.close()
