"""Early stopping is exactly once, too: a crash after every write leads to the same verdicts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.names import RUN_LABEL
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import Kind, Object
from tests.engine.test_exactly_once import Gate, KillAt, Killed
from tests.engine.test_reports import Logged
from tests.engine.world import KEY, NS, score, settle_suggestions

STEPS = 5


class Training(Logged):
    """A program that reports its score once per tick. Jobs are deleted only after the end of their run is recorded."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.early: list[str] = []
        self._steps: dict[str, int] = {}
        plain = self.kube.delete

        async def delete(kind: Kind, namespace: str, name: str, **options: Any) -> None:
            if kind == Kind.JOB:
                job = await self.kube.get(kind, namespace, name)
                run = await self.run(job["metadata"]["labels"][RUN_LABEL])
                self.early += [] if run.terminal else [name]
            await plain(kind, namespace, name, **options)

        self.kube.delete = delete  # type: ignore[method-assign]

    async def _end_pod(self, job: Object, pod: Object) -> None:
        name = pod["metadata"]["name"]
        step = self._steps[name] = self._steps.get(name, 0) + 1
        value = score(dict((await self.run(pod["metadata"]["labels"][RUN_LABEL])).parameters))
        with (self.path / f"{name}.log").open("a") as file:
            file.write(f'SWEEP_REPORT {{"step": {step}, "reward": {value}}}\n')
        self.finish = step == STEPS
        await super()._end_pod(job, pod)


async def begun(path: Path) -> Training:
    path.mkdir()
    world = Training(path)
    train = {"image": "i", "command": ["train"], "reports": {"maxStep": STEPS, "everySeconds": 1}}
    limits = {"maxRuns": 2, "maxParallelRuns": 1}
    stopping = {"rule": "asha", "minReports": 2, "minRuns": 1, "shadow": 0}
    # the score is the parameter, which rises from run to run
    await world.apply(goal="minimize", train=train, eval=None, limits=limits, earlyStopping=stopping)
    return world


async def drive(world: Training, engine: Engine) -> None:
    for _ in range(60):
        await engine.audit(NS)
        for _ in range(3):
            await engine.reports.poll()
            await engine.reconcile(KEY)
            await settle_suggestions(engine)
        if await world.ended():
            return
        await world.tick(61)
        await asyncio.sleep(0)
    raise AssertionError(f"no end: {[r.status for r in await world.runs()]}")


async def verdicts(world: Training) -> list[tuple[float, int] | None]:
    """Step and number of other runs of each verdict, in the order of the runs. A crash can leave a gap in the names."""
    found: list[tuple[float, int] | None] = []
    runs = sorted(await world.runs(), key=lambda r: r.name)
    for run in runs:
        verdict = run.status.early_stopping
        found.append(None if verdict is None else (verdict.step, verdict.runs))
        assert (verdict is not None) == run.pruned
        assert run.status.train.attempt == 1
    status = (await world.sweep()).status
    assert (status.runs.succeeded, status.runs.pruned, status.runs.failed) == (1, len(runs) - 1, 0)
    assert [best.run for best in status.best] == [runs[0].name]
    assert not world.early, "no Job is deleted before the verdict is written"
    assert not [j for j in (await world.kube.list(Kind.JOB)).items if not (j.get("status") or {}).get("conditions")]
    return found


async def test_a_crash_at_every_write_leads_to_the_same_verdicts(tmp_path: Path) -> None:
    world = await begun(tmp_path / "count")
    gate = Gate(world.kube)
    await drive(world, world.engine(gate))
    expected = await verdicts(world)
    assert expected == [None, (4, 1)]
    assert gate.writes > 15
    for at in range(gate.writes):
        world = await begun(tmp_path / str(at))
        engine = world.engine(KillAt(world.kube, at, committed=True))
        with pytest.raises((Killed, BaseExceptionGroup)) as killed:
            await drive(world, engine)
        assert killed.type is Killed or killed.value.subgroup(Killed), "and by nothing else"
        engine.close()
        await drive(world, world.engine())
        assert await verdicts(world) == expected
        world.kube.close()
