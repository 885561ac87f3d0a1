"""What a new run waits for: the statuses of the runs whose slots are free, and the Sweep's. Nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Suggested
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import Conflict, Kind, Kube, Unavailable
from tests.engine.world import KEY, NS, Sequence, World, drive, settle_suggestions


class Stuck:
    """A Kube that does not answer some requests until it is released."""

    def __init__(self, kube: Kube, request: str, kind: Kind) -> None:
        self._kube, self._request, self._kind = kube, request, kind
        self.released, self.reached = asyncio.Event(), asyncio.Event()
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._kube, name)
        if name != self._request:
            return inner

        async def send(kind: Kind, *args: Any, **kwargs: Any) -> Any:
            if kind == self._kind:
                self.reached.set()
                await self.released.wait()
                if self.error is not None:
                    raise self.error
            return await inner(kind, *args, **kwargs)

        return send


async def held_pods(world: World) -> list[str]:
    pods = (await world.kube.list(Kind.POD)).items
    return [pod["metadata"]["name"] for pod in pods if pod["metadata"].get("finalizers")]


async def turn(world: World, engine: Engine) -> None:
    await engine.audit(NS)
    engine.queue.add(KEY)
    await engine.work()
    await asyncio.sleep(0)
    await world.tick()


async def test_a_new_run_does_not_wait_for_the_cleanup_of_the_one_before(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 3, "maxParallelRuns": 1}, eval=None)
    kube: Any = Stuck(world.kube, "remove_finalizer", Kind.POD)
    engine = world.engine(kube)
    for _ in range(20):
        await turn(world, engine)
    assert kube.reached.is_set()
    assert [r.succeeded for r in await world.runs()] == [True] * 3
    assert not engine.idle
    kube.released.set()
    await engine.drain()
    assert not await held_pods(world)
    engine.close()


class Hesitant(Sequence):
    """Gives the first suggestion, and the others later."""

    def __init__(self) -> None:
        super().__init__()
        self.more = asyncio.Event()

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
        async for answer in super().suggest(sweep, request):
            yield answer
            await self.more.wait()


async def test_a_new_run_does_not_wait_for_the_job_of_another_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.suggester = suggester = Hesitant()
    await world.apply(limits={"maxRuns": 2, "maxParallelRuns": 2}, eval=None)
    kube: Any = Stuck(world.kube, "create", Kind.JOB)
    kube.error = Unavailable("the first request fails")
    kube.released.set()
    engine = world.engine(kube, status_delay=2.0)
    while not await world.runs():
        await turn(world, engine)
    kube.error = None
    kube.released.clear()
    kube.reached.clear()
    suggester.more.set()
    for _ in range(20):
        await asyncio.sleep(0)
    engine.queue.add(KEY)
    working = asyncio.create_task(engine.work())
    await asyncio.wait_for(kube.reached.wait(), 60)
    for _ in range(20):
        await asyncio.sleep(0)
    assert [r.name for r in await world.runs()] == ["s.r.0", "s.r.1"]
    assert not working.done()
    kube.released.set()
    await working
    engine.close()


async def test_an_index_is_reserved_and_a_suggestion_asked_for_while_the_end_of_a_run_is_written(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 9, "maxParallelRuns": 2}, eval=None)
    kube: Any = Stuck(world.kube, "update_status", Kind.SWEEP_RUN)
    kube.released.set()
    engine = world.engine(kube, status_delay=2.0)

    async def ended() -> int:
        return sum((p.get("status") or {}).get("phase") == "Succeeded" for p in (await world.kube.list(Kind.POD)).items)

    while await ended() < 4:
        await turn(world, engine)
    kube.released.clear()
    kube.reached.clear()
    await engine.audit(NS)
    engine.queue.add(KEY)
    working = asyncio.create_task(engine.work())
    await asyncio.wait_for(kube.reached.wait(), 60)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(world.suggester.asked[-1].observations) == await ended() == 4
    assert (await world.sweep()).status.next_index == 6
    assert len(await world.runs()) == 4
    kube.released.set()
    await working
    engine.close()


async def test_the_status_of_the_sweep_does_not_wait_for_jobs_that_cannot_be_created(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 2, "maxParallelRuns": 2}, eval=None)
    kube: Any = Stuck(world.kube, "create", Kind.JOB)
    kube.error = Unavailable("a webhook does not answer")
    kube.released.set()
    engine = world.engine(kube)
    for _ in range(4):
        await turn(world, engine)
    assert (await world.sweep()).status.runs.running == 2
    kube.error = None
    assert await drive(world, engine) == "MaxRunsReached"
    engine.close()


async def test_a_stop_waits_for_the_cleanup_in_progress_and_an_error_of_it_is_retried(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1}, eval=None)
    kube: Any = Stuck(world.kube, "remove_finalizer", Kind.POD)
    engine = world.engine(kube)
    while not kube.reached.is_set():
        await turn(world, engine)
    stopping = asyncio.create_task(engine.stop())
    for _ in range(50):
        await asyncio.sleep(0)
    assert not stopping.done()
    kube.error = Conflict("409")
    kube.released.set()
    await asyncio.wait_for(stopping, 60)
    assert await held_pods(world)
    engine.close()
    kube.error, engine = None, world.engine(kube)
    await engine.audit(NS)
    await engine.reconcile(KEY)
    await settle_suggestions(engine)
    assert not await held_pods(world)
    engine.close()
