"""Early stopping is exactly once, too: a crash after every write leads to the same verdicts."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.api.early_stopping import EarlyStoppingStatus
from sweep_operator.api.names import RUN_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Forecast, Forecasted
from sweep_operator.engine import forecasts
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


async def begun(path: Path, rule: str = "asha") -> Training:
    path.mkdir()
    world = Training(path)
    train = {"image": "i", "command": ["train"], "reports": {"maxStep": STEPS, "everySeconds": 1}}
    limits = {"maxRuns": 2, "maxParallelRuns": 1}
    stopping = {"rule": rule, "minReports": 2, "minRuns": 1, "shadow": 0}
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


class Pessimist:
    """Forecasts that no run has a chance, after a failure."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def forecast(self, sweep: Sweep, request: SuggestRequest) -> Forecasted:
        self.asked.append([run.name for run in request.pending])
        if len(self.asked) == 1:
            return Forecasted(error="the optimizer's process was killed")
        return Forecasted(
            {
                run.name: Forecast(len(run.curve), 9.0, 8.0, 10.0, 0.0, 0.0, 1.5, learned_from=1)
                for run in request.pending
            }
        )


async def test_a_run_without_a_chance_is_stopped_when_the_optimizer_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecasts, "PAUSE", 0.0)
    monkeypatch.setattr(forecasts, "RETRY_SECONDS", 0.0)
    world, forecaster = await begun(tmp_path / "model", "model"), Pessimist()
    engine = world.engine()
    engine._settings = dataclasses.replace(engine._settings, forecaster=forecaster)
    await drive(world, engine)
    assert [verdict is not None for verdict in await verdicts(world)] == [False, True]
    assert forecaster.asked == [["s.r.1"], ["s.r.1"]], "no run is forecast before another one has finished"
    status = (await world.run("s.r.1")).status
    assert status.failure is not None
    assert status.failure.message.startswith("predicted reward 9 +- 1 at ")
    assert (await world.sweep()).status.early_stopping == EarlyStoppingStatus(stopped=1, saved_cost=1.5)


async def test_a_rule_that_is_added_later_compares_with_runs_that_have_ended(tmp_path: Path) -> None:
    world = await begun(tmp_path / "late", "none")
    engine = world.engine()
    while not any(run.succeeded for run in await world.runs()):
        await engine.audit(NS)
        for _ in range(3):
            await engine.reports.poll()
            await engine.reconcile(KEY)
            await settle_suggestions(engine)
        await world.tick(61)
    await world.edit(earlyStopping={"rule": "asha"})
    await drive(world, engine)
    assert await verdicts(world) == [None, (4, 1)]
