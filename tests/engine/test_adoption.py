"""Runs of a Sweep that was deleted with --cascade=orphan are adopted by the Sweep that is created again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweep_operator.engine.errors import RunErrors
from sweep_operator.kube.protocol import Kind, Object
from tests.engine.world import KEY, NS, World, drive, settle_suggestions


async def steps(world: World, engine: Any, n: int) -> None:
    for _ in range(n):
        await engine.audit(NS)
        await engine.reconcile(KEY)
        await settle_suggestions(engine)
        await world.tick()


def controllers(obj: Object) -> list[str]:
    return [o["uid"] for o in obj["metadata"].get("ownerReferences") or [] if o.get("controller")]


@pytest.mark.parametrize("after", [2, 3, 5, 40])
async def test_orphaned_runs_are_adopted_and_counted(tmp_path: Path, after: int) -> None:
    world = World(tmp_path)
    limits = {"maxRuns": 4, "maxParallelRuns": 2}
    await world.apply(limits=limits)
    engine = world.engine()
    await steps(world, engine, after)
    old = await world.runs()
    await world.kube.delete(Kind.SWEEP, NS, "s", propagation="Orphan")
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine", "uid": "uid-of-mine"}
    for run in old:
        assert not controllers(await world.kube.get(Kind.SWEEP_RUN, NS, run.name))
    await world.kube.create(Kind.CONFIG_MAP, {"metadata": {"name": "mine", "namespace": NS}})
    mine = await world.kube.get(Kind.CONFIG_MAP, NS, "mine")
    references = [{**other, "uid": mine["metadata"]["uid"]}]
    await world.kube.patch(Kind.SWEEP_RUN, NS, "s.r.0", {"metadata": {"ownerReferences": references}})
    await engine.audit(NS)
    await engine.reconcile(KEY)  # the old Sweep is forgotten
    await world.apply(limits=limits)
    assert await drive(world, engine) == "MaxRunsReached"
    sweep, runs = await world.sweep(), await world.runs()
    assert sweep.status.runs.succeeded == sweep.status.runs.created == 4
    assert {r.metadata.uid for r in old} <= {r.metadata.uid for r in runs}, "no run is repeated"
    for kind in (Kind.SWEEP_RUN, Kind.REVISION):
        for obj in (await world.kube.list(kind)).items:
            assert controllers(obj) == [sweep.metadata.uid], obj["metadata"]["name"]
    adopted = await world.kube.get(Kind.SWEEP_RUN, NS, "s.r.0")
    assert references[0]["uid"] in [o["uid"] for o in adopted["metadata"]["ownerReferences"]], "other owners are kept"
    own = {"metadata": {"ownerReferences": adopted["metadata"]["ownerReferences"][-1:]}}
    await world.kube.patch(Kind.SWEEP_RUN, NS, "s.r.0", own)
    await world.kube.delete(Kind.SWEEP, NS, "s")
    await engine.audit(NS)
    await engine.reconcile(KEY)
    for kind in (Kind.SWEEP_RUN, Kind.JOB, Kind.REVISION):
        assert (await world.kube.list(kind)).items == (), "no leftovers"


async def test_an_outdated_copy_of_a_revision_is_read_again(tmp_path: Path) -> None:
    """ControllerRevisions are neither watched nor listed: without a read, every pass would get the same Conflict."""
    world = World(tmp_path)
    limits = {"maxRuns": 2, "maxParallelRuns": 1}
    await world.apply(limits=limits)
    engine = world.engine()
    await steps(world, engine, 3)
    await world.kube.delete(Kind.SWEEP, NS, "s", propagation="Orphan")
    (revision,) = (await world.kube.list(Kind.REVISION)).items
    await world.kube.patch(Kind.REVISION, NS, revision["metadata"]["name"], {"metadata": {"labels": {"newer": "yes"}}})
    await engine.audit(NS)
    await engine.reconcile(KEY)
    await world.apply(limits=limits)
    engine.store.apply(Kind.REVISION, revision)
    await engine.audit(NS)
    with pytest.raises(RunErrors, match="ControllerRevision"):
        await engine.reconcile(KEY)
    assert await drive(world, engine) == "MaxRunsReached"


@pytest.mark.parametrize("created_again", [False, True])
async def test_a_deleted_sweep_adopts_nothing(tmp_path: Path, created_again: bool) -> None:
    """The event of its deletion may be late. The garbage collector would delete the runs that it adopts."""
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1})
    engine = world.engine()
    await steps(world, engine, 2)
    await world.kube.delete(Kind.SWEEP, NS, "s", propagation="Orphan")
    if created_again:
        await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1})
    for run in await world.runs():  # the events about the runs arrive, the ones about the Sweep do not
        engine.store.apply(Kind.SWEEP_RUN, await world.kube.get(Kind.SWEEP_RUN, NS, run.name))
    with pytest.raises(RunErrors):
        await engine.reconcile(KEY)
    assert await world.runs()
    for run in await world.runs():
        assert not run.metadata.owner_references
