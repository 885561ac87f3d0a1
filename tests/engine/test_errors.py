"""Errors of a pass: visible on the Sweep, limited to the run that causes them, and without a loop of writes."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.meta import Condition, find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide import sweep as decisions
from sweep_operator.decide.plan import RunPlan, SuggestRequest
from sweep_operator.decide.snapshot import Suggested
from sweep_operator.engine import reconciler
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import Invalid, Kind, Kube, KubeError, Object
from tests.engine.world import KEY, NS, Sequence, World, good, settle_suggestions

LIMITS = {"maxRuns": 3, "maxParallelRuns": 3}


async def step(world: World, engine: Engine, *, seconds: float = 2) -> None:
    await engine.audit(NS)
    engine.queue.add(KEY)
    await engine.work()
    await settle_suggestions(engine)
    if seconds:
        await world.tick(seconds)


async def stalled(world: World) -> Condition | None:
    return find_condition((await world.sweep()).status.conditions, "Stalled")


async def errors_of(world: World) -> list[str]:
    """Messages of the Events about errors."""
    events = (await world.kube.list(Kind.EVENT)).items
    return [e["message"] for e in events if e["reason"] == "ReconcileError"]


async def version(world: World) -> int:
    return (await world.kube.list(Kind.SWEEP)).resource_version


async def finished(world: World) -> list[str]:
    return [r.name for r in await world.runs() if r.succeeded]


def raise_for(name: str, monkeypatch: pytest.MonkeyPatch, messages: itertools.cycle[str]) -> None:
    """A defect in the decision about one run."""
    decide_run = decisions.decide_run

    def broken(run: SweepRun, *args: Any) -> RunPlan:
        if run.name == name and run.status.train.attempt:
            raise RuntimeError(next(messages))
        return decide_run(run, *args)

    monkeypatch.setattr(decisions, "decide_run", broken)


async def test_an_error_in_the_decision_about_one_run_stops_no_other_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    engine = world.engine()
    await world.apply(limits=LIMITS)
    with monkeypatch.context() as patch:
        raise_for("s.r.1", patch, itertools.cycle(["a defect"]))
        for _ in range(10):
            await step(world, engine)
        assert await finished(world) == ["s.r.0", "s.r.2"]
        condition = await stalled(world)
        assert condition is not None
        assert (condition.status, condition.reason) == ("True", "ReconcileError")
        assert condition.message == "s.r.1: RuntimeError: a defect"
        assert await errors_of(world) == ["RuntimeError: a defect"]
        before = await version(world)
        for _ in range(5):
            await step(world, engine, seconds=0)
        assert await version(world) == before, "an error that repeats writes nothing"
    for _ in range(10):
        await step(world, engine)
    assert await finished(world) == ["s.r.0", "s.r.1", "s.r.2"]
    assert await stalled(world) is None
    assert await world.ended() == "MaxRunsReached"


async def test_an_error_of_the_whole_pass_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    engine = world.engine()
    await world.apply(limits=LIMITS)
    await step(world, engine)
    with monkeypatch.context() as patch:
        patch.setattr(reconciler, "decide", lambda snapshot: 1 / 0)
        for _ in range(3):
            await step(world, engine)
        condition = await stalled(world)
        assert condition is not None
        assert condition.message == "ZeroDivisionError: division by zero"
        assert await errors_of(world) == ["ZeroDivisionError: division by zero"]
    await step(world, engine)
    assert await stalled(world) is None


@pytest.mark.parametrize("where", ["run", "pass"])
async def test_a_message_that_changes_each_time_is_not_written_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    world = World(tmp_path)
    engine = world.engine()
    await world.apply(limits=LIMITS)
    for _ in range(2):
        await step(world, engine)
    numbers = (str(n) for n in itertools.count())

    def broken(snapshot: object) -> None:
        raise RuntimeError(next(numbers))

    if where == "run":
        raise_for("s.r.1", monkeypatch, itertools.cycle(numbers))
    else:
        monkeypatch.setattr(reconciler, "decide", broken)
    for _ in range(12):
        await step(world, engine)
    before = await version(world)
    for _ in range(5):
        await step(world, engine, seconds=0)
    assert await version(world) == before


class Refusing:
    """A Kube that refuses one run's status writes."""

    def __init__(self, kube: Kube, name: str, error: Exception) -> None:
        self._kube, self._name, self._error = kube, name, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    async def update_status(self, kind: Kind, body: Object) -> Object:
        if body["metadata"]["name"] == self._name:
            raise self._error
        return await self._kube.update_status(kind, body)


@pytest.mark.parametrize("error", [Invalid("the status is too long"), KubeError("teapot"), OSError("broken")])
async def test_an_error_in_the_write_of_one_run_stops_no_other_run(tmp_path: Path, error: Exception) -> None:
    world = World(tmp_path)
    kube: Any = Refusing(world.kube, "s.r.0", error)
    engine = world.engine(kube)
    await world.apply(limits=LIMITS)
    for _ in range(10):
        await step(world, engine)
    assert await finished(world) == ["s.r.1", "s.r.2"]
    condition = await stalled(world)
    assert condition is not None
    assert condition.message == f"s.r.0: {type(error).__name__}: {error}"


async def test_a_deeply_nested_result_fails_only_its_own_run(tmp_path: Path) -> None:
    def program(stage: str, attempt: int, parameters: dict[str, Any]) -> tuple[int, str, str]:
        if stage == "eval" and parameters["x"] == 1 / 97:
            return 0, "Completed", json.dumps({"metrics": {"reward": 1}})[:-2] + ', "deep": ' + "[" * 4000
        return good(stage, attempt, parameters)

    world = World(tmp_path, program)
    engine = world.engine()
    await world.apply(limits=LIMITS, perRun={"retries": {"onEvalFailure": 0}})
    for _ in range(12):
        await step(world, engine)
    assert await finished(world) == ["s.r.0", "s.r.2"]
    assert (await world.run("s.r.1")).failed
    assert await stalled(world) is None


async def test_a_run_whose_deletion_was_missed_does_not_stop_its_sweep(tmp_path: Path) -> None:
    world = World(tmp_path)
    engine = world.engine()
    await world.apply(limits=LIMITS, eval=None)
    for _ in range(3):
        await step(world, engine)
    names = [r.name for r in await world.runs() if r.status.train.attempt]
    assert len(names) == 3
    await world.kube.delete(Kind.SWEEP_RUN, NS, names[0])
    for kind in (Kind.JOB, Kind.POD):
        for obj in (await world.kube.list(kind)).items:
            engine.apply(kind, obj)
    for _ in range(2):
        engine.queue.add(KEY)
        await engine.work()
    assert engine.store.get(Kind.SWEEP_RUN, NS, names[0]) is None, "read again at once"
    assert [r.succeeded for r in await world.runs()] == [True, True]


async def test_an_unexpected_error_of_the_optimizer_is_reported(tmp_path: Path) -> None:
    class Broken(Sequence):
        broken = True

        async def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
            if self.broken:
                raise RuntimeError("no answer")
            async for answer in super().suggest(sweep, request):
                yield answer

    world = World(tmp_path)
    world.suggester = suggester = Broken()
    engine = world.engine()
    await world.apply(limits=LIMITS)
    for _ in range(3):
        await step(world, engine)
    condition = await stalled(world)
    assert condition is not None
    assert condition.message == "RuntimeError: no answer"
    suggester.broken = False
    for _ in range(4):
        await step(world, engine)
    assert await stalled(world) is None
    assert len(await world.runs()) == 3
