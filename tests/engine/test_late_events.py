"""Events of pods that are late or missed: before an attempt is ended without a result, the live objects are read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import Kind
from tests.engine.world import KEY, NS, World, settle_suggestions

NAME = "s.r.0"


async def work(world: World, engine: Engine, passes: int = 4) -> SweepRun:
    """Passes without a resync: the engine sees its own writes and what the test delivers."""
    for _ in range(passes):
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)
    return await world.run(NAME)


async def started(world: World, engine: Engine, **spec: Any) -> None:
    """One run whose pod runs, as far as the engine knows."""
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1}, eval=None, **spec)
    await engine.audit(NS)
    await work(world, engine)
    await world.tick(1)
    await engine.audit(NS)
    assert (await work(world, engine)).status.train.attempt == 1


async def deliver(world: World, engine: Engine, kind: Kind, name: str) -> None:
    engine.apply(kind, await world.kube.get(kind, NS, name))


async def stop_run(world: World, engine: Engine) -> None:
    await world.kube.patch(Kind.SWEEP_RUN, NS, NAME, {"spec": {"stop": True}})
    await deliver(world, engine, Kind.SWEEP_RUN, NAME)


async def stop_sweep(world: World, engine: Engine) -> None:
    await world.edit(stop=True)
    await deliver(world, engine, Kind.SWEEP, "s")


async def suspend_sweep(world: World, engine: Engine) -> None:
    await world.edit(suspend=True, suspendPolicy="terminate")
    await deliver(world, engine, Kind.SWEEP, "s")


async def wait_for_the_deadline(world: World, engine: Engine) -> None:
    world.now += timedelta(seconds=60)


ENDS = {
    "stop of the run": stop_run,
    "stop of the sweep": stop_sweep,
    "suspend, terminate": suspend_sweep,
    "deadline": wait_for_the_deadline,
}


@pytest.mark.parametrize("how", ENDS)
async def test_a_result_counts_although_its_event_is_late(tmp_path: Path, how: str) -> None:
    world = World(tmp_path)
    engine = world.engine()
    await started(world, engine, train={"command": ["train"], "deadlineSeconds": 10})
    await world.tick(5)  # the pod ends, and no event says so
    await ENDS[how](world, engine)
    run = await work(world, engine)
    assert run.succeeded, run.status
    assert run.status.train.attempts[-1].class_ == "succeeded"


@pytest.mark.parametrize(
    ("how", "class_"),
    [("stop of the run", "stopped"), ("suspend, terminate", "stopped"), ("deadline", "timeout")],
)
async def test_a_pod_that_still_runs_is_ended(tmp_path: Path, how: str, class_: str) -> None:
    world = World(tmp_path)
    engine = world.engine()
    await started(world, engine, train={"command": ["train"], "deadlineSeconds": 10})
    await ENDS[how](world, engine)
    run = await work(world, engine)
    assert not run.succeeded
    assert run.status.train.attempts[-1].class_ == class_


async def test_a_pod_whose_start_was_missed_is_not_ended_by_the_pending_deadline(tmp_path: Path) -> None:
    world = World(tmp_path)
    engine = world.engine()
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1}, eval=None)
    await engine.audit(NS)
    await work(world, engine)
    for kind in (Kind.JOB, Kind.SWEEP_RUN):
        for obj in (await world.kube.list(kind)).items:
            engine.apply(kind, obj)
    await world.tick(1)
    await world.tick(1)  # the pod has started and ended; the engine has seen no pod
    world.now += timedelta(days=1)
    run = await work(world, engine)
    assert run.succeeded, run.status


async def test_a_training_whose_job_is_complete_is_not_repeated_when_its_pod_is_gone(tmp_path: Path) -> None:
    world = World(tmp_path)
    engine = world.engine()
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1})
    await engine.audit(NS)
    await work(world, engine)
    await world.tick(1)
    await engine.audit(NS)
    await work(world, engine)
    await world.tick(7)
    for pod in (await world.kube.list(Kind.POD)).items:
        await world.kube.patch(Kind.POD, NS, pod["metadata"]["name"], {"metadata": {"finalizers": []}})
        await world.kube.delete(Kind.POD, NS, pod["metadata"]["name"], grace_seconds=0)
    await engine.audit(NS)
    run = await work(world, engine)
    assert run.status.train.attempt == 1
    assert run.status.train.attempts[-1].class_ == "succeeded"
    assert run.status.train.seconds == 7
    assert run.status.eval.attempt == 1
