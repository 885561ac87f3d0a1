"""Exactly once, from object writes alone: a crash before and after every write, lost answers, lagging views."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.kube.protocol import Kind, Kube, Object, Unavailable, UnknownOutcome
from tests.engine.world import KEY, NS, World, drive, settle_suggestions

WRITES = ("create", "update_status", "patch", "delete")


class Killed(BaseException):
    """kill -9 of the operator."""


class Gate:
    """A Kube whose n-th write does something else: ``before`` and ``after`` are called around each."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self.writes = 0

    def before(self, n: int) -> None: ...

    def after(self, n: int) -> None: ...

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._kube, name)
        if name not in WRITES:
            return inner

        async def write(*args: Any, **kwargs: Any) -> Object:
            if args[0] == Kind.EVENT:  # written beside the passes, and may be lost
                return await inner(*args, **kwargs)
            n, self.writes = self.writes, self.writes + 1
            await asyncio.sleep(0)  # the requests of other runs are in flight, too
            self.before(n)
            result = await inner(*args, **kwargs)
            await asyncio.sleep(0)
            self.after(n)
            return result

        return write


class KillAt(Gate):
    """The write may be that of a task beside the passes, so no request is sent after it."""

    def __init__(self, kube: Kube, at: int, *, committed: bool) -> None:
        super().__init__(kube)
        self._at, self._committed, self._killed = at, committed, False

    def __getattr__(self, name: str) -> Any:
        if self._killed:
            raise Killed
        return super().__getattr__(name)

    def before(self, n: int) -> None:
        if n == self._at and not self._committed:
            self._kill()

    def after(self, n: int) -> None:
        if n == self._at and self._committed:
            self._kill()

    def _kill(self) -> None:
        self._killed = True
        raise Killed


class Unreliable(Gate):
    """Answers get lost, requests fail, at random."""

    def __init__(self, kube: Kube, rng: random.Random) -> None:
        super().__init__(kube)
        self._rng = rng

    def before(self, n: int) -> None:
        if self._rng.random() < 0.1:
            raise Unavailable("503")

    def after(self, n: int) -> None:
        if self._rng.random() < 0.1:
            raise UnknownOutcome("timeout after send")


async def assert_each_once(world: World, runs: int) -> None:
    found = await world.runs()
    assert len(found) == runs
    assert all(r.succeeded for r in found)
    assert {k: len(v) for k, v in world.jobs_seen.items()} == {
        (r.name, stage): 1 for r in found for stage in ("train", "eval")
    }, "one Job per stage, ever"
    sweep = await world.sweep()
    assert sweep.status.runs.succeeded == runs
    pods = (await world.kube.list(Kind.POD)).items
    assert all(not p["metadata"].get("finalizers") for p in pods), "every pod is released"


async def count_writes(path: Path, status_delay: float) -> int:
    world = World(path)
    await world.apply(limits={"maxRuns": 3, "maxParallelRuns": 2})
    gate = Gate(world.kube)
    assert await drive(world, world.engine(gate, status_delay=status_delay)) == "MaxRunsReached"
    await assert_each_once(world, 3)
    return gate.writes


@pytest.mark.parametrize("status_delay", [0.0, 2.0])
async def test_a_crash_at_every_write_loses_nothing_and_does_nothing_twice(tmp_path: Path, status_delay: float) -> None:
    (tmp_path / "count").mkdir()
    total = await count_writes(tmp_path / "count", status_delay)
    assert total > 30
    for at in range(total):
        for committed in (False, True):
            folder = tmp_path / f"{at}-{committed}"
            folder.mkdir()
            world = World(folder)
            await world.apply(limits={"maxRuns": 3, "maxParallelRuns": 2})
            engine = world.engine(KillAt(world.kube, at, committed=committed), status_delay=status_delay)
            with pytest.raises((Killed, BaseExceptionGroup)) as killed:
                await drive(world, engine)
            assert killed.type is Killed or killed.value.subgroup(Killed), "and by nothing else"
            engine.close()
            assert await drive(world, world.engine()) == "MaxRunsReached"
            await assert_each_once(world, 3)
            world.kube.close()


@pytest.mark.parametrize("seed", range(8))
async def test_lost_answers_failed_requests_lagging_views_and_restarts(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 6, "maxParallelRuns": 3})
    kube = Unreliable(world.kube, rng)
    status_delay = 2.0 * (seed % 2)
    engine = world.engine(kube, status_delay=status_delay)
    await engine.audit(NS)
    for _ in range(600):
        if rng.random() < 0.1:
            engine.close()
            engine = world.engine(kube, status_delay=status_delay)
            await engine.audit(NS)
        if rng.random() < 0.3:  # otherwise it knows only its own writes
            await engine.audit(NS)
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)
        await world.check()
        if rng.random() < 0.5:
            await world.tick()
        if await world.ended():
            break
    engine.close()
    assert await drive(world, world.engine()) == "MaxRunsReached"
    await assert_each_once(world, 6)


async def test_two_engines_at_once_create_nothing_twice_and_stay_within_the_limit(tmp_path: Path) -> None:
    """What status preconditions alone guarantee, without the lease: one record per index, one Job per attempt."""
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 6, "maxParallelRuns": 2})
    engines = [world.engine(), world.engine()]
    rng = random.Random(1)
    for _ in range(400):
        engine = rng.choice(engines)
        await engine.audit(NS)
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)
        await world.check()
        await world.tick(1)
        if await world.ended():
            break
    for engine in engines:
        engine.close()
    assert await drive(world, world.engine()) == "MaxRunsReached"
    await assert_each_once(world, 6)


async def test_an_index_is_not_used_again_after_the_newest_run_is_deleted(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 4, "maxParallelRuns": 2})
    engine = world.engine()
    await engine.audit(NS)
    while len(await world.runs()) < 2:
        await engine.reconcile(KEY)
        await settle_suggestions(engine)
    await world.kube.delete(Kind.SWEEP_RUN, NS, "s.r.1")  # before the next write of the Sweep's status
    assert await drive(world, engine) == "MaxRunsReached"
    assert sorted(r.name for r in await world.runs()) == ["s.r.0", "s.r.2", "s.r.3", "s.r.4"]
