"""Requests that are carried out after the engine has given up waiting for their answer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sweep_operator.engine.act import LATE_SECONDS
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import Kind, Kube, Object, UnknownOutcome
from tests.engine.test_exactly_once import Gate
from tests.engine.world import KEY, NS, World, settle_suggestions


class LateCreate(Gate):
    """The first creation of a SweepRun gets no answer: it has been carried out, or it arrives later."""

    def __init__(self, kube: Kube, *, done: bool) -> None:
        super().__init__(kube)
        self._done = done
        self.late: Object | None = None

    async def arrive(self) -> None:
        assert self.late is not None
        await self._kube.create(Kind.SWEEP_RUN, self.late)

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        if kind == Kind.SWEEP_RUN and self.late is None:
            self.late = body
            if self._done:
                await self.arrive()
            raise UnknownOutcome("timeout")
        return await self._kube.create(kind, body, dry_run=dry_run)


async def passes(engine: Engine) -> None:
    for _ in range(8):
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)


async def begun(world: World, kube: LateCreate) -> Engine:
    """An engine whose first creation got no answer."""
    await world.apply(limits={"maxRuns": 4, "maxParallelRuns": 1})
    engine = world.engine(kube)
    await engine.audit(NS)
    while kube.late is None:
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)
    return engine


async def names(world: World) -> list[str]:
    return [r.name for r in await world.runs()]


async def test_a_creation_without_an_answer_keeps_its_slot_until_it_cannot_arrive_any_more(tmp_path: Path) -> None:
    world = World(tmp_path)
    engine = await begun(world, LateCreate(world.kube, done=False))
    await passes(engine)
    assert await names(world) == []
    world.now += timedelta(seconds=LATE_SECONDS)
    await passes(engine)
    assert await names(world) == ["s.r.1"]
    engine.close()


@pytest.mark.parametrize("done", [True, False])
async def test_a_run_that_was_created_without_an_answer_is_used(tmp_path: Path, *, done: bool) -> None:
    world = World(tmp_path)
    engine = await begun(world, kube := LateCreate(world.kube, done=done))
    await passes(engine)
    if not done:
        await kube.arrive()
    await passes(engine)
    world.now += timedelta(seconds=LATE_SECONDS)
    await passes(engine)
    assert await names(world) == ["s.r.0"]
    assert world.kube.created["s.r.0"] == 1
    engine.close()


async def test_a_run_that_a_user_deletes_before_its_creation_is_confirmed_is_not_created_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    engine = await begun(world, LateCreate(world.kube, done=True))
    await world.kube.delete(Kind.SWEEP_RUN, NS, "s.r.0")
    await passes(engine)
    world.now += timedelta(seconds=LATE_SECONDS)
    await passes(engine)
    assert await names(world) == ["s.r.1"]
    await world.check()
    engine.close()
