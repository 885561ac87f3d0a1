"""A new run starts in the pass that creates it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.names import RUN_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import TrackRequest
from sweep_operator.decide.tracking import TrackingReport
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import AlreadyExists, Kind, Kube, Object
from tests.builders import sweep_body
from tests.engine.test_exactly_once import Gate
from tests.engine.world import KEY, NS, World, drive, settle_suggestions


async def _pass_that_creates(world: World, engine: Engine) -> None:
    await engine.audit(NS)
    while not await world.runs():
        engine.queue.add(KEY)
        await engine.work()
        await settle_suggestions(engine)


@pytest.mark.parametrize("status_delay", [0.0, 2.0])
async def test_the_job_is_created_in_the_pass_that_creates_the_run(tmp_path: Path, status_delay: float) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 2, "maxParallelRuns": 2}, eval=None)
    engine = world.engine(status_delay=status_delay)
    await _pass_that_creates(world, engine)
    jobs = (await world.kube.list(Kind.JOB)).items
    assert sorted(job["metadata"]["labels"][RUN_LABEL] for job in jobs) == ["s.r.0", "s.r.1"]
    engine.close()


class AnotherLeader(Gate):
    """Another process has just created the run, and has started it from an earlier spec."""

    def __init__(self, kube: Kube) -> None:
        super().__init__(kube)
        self.started: Object | None = None

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        made = await self._kube.create(kind, body, dry_run=dry_run)
        if kind != Kind.SWEEP_RUN or self.started is not None:
            return made
        status = {"templateHash": "earlier", "train": {"attempt": 1, "jobName": "s-r-0-train-1"}}
        self.started = await self._kube.update_status(kind, {**made, "status": status})
        raise AlreadyExists("409")


async def test_a_run_that_another_process_has_started_is_left_to_the_next_pass(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1}, eval=None)
    kube = AnotherLeader(world.kube)
    engine = world.engine(kube)
    await _pass_that_creates(world, engine)
    assert kube.started is not None
    assert await world.kube.get(Kind.SWEEP_RUN, NS, "s.r.0") == kube.started
    assert await drive(world, engine) == "MaxRunsReached"
    engine.close()


class Edited(Gate):
    """A user edits the Sweep as soon as its first run exists, and the engine hears of it at once."""

    engine: Engine

    def __init__(self, kube: Kube, world: World, **spec: object) -> None:
        super().__init__(kube)
        self._world, self._spec = world, spec

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        made = await self._kube.create(kind, body, dry_run=dry_run)
        if kind == Kind.SWEEP_RUN:
            await self._world.edit(**self._spec)
            self.engine.apply(Kind.SWEEP, await self._world.kube.get(Kind.SWEEP, NS, "s"))
        return made


async def test_a_sweep_that_was_suspended_meanwhile_starts_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 2, "maxParallelRuns": 2}, eval=None)
    kube = Edited(world.kube, world, suspend=True)
    kube.engine = engine = world.engine(kube)
    await _pass_that_creates(world, engine)
    assert [run.status.train.attempt for run in await world.runs()] == [0, 0]
    assert (await world.kube.list(Kind.JOB)).items == []
    await world.edit(suspend=False)
    assert await drive(world, engine) == "MaxRunsReached"
    engine.close()


class Heard:
    """W&B answers when the optimizer does."""

    def __init__(self, world: World) -> None:
        self._world = world

    def report(self, key: tuple[str, str], uid: str) -> TrackingReport:
        heard = bool(self._world.suggester.asked)
        return TrackingReport(heard=True, sweep_id="abc", entity="metta") if heard else TrackingReport()

    def offer(self, key: tuple[str, str], sweep: Sweep, request: TrackRequest | None) -> None: ...

    def forget(self, key: tuple[str, str]) -> None: ...


@pytest.mark.parametrize("status_delay", [0.0, 2.0])
async def test_the_job_passes_on_what_was_heard_of_wandb_in_the_same_pass(tmp_path: Path, status_delay: float) -> None:
    world = World(tmp_path)
    wandb = {"project": "p", "apiKeySecret": {"name": "wandb"}}
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1}, eval=None, tracking={"wandb": wandb})
    config = OperatorConfig(wandb_projects={NS: ["*/p"]})
    engine = world.engine(status_delay=status_delay, tracker=Heard(world), config=config)
    await _pass_that_creates(world, engine)
    (job,) = (await world.kube.list(Kind.JOB)).items
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert {v["name"]: v.get("value") for v in container["env"]}["WANDB_SWEEP_ID"] == "abc"
    engine.close()


async def test_a_sweep_without_a_run_goes_before_one_with_runs(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 2, "maxParallelRuns": 2}, eval=None)
    engine, new = world.engine(), (NS, "new")
    await _pass_that_creates(world, engine)
    await world.kube.create(Kind.SWEEP, sweep_body("new", metadata={"namespace": NS}))
    await engine.audit(NS)
    for key in (KEY, new):
        engine.queue.add(key)
    assert [await engine.queue.take() for _ in range(2)] == [new, KEY]
    engine.close()
