"""Two tenants on one engine: expensive rules, patterns and files of one do not delay the other."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import Condition, find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.engine import warm_start_rows
from sweep_operator.engine.allowance import BURST, EACH, RATE, Allowances
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.warm_start_rows import NewestRuns
from sweep_operator.exchange.learner import Learner
from sweep_operator.kube.protocol import Kind, Object, ObjectList
from sweep_operator.sandbox.child import Sandbox
from sweep_operator.sandbox.tasks import Answer, Check, Evaluator, File, FitFiles, InProcess, Join, Refused, Scan, Task
from tests.builders import make_sweep, sweep_body
from tests.engine.world import NS, NoWarmStart, World, settle_suggestions

RULE = {"constraints": [{"rule": "params['x'] >= 0.0"}]}
PATTERN = {"train": {"command": ["t"], "results": {"source": "Log", "pattern": "x=(?P<value>.*)"}}}
ATTACKS: list[dict[str, Any]] = [RULE, PATTERN]


class Clock:
    """Sleeping takes no time."""

    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Costly:
    """Every evaluation takes so many seconds of CPU time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def evaluate(self, owner: str, task: Task, seconds: float) -> Answer:
        return Answer(seconds=self.seconds)


class Stuck:
    """Never finishes an evaluation that the attacker's Sweep needs."""

    def __init__(self) -> None:
        self.waiting, self.inner = 0, InProcess()

    async def evaluate(self, owner: str, task: Task, seconds: float) -> Answer:
        if owner == "attacker":
            self.waiting += 1
            await asyncio.Event().wait()
        return await self.inner.evaluate(owner, task, seconds)


def engine_of(world: World, evaluator: Evaluator, allowances: Allowances | None = None) -> Engine:
    settings = Settings(
        config=OperatorConfig(),
        now=lambda: world.now,
        monotonic=lambda: world.now.timestamp(),
        require_image=False,
        workers=1,
        evaluator=evaluator,
        allowances=allowances,
    )
    return Engine(world.kube, world.suggester, NoWarmStart(), settings)


async def create(world: World, namespace: str, **spec: Any) -> None:
    await world.kube.create(Kind.SWEEP, sweep_body(metadata={"namespace": namespace}, **spec))


async def sweep_in(world: World, namespace: str) -> Sweep:
    return Sweep.model_validate(await world.kube.get(Kind.SWEEP, namespace, "s"))


@pytest.mark.parametrize("attack", ATTACKS, ids=["rule", "pattern"])
async def test_the_other_tenant_finishes_while_an_evaluation_never_ends(tmp_path: Path, attack: Any) -> None:
    world, evaluator = World(tmp_path), Stuck()
    engine = engine_of(world, evaluator)
    await create(world, "attacker", **attack)
    await create(world, NS, limits={"maxRuns": 3}, **RULE)
    for _ in range(60):
        await engine.audit()
        for namespace in ("attacker", NS):
            await engine.reconcile((namespace, "s"))
        await settle_suggestions(engine)
        await world.tick()
        if await world.ended():
            break
    assert await world.ended() == "MaxRunsReached"
    assert evaluator.waiting == 1, "one evaluation at a time"
    assert find_condition((await sweep_in(world, "attacker")).status.conditions, "Accepted") is None
    engine.close()


async def test_a_refused_evaluation_is_reported_on_its_sweep(tmp_path: Path) -> None:
    class Busy(InProcess):
        busy = True

        async def evaluate(self, owner: str, task: Task, seconds: float) -> Answer:
            if self.busy:
                raise Refused("it took more than 10 s")
            return await super().evaluate(owner, task, seconds)

    world, evaluator = World(tmp_path), Busy()
    engine = engine_of(world, evaluator)
    await create(world, NS, **RULE)
    for _ in range(3):
        await engine.audit()
        await engine.reconcile((NS, "s"))
    accepted = find_condition((await world.sweep()).status.conditions, "Accepted")
    assert accepted is not None
    assert (accepted.status, accepted.reason) == ("False", "Invalid")
    text = "spec.constraints: the check of constraints and patterns was canceled: it took more than 10 s; simplify them"
    assert accepted.message == text
    evaluator.busy = False
    for _ in range(3):  # a resync repeats the check
        await engine.audit()
        await engine.reconcile((NS, "s"))
    accepted = find_condition((await world.sweep()).status.conditions, "Accepted")
    assert accepted is not None
    assert accepted.status == "True"


async def test_a_namespace_that_creates_and_changes_many_sweeps_delays_only_its_own(tmp_path: Path) -> None:
    """A waiting Sweep says so, once. When its turn comes, its newest spec is checked, however often it has changed."""

    class Slow(InProcess):
        rules: ClassVar[list[str]] = []

        async def evaluate(self, owner: str, task: Task, seconds: float) -> Answer:
            assert isinstance(task, Check)
            self.rules += [rule.rule for rule in task.spec.constraints if owner == "attacker"]
            return (await super().evaluate(owner, task, seconds)).with_(seconds=BURST)

    async def sleep(seconds: float) -> None:
        until = world.now.timestamp() + seconds
        while world.now.timestamp() < until:
            await asyncio.sleep(0)

    async def passes() -> Condition:
        for _ in range(3):
            await engine.audit()
            for key in (("attacker", "first"), ("attacker", "s"), (NS, "s")):
                await engine.reconcile(key)
            await settle_suggestions(engine)
        accepted = find_condition((await sweep_in(world, "attacker")).status.conditions, "Accepted")
        assert accepted is not None
        return accepted

    world = World(tmp_path)
    allowances = Allowances(Slow(), clock=lambda: world.now.timestamp(), sleep=sleep)
    engine = engine_of(world, InProcess(), allowances)
    first = sweep_body("first", metadata={"namespace": "attacker"}, **RULE)
    await world.kube.create(Kind.SWEEP, first)
    await engine.audit()
    await engine.reconcile(("attacker", "first"))
    await create(world, "attacker", **RULE)
    await create(world, NS, **RULE)
    waiting = await passes()
    assert (waiting.status, waiting.reason) == ("Unknown", "WaitingForTurn")
    victim = find_condition((await sweep_in(world, NS)).status.conditions, "Accepted")
    assert victim is not None
    assert victim.status == "True", "the other namespace has an allowance of its own"
    for n in range(50):
        rule = {"rule": f"params['x'] >= 0.0 && {n} < 50"}
        await world.kube.patch(Kind.SWEEP, "attacker", "s", {"spec": {"constraints": [rule]}})
        await engine.reconcile(("attacker", "s"))
    before = (await world.kube.list(Kind.SWEEP, "attacker")).resource_version
    await passes()
    assert (await world.kube.list(Kind.SWEEP, "attacker")).resource_version >= before
    written = await world.kube.get(Kind.SWEEP, "attacker", "s")
    await passes()
    assert await world.kube.get(Kind.SWEEP, "attacker", "s") == written, "waiting writes nothing"
    world.now += timedelta(seconds=2 * BURST / RATE)
    assert (await passes()).status == "True"
    assert Slow.rules == ["params['x'] >= 0.0", "params['x'] >= 0.0 && 49 < 50"]
    engine.close()


async def test_turns_of_a_namespace_follow_each_other_at_the_rate_of_its_budget() -> None:
    clock = Clock()
    allowances = Allowances(Costly(1.0), clock=lambda: clock.now, sleep=clock.sleep)
    ends: list[float] = []

    async def check() -> None:
        await allowances.evaluate("attacker", Check(spec=make_sweep().build().spec), 10.0)
        ends.append(clock.now)

    await asyncio.gather(*(check() for _ in range(9)))
    at_once = int(BURST)
    assert ends[:at_once] == [0.0] * at_once
    later = pairwise(ends[at_once:])
    assert [b - a for a, b in later] == pytest.approx([(1 + EACH) / RATE] * (8 - at_once), abs=0.01)
    assert allowances.try_turn("victim")
    assert not allowances.try_turn("attacker")


def test_a_hundred_sweeps_without_expressions_need_not_wait() -> None:
    allowances = Allowances(InProcess(), clock=lambda: 0.0)
    turns = [allowances.try_turn("ns") for _ in range(1000)]
    assert all(turns[:100])
    assert not any(turns[101:])


async def test_a_turn_that_is_canceled_is_passed_on() -> None:
    clock = Clock()
    allowances = Allowances(Costly(BURST), clock=lambda: clock.now, sleep=clock.sleep)

    async def wait() -> None:
        async with allowances.work("ns"):
            await asyncio.Event().wait()

    first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    for task in (second, first):  # Sweeps that are deleted
        task.cancel()
        await asyncio.wait([task])
    async with asyncio.timeout(10), allowances.work("ns"):
        pass


async def test_an_evaluation_that_never_ends_does_not_delay_sweeps_without_expressions() -> None:
    allowances = Allowances(Stuck())
    stuck = asyncio.create_task(allowances.evaluate("attacker", Check(spec=make_sweep().build().spec), 10.0))
    await asyncio.sleep(0)
    assert allowances.try_turn("attacker")
    async with asyncio.timeout(10):
        await allowances.turn("attacker")
    stuck.cancel()


async def test_real_processes_serve_the_victim_between_attacks() -> None:
    """Each attack costs the process. The victim's evaluations still succeed, whatever their position in the queue."""
    sandbox = Sandbox()
    slow = Scan(text="a" * 65536, rule_patterns=["(x?){900}(a|b|ab){0,900}c"])
    quick = Scan(text="loss=2.5", value_pattern="loss=(?P<value>[0-9.]+)")
    bomb = base64.b64encode(gzip.compress(b"\n" * 10_000_000) * 35).decode()
    learner = Learner(sweep=make_sweep().build(), limit=9)
    file = FitFiles(learner=learner, files=[File(where="ConfigMap 'b'", name="k", content=bomb)])
    try:
        attacks = [asyncio.create_task(sandbox.evaluate(f"attacker-{n}", slow, 0.3)) for n in range(3)]
        answers = await asyncio.gather(*(sandbox.evaluate("victim", quick, 60) for _ in range(5)))
        assert [a.value for a in answers] == ["2.5"] * 5
        assert all(isinstance(found, Refused) for found in await asyncio.gather(*attacks, return_exceptions=True))
        for task in (file, Join(parts=[bomb])):
            assert len(bomb) < 1_000_000, "a ConfigMap can contain it"
            assert "more than 33554432 bytes" in str((await sandbox.evaluate("bomber", task, 60)).error)
    finally:
        await sandbox.close()


async def test_runs_with_many_invalid_values_are_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even their errors are collected: users may create thousands of such runs."""
    world = World(tmp_path)
    engine = world.engine()
    await world.apply(method="random", limits={"maxRuns": 1})
    bad = {"sweepName": "s", "parameters": {f"x{n}": [n] for n in range(64)}}
    made = await world.kube.create(
        Kind.SWEEP_RUN, {"metadata": {"name": "bad", "namespace": NS}, "spec": {**bad, "parameters": {}}}
    )
    list_all = world.kube.list

    async def listed(kind: Kind, *args: Any, **kwargs: Any) -> ObjectList:
        """As a cluster whose CRD allows any value lists it."""
        found = await list_all(kind, *args, **kwargs)
        items = ({**o, "spec": bad} if o["metadata"]["uid"] == made["metadata"]["uid"] else o for o in found.items)
        return ObjectList(tuple(items), found.resource_version)

    monkeypatch.setattr(world.kube, "list", listed)
    for _ in range(8):
        await engine.audit(NS)
        await engine.reconcile((NS, "s"))
        await settle_suggestions(engine)
        await world.tick()
    assert (await world.run("s.r.0")).succeeded
    (line,) = {record.getMessage() for record in caplog.records if "bad" in record.getMessage()}
    assert line.startswith("SweepRun default/bad: spec.parameters['x0']: ")
    assert line.endswith(" more errors)")
    assert len(line) < 200


async def test_runs_of_a_sweep_that_does_not_exist_are_packed_and_cost_no_request(tmp_path: Path) -> None:
    """A user may create thousands of them."""
    world = World(tmp_path)
    for n in range(20):
        spec: dict[str, Any] = {"sweepName": "s", "parameters": {"x": n / 20}}
        await world.kube.create(Kind.SWEEP_RUN, {"metadata": {"name": f"g-{n}", "namespace": NS}, "spec": spec})
    engine = world.engine()
    await engine.audit(NS)
    before = (await world.kube.list(Kind.SWEEP)).resource_version
    while engine.queue.depth:
        await engine.work()
    assert engine.store.unpacked(Kind.SWEEP_RUN) == []
    assert len(engine.store.all(Kind.SWEEP_RUN)) == 20
    assert (await world.kube.list(Kind.SWEEP)).resource_version == before
    await world.apply(limits={"maxRuns": 1, "maxParallelRuns": 20}, eval=None)
    for _ in range(8):
        await engine.audit(NS)
        while engine.queue.depth:
            await engine.work()
        await settle_suggestions(engine)
        await world.tick()
    assert [run.succeeded for run in await world.runs()] == [True] * 21, "a new Sweep adopts them"
    engine.close()


async def test_of_another_sweeps_runs_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(n: int, of: str = "other") -> Object:
        created = f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z"
        spec = {"sweepName": of, "parameters": {"x": n}, "unread": "y" * 999}
        return {"metadata": {"name": f"r-{n}", "creationTimestamp": created, "labels": {"a": "b"}}, "spec": spec}

    monkeypatch.setattr(warm_start_rows, "MAX_RUNS_BYTES", 12_000)
    newest = NewestRuns("other")
    for page in ([run(n) for n in (5, 70, 2)], [run(0, of="another")], [run(n) for n in range(100, 120)]):
        await newest.add(page)
    lines = newest.lines()
    assert newest.found == 23
    assert [json.loads(line)["spec"]["parameters"]["x"] for line in lines] == [*range(119, 119 - len(lines), -1)]
    assert 5 < len(lines) < 20
    assert sum(map(len, lines)) <= 12_000
