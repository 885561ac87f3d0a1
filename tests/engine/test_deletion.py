"""Deletion of what is no longer needed: Services of runs with several nodes, Jobs and pods of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sweep_operator.kube.protocol import Forbidden, Kind, Kube, Object
from tests.engine.world import KEY, NS, World, drive, good, settle_suggestions

QUOTA = 'services "s-r-0-train-1" is forbidden: exceeded quota: q, requested: services=1, used: services=2, limited: 2'
NODES = {"train": {"image": "i", "command": ["train"], "nodes": 2}}


class ServiceQuota:
    """A Kube in a namespace with a ResourceQuota of Services."""

    def __init__(self, kube: Kube, limit: int) -> None:
        self._kube, self.limit = kube, limit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        if kind == Kind.SERVICE and len((await self._kube.list(Kind.SERVICE)).items) >= self.limit:
            raise Forbidden(QUOTA)
        return await self._kube.create(kind, body, dry_run=dry_run)


async def test_services_end_with_their_attempts_so_that_a_quota_does_not_block_the_next_run(tmp_path: Path) -> None:
    def fails_once(stage: str, attempt: int, parameters: dict[str, Any]) -> tuple[int, str, str]:
        return (1, "Error", "") if (stage, attempt) == ("train", 1) else good(stage, attempt, parameters)

    world = World(tmp_path, fails_once)
    await world.apply(limits={"maxRuns": 6, "maxParallelRuns": 2}, **NODES)
    engine = world.engine(ServiceQuota(world.kube, 2))
    assert await drive(world, engine) == "MaxRunsReached"
    assert all(r.succeeded for r in await world.runs())
    assert (await world.kube.list(Kind.SERVICE)).items == ()


async def test_a_quota_refusal_of_the_service_is_a_reason_on_the_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1}, **NODES)
    kube = ServiceQuota(world.kube, 0)
    engine = world.engine(kube)
    for _ in range(6):
        await engine.audit(NS)
        await engine.reconcile(KEY)
        await settle_suggestions(engine)
        await world.tick()
    (run,) = await world.runs()
    why = next(c for c in run.status.conditions if c.type == "Succeeded")
    assert (why.status, why.reason, why.message) == ("Unknown", "QuotaExceeded", QUOTA)
    assert (await world.kube.list(Kind.JOB)).items == ()
    summary = next(c for c in (await world.sweep()).status.conditions if c.type == "Succeeded")
    assert summary.message == f"1 run waits: {QUOTA} (QuotaExceeded)"
    kube.limit = 1
    assert await drive(world, engine) == "MaxRunsReached"


async def test_a_service_whose_attempt_ended_while_no_operator_ran_is_deleted(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 1}, **NODES)
    assert await drive(world, world.engine()) == "MaxRunsReached"
    (run,) = await world.runs()
    labels = {
        "metta.ai/sweep": "s",
        "metta.ai/run": run.name,
        "metta.ai/run-uid": run.metadata.uid,
        "metta.ai/stage": "train",
        "metta.ai/attempt": "1",
        "app.kubernetes.io/managed-by": "sweep-operator",
    }
    owner = {"apiVersion": "metta.ai/v1alpha1", "kind": "SweepRun", "name": run.name, "uid": run.metadata.uid}
    meta = {"name": "s-r-0-train-1", "namespace": NS, "labels": labels, "ownerReferences": [owner]}
    await world.kube.create(Kind.SERVICE, {"metadata": meta, "spec": {"clusterIP": "None"}})
    engine = world.engine()
    await engine.audit(NS)
    await engine.reconcile(KEY)
    await settle_suggestions(engine)
    assert (await world.kube.list(Kind.SERVICE)).items == ()


async def test_jobs_and_pods_of_finished_runs_are_deleted_after_an_hour(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.apply(limits={"maxRuns": 2, "maxParallelRuns": 2}, storage={"retention": "all"})
    engine = world.engine()
    assert await drive(world, engine) == "MaxRunsReached"
    assert len((await world.kube.list(Kind.JOB)).items) == 4
    assert all("ttlSecondsAfterFinished" not in j["spec"] for j in (await world.kube.list(Kind.JOB)).items)
    await world.tick(3500)
    await engine.audit(NS)
    await engine.reconcile(KEY)
    assert len((await world.kube.list(Kind.JOB)).items) == 4
    await world.tick(101)
    await engine.reconcile(KEY)
    await settle_suggestions(engine)
    assert (await world.kube.list(Kind.JOB)).items == ()
    assert (await world.kube.list(Kind.POD)).items == ()
    before = (await world.kube.list(Kind.SWEEP)).resource_version
    await engine.audit(NS)
    await engine.reconcile(KEY)
    assert (await world.kube.list(Kind.SWEEP)).resource_version == before, "a fixpoint"
    assert all(r.succeeded for r in await world.runs())
