"""Cleanups cause no pass after pass: not while the watch lags, nor when they fail, nor when they change nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from sweep_operator.api.names import RESULT_FINALIZER
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import Forbidden, Kind, Kube, Object
from tests.engine.world import KEY, NS, World, settle_suggestions

LIMITS = {"maxRuns": 1, "maxParallelRuns": 1}
FEW = 4
"""Passes, or requests of one kind, in a moment without news."""


class Counting:
    """Counts requests, and refuses some."""

    def __init__(self, kube: Kube, refused: str = "") -> None:
        self._kube, self.refused = kube, refused
        self.requests: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._kube, name)
        if name == "pages":
            return inner

        async def send(*args: Any, **kwargs: Any) -> Any:
            self.requests[name] += 1
            if name == self.refused:
                raise Forbidden(f"{name} is not allowed")
            return await inner(*args, **kwargs)

        return send


async def turn(world: World, engine: Engine, seconds: float = 2) -> None:
    await engine.audit(NS)
    engine.queue.add(KEY)
    await engine.work()
    await settle_suggestions(engine)
    await world.tick(seconds)


async def passes_in_a_moment(engine: Engine) -> int:
    """How many passes there are while nothing arrives from the watch. Retries with a backoff come later."""
    passes, reconcile = 0, engine.reconcile

    async def counted(key: tuple[str, str]) -> None:
        nonlocal passes
        passes += 1
        await reconcile(key)

    engine.reconcile = counted  # type: ignore[method-assign]
    engine.queue.add(KEY)
    working = asyncio.create_task(engine.run())
    for _ in range(2_000):
        await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return passes


async def with_ended_pod(world: World, engine: Engine) -> Object:
    """The pod of the run, which has ended and is not recorded yet. No event says so after this."""
    await world.apply(limits=LIMITS, eval=None)
    while not any(j.get("status") for j in (await world.kube.list(Kind.JOB)).items):
        await turn(world, engine)
    await engine.audit(NS)
    return (await world.kube.list(Kind.POD)).items[0]


async def test_the_end_of_a_run_takes_few_passes_while_the_watch_lags(tmp_path: Path) -> None:
    world = World(tmp_path)
    engine = world.engine()
    await with_ended_pod(world, engine)
    assert await passes_in_a_moment(engine) <= FEW
    assert [r.succeeded for r in await world.runs()] == [True]
    assert not (await world.kube.list(Kind.POD)).items[0]["metadata"].get("finalizers")
    assert engine.idle
    engine.close()


async def test_a_cleanup_that_is_refused_is_repeated_with_a_backoff(tmp_path: Path) -> None:
    world = World(tmp_path)
    kube: Any = Counting(world.kube)
    engine = world.engine(kube)
    await with_ended_pod(world, engine)
    kube.refused = "remove_finalizer"
    assert await passes_in_a_moment(engine) <= FEW
    assert 1 <= kube.requests["remove_finalizer"] <= FEW
    engine.close()


async def test_a_pod_that_another_finalizer_keeps_is_force_deleted_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    kube: Any = Counting(world.kube)
    engine = world.engine(kube)
    await world.apply(limits=LIMITS, eval=None)
    while not (pods := (await world.kube.list(Kind.POD)).items):
        await turn(world, engine)
    name, theirs = pods[0]["metadata"]["name"], "batch.kubernetes.io/job-tracking"
    await world.kube.patch(Kind.POD, NS, name, {"metadata": {"finalizers": [RESULT_FINALIZER, theirs]}})
    await world.kube.delete(Kind.POD, NS, name)
    world.now += timedelta(hours=1)  # and its node does not end it
    await engine.audit(NS)
    assert await passes_in_a_moment(engine) <= FEW
    pod = await world.kube.get(Kind.POD, NS, name)
    assert (pod["metadata"]["deletionGracePeriodSeconds"], pod["metadata"]["finalizers"]) == (0, [theirs])
    engine.close()


async def test_a_job_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    kube: Any = Counting(world.kube)
    engine = world.engine(kube)
    await with_ended_pod(world, engine)
    await passes_in_a_moment(engine)
    (job,) = (await world.kube.list(Kind.JOB)).items
    await world.kube.delete(Kind.JOB, NS, job["metadata"]["name"])
    await world.kube.create(Kind.JOB, {**job, "metadata": {k: v for k, v in job["metadata"].items() if k != "uid"}})
    await world.tick(3700)
    assert await passes_in_a_moment(engine) <= FEW
    engine.close()
