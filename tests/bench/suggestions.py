"""How long free slots wait for suggestions: `python -m tests.bench.suggestions [--slots 500]`.

The engine, the embedded Kube and real optimizer processes, in real time. A Job counts when it is created; its pod ends
when the next one is played, so runs take a fraction of a second. On a busy machine the figures are upper bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sweep_operator.api.names import RUN_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Observation, SuggestRequest
from sweep_operator.engine.engine import WATCHED
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.suggest.pool import OptimizerPool
from tests.builders import X, sweep_body
from tests.engine.world import KEY, NS, World, good

PARAMETERS = {f"x{n}" if n else "x": X for n in range(8)}


def imported(index: int) -> Object:
    """A result that was measured elsewhere."""
    values = {name: ((index + 1) * (n + 3) % 97) / 97 for n, name in enumerate(PARAMETERS)}
    spec = {"sweepName": "s", "origin": "imported", "parameters": values}
    spec["observation"] = {"score": sum(values.values()), "cost": 1.0 + index % 7}
    return {"kind": "SweepRun", "metadata": {"name": f"old-{index}", "namespace": NS}, "spec": spec}


class Watch:
    """When each Job was created, and when each run ended."""

    def __init__(self, kube: Any) -> None:
        self.jobs: list[float] = []
        self.ended: dict[str, float] = {}
        self._kube = kube

    async def follow(self, kind: Kind) -> None:
        listed = await self._kube.list(kind, NS)
        async for event in self._kube.watch(kind, NS, resource_version=listed.resource_version):
            obj = event.object
            if kind == Kind.JOB and event.type == "ADDED" and RUN_LABEL in obj["metadata"]["labels"]:
                self.jobs.append(time.perf_counter())
            conditions = (obj.get("status") or {}).get("conditions") or []
            if kind == Kind.SWEEP_RUN and any(c["type"] == "Finished" and c["status"] == "True" for c in conditions):
                self.ended.setdefault(obj["metadata"]["name"], time.perf_counter())


async def burst(slots: int, observations: int) -> str:
    """All slots are free at once."""
    async with _engine(method="bayes", runs=slots + observations, slots=slots, old=observations) as (world, watch):
        began = time.perf_counter()
        while len(watch.jobs) < slots:
            await asyncio.sleep(0.05)
        fallbacks = sum(run.spec.origin == "fallback" for run in await world.runs())
        first, last = watch.jobs[0] - began, watch.jobs[slots - 1] - began
    return f"| {slots} free slots, {observations} results | {first:.2f} | {last:.2f} | {fallbacks} |"


async def handover(method: str, runs: int, seconds: float) -> str:
    """From the end of a run to the next Job, with 4 slots."""
    async with _engine(method=method, runs=runs, slots=4) as (world, watch):
        while await world.ended() is None:
            await asyncio.sleep(seconds)
            await world.tick(seconds)
        ends = sorted(watch.ended.values())
        waits = [job - end for job, end in zip(sorted(watch.jobs)[4:], ends, strict=False)]
    half = statistics.median(waits)
    return f"| {method}: end of a run to the next Job, {runs} runs of {seconds} s | {half:.3f} | {max(waits):.3f} | |"


async def behind(points: int) -> str:
    """A random Sweep's suggestion while another Sweep's model computes many."""
    pool = OptimizerPool()
    body = sweep_body("s", metadata={"uid": "many", "namespace": NS}, parameters=PARAMETERS, method="bayes")
    rows = tuple(Observation({name: (i * (n + 3) % 97) / 97 for n, name in enumerate(PARAMETERS)}, i % 13, 1.0)
                 for i in range(100))  # fmt: skip
    many = Sweep.model_validate(body)
    one = many.with_(metadata=many.metadata.with_(uid="one"), spec=many.spec.with_(method="random"))
    busy = asyncio.create_task(_seconds(pool, many, SuggestRequest(100, points, rows, (), points)))
    await _seconds(pool, one, SuggestRequest(1, 1, (), (), 1))  # the process has started
    waited = await _seconds(pool, one, SuggestRequest(2, 1, (), (), 1))
    whole = await busy
    await pool.close()
    return f"| a random suggestion behind {points} of a model, which take {whole:.1f} s | {waited:.3f} | | |"


async def _seconds(pool: OptimizerPool, sweep: Sweep, request: SuggestRequest) -> float:
    """Seconds until all suggestions are there."""
    began = last = time.perf_counter()
    async for part in pool.suggest(sweep, request):
        last = time.perf_counter() if part.suggestions else last
    return last - began


@asynccontextmanager
async def _engine(*, method: str, runs: int, slots: int, old: int = 0) -> AsyncIterator[tuple[World, Watch]]:
    """A Sweep and its engine, in real time."""
    world, pool = World(Path(), program=good), OptimizerPool()
    world.suggester = pool
    limits = {"maxRuns": runs, "maxParallelRuns": slots}
    await world.apply(limits=limits, method=method, parameters=PARAMETERS, eval=None, suspend=old > 0)
    for index in range(old):
        await world.kube.create(Kind.SWEEP_RUN, imported(index))
    engine, watch = world.engine(), Watch(world.kube)
    tasks = [asyncio.create_task(engine.follow(kind, NS)) for kind in WATCHED]
    tasks += [asyncio.create_task(watch.follow(kind)) for kind in (Kind.JOB, Kind.SWEEP_RUN)]
    tasks.append(asyncio.create_task(engine.run()))
    while old and sum(run.terminal for run in await world.runs()) < old:
        await asyncio.sleep(0.1)
    if old:
        await world.edit(suspend=False)
    engine.queue.add(KEY)
    try:
        yield world, watch
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        engine.close()
        await pool.close()


async def measure(slots: int) -> None:
    """Print the table."""
    print("| what | first or p50, s | last or longest, s | fallbacks |\n|---|---|---|---|", flush=True)
    for observations in (0, 100):
        print(await burst(slots, observations), flush=True)
    print(await behind(30), flush=True)
    for method in ("random", "bayes"):
        print(await handover(method, 24, 2.0), flush=True)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=500)
    asyncio.run(measure(parser.parse_args().slots))


if __name__ == "__main__":
    main()
