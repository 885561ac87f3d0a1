"""A pass looks at what has changed. Runs for which nothing is to do rest, and what is kept of them is small."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide import sweep as decisions
from sweep_operator.decide.plan import RunPlan
from sweep_operator.decide.tracking import TrackingReport
from sweep_operator.engine import gather
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.packed import Packed
from sweep_operator.engine.read_run import stored_run
from sweep_operator.engine.store import Key, Store
from sweep_operator.kube.embedded import index
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.json_text import as_json
from sweep_operator.kube.protocol import Kind, ObjectList, Stored
from tests.engine.world import KEY, NS, World, drive, settle_suggestions

RUNS = 6


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each run was decided about."""
    counts: Counter[str] = Counter()
    decide_run = decisions.decide_run

    def counted(run: SweepRun, *args: Any) -> RunPlan:
        counts[run.name] += 1
        return decide_run(run, *args)

    monkeypatch.setattr(decisions, "decide_run", counted)
    return counts


class Untracked:
    """A tracker, of which this Sweep makes no use."""

    def report(self, *_: Any) -> TrackingReport:
        return TrackingReport()

    def offer(self, *_: Any) -> None:
        pass

    def forget(self, *_: Any) -> None:
        pass


async def finished(tmp_path: Path) -> tuple[World, Engine]:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": RUNS, "maxParallelRuns": 2}, eval=None)
    engine = world.engine()
    await drive(world, engine)
    return world, engine


async def again(engine: Engine) -> None:
    await engine.audit(NS)
    await engine.reconcile(KEY)
    await settle_suggestions(engine)


async def test_a_pass_without_changes_looks_at_no_run(tmp_path: Path, looked_at: Counter[str]) -> None:
    _, engine = await finished(tmp_path)
    looked_at.clear()
    await again(engine)
    assert not looked_at
    engine.close()


async def test_a_pass_looks_at_the_run_whose_pod_has_changed(tmp_path: Path, looked_at: Counter[str]) -> None:
    world, engine = await finished(tmp_path)
    pod = next(p for p in (await world.kube.list(Kind.POD)).items if p["metadata"]["name"].startswith("s-r-3-"))
    await world.kube.patch(Kind.POD, NS, pod["metadata"]["name"], {"metadata": {"annotations": {"a": "b"}}})
    looked_at.clear()
    await again(engine)
    assert set(looked_at) == {"s.r.3"}
    engine.close()


async def test_of_many_manual_runs_a_pass_looks_at_those_that_get_a_slot(
    tmp_path: Path, looked_at: Counter[str]
) -> None:
    """A user may create thousands. The others rest until a slot is free, and no suggestion is computed for later."""
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": RUNS, "maxParallelRuns": 2}, eval=None)
    engine = world.engine()

    async def create(name: str) -> None:
        spec: dict[str, Any] = {"sweepName": "s", "parameters": {"x": 1}}
        await world.kube.create(Kind.SWEEP_RUN, {"metadata": {"name": name, "namespace": NS}, "spec": spec})

    names = [f"mine-{n:02}" for n in range(40)]
    for name in names:
        await create(name)
    for _ in range(3):
        await again(engine)
    await create("mine-99")
    for _ in range(3):
        await again(engine)
    looked_at.clear()
    await again(engine)
    assert not looked_at
    assert world.suggester.asked == []
    order: list[str] = []
    for _ in range(200):
        await world.tick()
        looked_at.clear()
        await again(engine)
        await again(engine)
        assert len(looked_at) <= 6
        order += [run.name for run in await world.runs() if run.succeeded and run.name not in order]
        if await world.ended():
            break
    assert order[: len(names) + 1] == [*names, "mine-99"]
    assert await world.ended() == "MaxRunsReached"
    engine.close()


async def test_an_audit_passes_over_an_ended_sweep_only_if_something_has_changed(tmp_path: Path) -> None:
    world, engine = await finished(tmp_path)
    await again(engine)
    while not engine.queue.idle:
        await engine.work()
    await engine.audit(NS)
    assert engine.queue.idle
    await world.kube.patch(Kind.SWEEP_RUN, NS, "s.r.3", {"metadata": {"annotations": {"a": "b"}}})
    await engine.audit(NS)
    assert not engine.queue.idle
    await engine.work()
    await world.kube.delete(Kind.SWEEP, NS, "s")
    await engine.audit(NS)
    assert not engine.queue.idle
    engine.close()


async def test_a_watch_continues_from_the_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, engine = await finished(tmp_path)
    await engine.audit(NS)
    await world.kube.patch(Kind.SWEEP_RUN, NS, "s.r.3", {"metadata": {"annotations": {"a": "b"}}})
    lists = Counter[Kind]()
    list_, arrived = world.kube.list, asyncio.Event()

    async def counted(kind: Kind, namespace: str | None = None, **options: Any) -> ObjectList:
        lists[kind] += 1
        return await list_(kind, namespace, **options)

    monkeypatch.setattr(world.kube, "list", counted)
    engine.store._on_change = lambda kind, obj: arrived.set()
    following = asyncio.create_task(engine.follow(Kind.SWEEP_RUN, NS))
    await asyncio.wait_for(arrived.wait(), 60)
    following.cancel()
    changed = engine.store.get(Kind.SWEEP_RUN, NS, "s.r.3")
    assert changed is not None
    assert changed["metadata"]["annotations"] == {"a": "b"}
    assert not lists
    engine.close()


async def test_a_finished_run_wakes_up_when_its_job_is_due(tmp_path: Path, looked_at: Counter[str]) -> None:
    world, engine = await finished(tmp_path)
    looked_at.clear()
    await world.tick(24 * 3600)
    await again(engine)
    assert set(looked_at) == {f"s.r.{n}" for n in range(RUNS)}
    assert not (await world.kube.list(Kind.JOB)).items
    engine.close()


async def test_a_change_of_the_spec_wakes_the_runs_that_it_concerns(tmp_path: Path, looked_at: Counter[str]) -> None:
    world, engine = await finished(tmp_path)
    looked_at.clear()
    await world.edit(limits={"maxRuns": RUNS + 1, "maxParallelRuns": 2})
    await again(engine)
    assert not looked_at, "finished runs do not depend on the limits"
    await world.edit(ttlSecondsAfterFinished=0)
    await again(engine)
    assert {f"s.r.{n}" for n in range(RUNS)} <= set(looked_at)
    engine.close()


async def test_the_objects_of_finished_runs_are_packed_and_a_live_run_is_not(tmp_path: Path) -> None:
    world, engine = await finished(tmp_path)
    before = {kind: engine.store.all(kind) for kind in (Kind.SWEEP_RUN, Kind.JOB, Kind.POD)}
    assert [len(objects) for objects in before.values()] == [RUNS] * 3
    assert all(not engine.store.unpacked(kind) for kind in before)
    await world.edit(limits={"maxRuns": RUNS + 1, "maxParallelRuns": 2})
    while not engine.store.unpacked(Kind.JOB):
        await again(engine)
    assert [run["metadata"]["name"] for run in engine.store.unpacked(Kind.SWEEP_RUN)] == [f"s.r.{RUNS}"]
    states = Counter(note for _, note in engine.store.notes(Kind.SWEEP_RUN))
    assert states == {("succeeded", "Completed"): RUNS}
    engine.close()


def test_a_packed_object_is_the_same_object_and_small() -> None:
    similar = {"spec": {f"key-{n}": ["value"] * 10 for n in range(100)}, "metadata": {"name": "a"}}
    obj = {**similar, "metadata": {"name": "b", "resourceVersion": "7"}, "status": {"x": 1.5, "text": "ü"}}
    packed = Packed.of(obj, as_json(similar), None)
    assert packed.unpack() == obj
    assert packed.version == 7
    assert len(packed._data) < len(as_json(obj)) / 40


@pytest.mark.parametrize(
    "value", ["\ud800", "ü\u2028", 2**70, -0.0, 1e308, functools.reduce(lambda x, _: [x], range(900))]
)
def test_what_an_api_server_may_send_is_packed(value: Any) -> None:
    obj = {"metadata": {"resourceVersion": "7"}, "status": value}
    assert Packed.of(obj, b"", None).unpack() == obj


async def test_an_object_that_the_kube_stores_compressed_is_not_compressed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "RECENT", 0)
    kube = EmbeddedKube(tmp_path / "state.db", clock=lambda: datetime.now(UTC))
    for name in ("a", "b"):
        made = await kube.create(Kind.JOB, {"metadata": {"name": name, "namespace": NS}, "spec": {}})
        await kube.update_status(Kind.JOB, {**made, "status": {"conditions": [{"type": "Complete", "status": "True"}]}})
    listed, store = await kube.list(Kind.JOB), Store(SWEEP_LABEL)
    store.replace(Kind.JOB, listed)
    assert store.unpacked(Kind.JOB) == []
    assert store.all(Kind.JOB) == list(listed.items)
    for key, obj in zip(store.keys(Kind.JOB), listed.items, strict=True):
        found = store._objects[key[:2]][key[2]]
        assert isinstance(found, Packed)
        assert isinstance(obj, Stored)
        assert found._data is obj.packed
    kube.close()


async def test_after_a_restart_a_pass_looks_at_some_of_the_ended_runs_and_counts_all(
    tmp_path: Path, looked_at: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "AT_ONCE", 2)
    world, engine = await finished(tmp_path)
    engine.close()
    before, parsed = await world.sweep(), Counter[str]()

    def counted(store: Store, key: Key) -> SweepRun | None:
        parsed[key[2]] += 1
        return stored_run(store, key)

    engine = world.engine(tracker=Untracked(), read_run=counted)
    await engine.audit(NS)
    looked_at.clear()
    passes = []
    while engine.queue.depth:
        await engine.work()
        passes.append((looked_at.total(), parsed.total()))
    assert passes[:3] == [(2, 6), (4, 8), (6, 10)], "those that are decided about later are parsed again only then"
    assert looked_at == {f"s.r.{n}": 1 for n in range(RUNS)}
    assert await world.sweep() == before, "no status was written of the runs that were not looked at yet"
    engine.close()


async def test_a_new_threshold_counts_for_runs_that_have_ended(tmp_path: Path) -> None:
    world = World(tmp_path)
    objectives = [{"metric": "reward"}, {"metric": "peakMemoryBytes", "goal": "minimize"}]
    limits = {"maxRuns": RUNS, "maxParallelRuns": 2}
    await world.apply(metric=None, objectives=objectives, limits=limits, eval=None)
    engine = world.engine()
    await drive(world, engine)
    best = (await world.sweep()).status.best
    assert len(best) == RUNS
    await world.edit(objectives=[{**objectives[0], "threshold": best[1].score}, objectives[1]])
    await again(engine)
    assert (await world.sweep()).status.best == best[:2]
    engine.close()
