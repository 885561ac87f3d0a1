"""A start reads what the first passes need. Jobs and pods of runs that have ended follow: there may be thousands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.names import RUN_LABEL
from sweep_operator.decide.plan import TrackRequest
from sweep_operator.decide.tracking import TrackingReport
from sweep_operator.engine import objects
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import Kind, Labels, Object, ObjectList
from tests.engine.world import KEY, NS, World, settle_suggestions


async def under_way(tmp_path: Path, **spec: Any) -> World:
    """Two runs have ended and two have started; the operator was killed."""
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 6, "maxParallelRuns": 2}, eval=None, **spec)
    engine = world.engine()
    while sum(run.holds_slot for run in await world.runs()) < 2 or len(await world.runs()) < 4:
        await world.tick()
        await engine.audit(NS)
        await engine.reconcile(KEY)
        await settle_suggestions(engine)
    engine.close()
    await world.tick()  # their pods start
    return world


async def passes(engine: Engine, count: int = 3) -> None:
    for _ in range(count):
        await engine.reconcile(KEY)
        await settle_suggestions(engine)


async def test_the_objects_of_runs_that_have_ended_are_read_later(tmp_path: Path) -> None:
    """New runs start without them. Nothing is decided about the runs that have ended before."""
    world = await under_way(tmp_path, ttlSecondsAfterFinished=10)
    ended = {run.name for run in await world.runs() if run.terminal}
    assert len(ended) == 2
    engine = world.engine()
    await engine.resume(NS)
    for kind in (Kind.JOB, Kind.POD):
        assert {o["metadata"]["labels"][RUN_LABEL] for o in engine.store.all(kind)} == {"s.r.2", "s.r.3"}
    await world.tick()
    await world.tick()
    for kind in (Kind.JOB, Kind.POD):  # as a watch would
        for obj in (await world.kube.list(kind)).items:
            if obj["metadata"]["labels"][RUN_LABEL] not in ended:
                engine.apply(kind, obj)
    await passes(engine)
    assert {run.name for run in await world.runs() if run.holds_slot} == {"s.r.4", "s.r.5"}
    world.now += timedelta(seconds=60)
    await passes(engine)
    assert ended <= {job["metadata"]["labels"][RUN_LABEL] for job in (await world.kube.list(Kind.JOB)).items}
    await engine.audit(NS)
    assert not engine.queue.idle
    await passes(engine)
    left = {job["metadata"]["labels"][RUN_LABEL] for job in (await world.kube.list(Kind.JOB)).items}
    assert left == {"s.r.4", "s.r.5"}
    await world.check()
    engine.close()


@pytest.mark.parametrize("deleted", [False, True])
async def test_an_ended_sweep_gets_another_pass_after_the_audit(tmp_path: Path, *, deleted: bool) -> None:
    """Its runs have waited, even if the audit finds nothing of them."""
    world = await under_way(tmp_path)
    engine = world.engine()
    while await world.ended() is None:
        await world.tick()
        await engine.audit(NS)
        await passes(engine, 1)
    engine.close()
    if deleted:
        await world.kube.delete_all(Kind.JOB, NS, labels={})
    engine = world.engine()
    await engine.resume(NS)
    while not engine.queue.idle:
        await engine.work()
    assert engine.store.all(Kind.JOB) == []
    await engine.audit(NS)
    assert not engine.queue.idle
    while not engine.queue.idle:
        await engine.work()
    await engine.audit(NS)
    assert engine.queue.idle, "now it rests"
    engine.close()


class Tracker:
    """W&B, which is connected and has no run."""

    def __init__(self) -> None:
        self.offered: list[TrackRequest | None] = []

    def report(self, *_: Any) -> TrackingReport:
        return TrackingReport(sweep_id="abc", heard=True)

    def offer(self, _key: Any, _sweep: Any, request: TrackRequest | None) -> None:
        self.offered.append(request)

    def forget(self, *_: Any) -> None: ...


@pytest.mark.parametrize("scope", [NS, None])
async def test_no_run_is_delivered_while_its_pods_are_not_known(tmp_path: Path, scope: str | None) -> None:
    """A pod that still runs would overwrite what is delivered."""
    world = await under_way(tmp_path, tracking={"wandb": {"project": "p"}})
    tracker = Tracker()
    engine = world.engine(tracker=tracker, config=OperatorConfig(wandb_projects={NS: ["*/p"]}))
    await engine.resume(scope)
    await passes(engine)
    assert tracker.offered
    assert not any(request.runs for request in tracker.offered if request is not None)
    await engine.audit(scope)
    await passes(engine)
    assert tracker.offered[-1] is not None
    assert [run.name for run in tracker.offered[-1].runs] == ["s.r.0", "s.r.1"]
    engine.close()


async def test_many_runs_are_read_in_parts_of_which_the_oldest_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch must not miss what happens between two of them."""
    world = await under_way(tmp_path)
    monkeypatch.setattr(objects, "RUNS_AT_ONCE", 1)
    list_, versions = world.kube.list, list[int]()

    async def later(kind: Kind, namespace: str | None = None, **options: Any) -> ObjectList:
        listed = await list_(kind, namespace, **options)
        if kind == Kind.POD:
            versions.append(listed.resource_version + len(versions))
            listed = replace(listed, resource_version=versions[-1])
        return listed

    monkeypatch.setattr(world.kube, "list", later)
    engine = world.engine()
    await engine.resume(NS)
    assert len(versions) == 2
    assert await engine.watch_from(Kind.POD, NS) == versions[0]
    engine.close()


async def test_a_new_run_waits_for_what_an_earlier_one_has_left_under_its_name(tmp_path: Path) -> None:
    """The Sweep was deleted and created again while no operator ran, and an old Job takes long to be deleted."""
    world = await under_way(tmp_path)
    for job in (await world.kube.list(Kind.JOB)).items:
        slow = {"metadata": {"finalizers": ["foregroundDeletion"]}}
        await world.kube.patch(Kind.JOB, NS, job["metadata"]["name"], slow)
    await world.kube.delete(Kind.SWEEP, NS, "s")
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1}, eval=None)
    engine = world.engine()
    await engine.resume(NS)
    await passes(engine)
    run = await world.run("s.r.0")
    assert (run.terminal, run.status.train.attempt) == (False, 0)
    for job in (await world.kube.list(Kind.JOB)).items:
        await world.kube.patch(Kind.JOB, NS, job["metadata"]["name"], {"metadata": {"finalizers": []}})
    await engine.audit(NS)
    await passes(engine)
    assert (await world.run("s.r.0")).holds_slot
    engine.close()


async def test_a_name_that_is_too_long_for_a_label_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server would refuse the whole request, again and again."""
    world = await under_way(tmp_path)
    long = "x" * 64
    body: Object = {"metadata": {"name": long, "namespace": NS}, "spec": {"sweepName": "s", "parameters": {"x": 1}}}
    made = await world.kube.create(Kind.SWEEP_RUN, body)
    await world.kube.update_status(Kind.SWEEP_RUN, {**made, "status": {"train": {"attempt": 1}}})
    list_, asked = world.kube.list, set[str]()

    async def noted(kind: Kind, namespace: str | None = None, *, labels: Labels | None = None) -> ObjectList:
        asked.update((labels or {}).get(RUN_LABEL, ()))
        return await list_(kind, namespace, labels=labels)

    monkeypatch.setattr(world.kube, "list", noted)
    engine = world.engine()
    await engine.resume(NS)
    assert asked == {"s.r.2", "s.r.3"}
    engine.close()
