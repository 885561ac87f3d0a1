"""The sandbox process: limits of time, memory and size, and tenants that do not wait for each other's failures."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.exchange import observation
from sweep_operator.exchange.learner import Learner
from sweep_operator.exchange.observation import unpack
from sweep_operator.sandbox import tasks
from sweep_operator.sandbox.child import FIRST_PAUSE, Sandbox
from sweep_operator.sandbox.tasks import Check, Evaluator, File, FitFiles, FitRuns, InProcess, Join, Refused, Scan
from tests.builders import sweep_body

CATASTROPHE = "(x?){900}(a|b|ab){0,900}c"
"""RE2 needs 20 seconds for one line of 64 KiB: its automaton does not fit into memory."""
FIFTY = f"[{','.join(map(str, range(50)))}]"
SLOW = Scan(text="a" * 65536, rule_patterns=[CATASTROPHE])
QUICK = Scan(text="loss=3\nloss=2.5\n", value_pattern="loss=(?P<value>[0-9.]+)", rule_patterns=["loss", "CUDA"])


def sweep(**spec: Any) -> Sweep:
    return parse(Sweep, sweep_body(**spec))


LEARNER = Learner(sweep=sweep(), limit=10)


def nested(levels: int) -> str:
    rule = "params['x'] >= 0.0"
    for level in range(levels):
        rule = f"[0,1,2,3,4,5,6,7,8,9].all(v{level}, {rule})"
    return rule


class Clock:
    """A clock that only sleepers advance."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def fit(name: str, content: str, learner: Learner = LEARNER) -> FitFiles:
    return FitFiles(learner=learner, files=[File(where=name, name=name, content=content)])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[Sandbox]:
    made = Sandbox(clock=clock, sleep=clock.sleep)
    yield made
    await made.close()


async def test_both_evaluators_give_the_same_answers(sandbox: Sandbox) -> None:
    rows = base64.b64encode(b"x,score\n0.25,1\n0.5,2\nbad,3\n").decode()
    given = sweep(constraints=[{"rule": "params['y'] > 0.0"}])
    stored = json.dumps({"parameters": {"x": 1.0}, "score": 2.0, "cost": None, "is_failure": False})
    packed = base64.b64encode(gzip.compress(stored.encode())).decode()
    learner = Learner(sweep=given, limit=1)
    file = fit("f.csv", rows, learner)
    other = json.dumps({"metadata": {"name": "old"}, "spec": given.spec.to_json()})
    done = [
        {"type": "Succeeded", "status": "True", "reason": "Completed", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    ]
    status = {"conditions": done, "score": 3.0, "runName": "old.r.0"}
    run = {"metadata": {"name": "r"}, "spec": {"sweepName": "old", "parameters": {"x": 0.5}}, "status": status}
    runs = FitRuns(learner=learner, where="Sweep 'old'", other=other, runs=json.dumps(run))
    for task in (
        QUICK,
        Check(spec=given.spec),
        file,
        runs,
        runs.with_(other="{}"),
        Join(parts=[packed]),
        Join(parts=[packed, packed, packed], limit=2),
        Join(parts=["!"]),
    ):
        one, other = await sandbox.evaluate("ns", task, 60), await InProcess().evaluate("ns", task, 60)
        assert one.with_(seconds=0.0) == other.with_(seconds=0.0)
    scanned = await sandbox.evaluate("ns", QUICK, 60)
    assert (scanned.value, scanned.matched) == ("2.5", ["loss"])
    fitted = (await sandbox.evaluate("ns", file, 60)).learned
    assert [o.score for o in unpack(fitted.observations.content)] == [2.0], "the newest row with valid parameters"
    assert fitted.notes
    learned = (await sandbox.evaluate("ns", runs, 60)).learned.observations
    assert [o.score for o in unpack(learned.content)] == [3.0]
    assert "Sweep 'old' cannot be read" in str((await sandbox.evaluate("ns", runs.with_(other="{}"), 60)).error)


async def test_no_tenant_waits_for_the_tasks_of_another(sandbox: Sandbox) -> None:
    endless = SLOW.with_(text="\n".join([SLOW.text] * 30))
    attacks = [asyncio.create_task(sandbox.evaluate("attacker", endless, 600)) for _ in range(5)]
    await asyncio.sleep(0)
    assert (await sandbox.evaluate("victim", QUICK, 60)).value == "2.5"
    assert not any(attack.done() for attack in attacks)
    for attack in attacks:
        attack.cancel()


async def test_a_tenant_pauses_after_a_failure_longer_each_time(sandbox: Sandbox, clock: Clock) -> None:
    for pauses in ([], [FIRST_PAUSE], [FIRST_PAUSE, 2 * FIRST_PAUSE]):
        with pytest.raises(Refused, match=r"it took more than 0\.2 s of CPU time"):
            await sandbox.evaluate("attacker", SLOW, 0.2)
        assert clock.slept == pauses
    assert (await sandbox.evaluate("attacker", QUICK, 60)).value == "2.5", "after its pause it is served"


async def test_a_killed_process_is_replaced(sandbox: Sandbox) -> None:
    await sandbox.evaluate("ns", QUICK, 60)
    (pid,) = sandbox.pids
    os.kill(pid, signal.SIGKILL)
    assert (await sandbox.evaluate("ns", QUICK, 60)).value == "2.5"


async def test_the_priority_of_a_process_is_lower_than_that_of_its_parent() -> None:
    polite = Sandbox(nice=3)
    try:
        await polite.evaluate("ns", QUICK, 60)
        (pid,) = polite.pids
        assert psutil.Process(pid).nice() == min(19, psutil.Process().nice() + 3)
    finally:
        await polite.close()


async def test_memory_is_limited(sandbox: Sandbox) -> None:
    """Rows of 30 MB of text need half a gigabyte of objects."""
    row = b'{"parameters": {' + b",".join(b'"p%d": %d' % (n, n) for n in range(60)) + b'}, "score": 1}\n'
    bomb = base64.b64encode(gzip.compress(row * (30_000_000 // len(row)))).decode()
    task = fit("f.jsonl", bomb)
    with pytest.raises(Refused, match="needs too much memory"):
        await sandbox.evaluate("ns", task, 300)


async def test_of_many_files_one_at_a_time_is_in_memory(sandbox: Sandbox) -> None:
    """Each of them needs a quarter of the memory."""
    row = b'{"parameters": {' + b",".join(b'"p%d": %d' % (n, n) for n in range(60)) + b'}, "score": 1}\n'
    content = base64.b64encode(gzip.compress(row * (4_000_000 // len(row)))).decode()
    files = [File(where=f"f{n}", name="f.jsonl", content=content) for n in range(5)]
    assert (await sandbox.evaluate("ns", FitFiles(learner=LEARNER, files=files), 300)).learned.unused > 0


@pytest.mark.parametrize("evaluator", [InProcess()])
async def test_a_compressed_bomb_is_not_decompressed(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "MAX_UNPACKED", 1_000_000)
    monkeypatch.setattr(observation, "MAX_UNPACKED", 1_000_000)
    bomb = base64.b64encode(gzip.compress(b"\n" * 10_000_000)).decode()
    for task in (fit("k", bomb), Join(parts=[bomb])):
        answer = await evaluator.evaluate("ns", task, 60)
        assert "has more than 1000000 bytes" in str(answer.error)


async def test_the_number_of_rows_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "MAX_ROWS", 3)
    content = base64.b64encode(b"x,score\n" + b"1,1\n" * 4).decode()
    answer = await InProcess().evaluate("ns", fit("f.csv", content), 60)
    assert answer.error == "f.csv: has more than 3 rows; keep the newest ones"


async def test_the_answer_is_small_whatever_the_file_says() -> None:
    """A note for each of many rows, each with a long value."""
    lines = b"".join(b'{"parameters": {"x": "%s"}, "score": 1}\n' % (b"v" * 10_000) for _ in range(100))
    task = fit("f.jsonl", base64.b64encode(lines).decode())
    answer = await InProcess().evaluate("ns", task, 60)
    assert answer.learned.more_notes >= 97
    assert len(answer.model_dump_json()) < 3000


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (nested(7), "nests more than 2 macros"),
        ("[1].all // hidden\n(a, [1].all(b, [1].all(c, true)))", "nests more than 2 macros"),
        ("r'\\' != '' && [1].all(a, [1].all(b, [1].all(c, true))) && '' == ''", "nests more than 2 macros"),
        ("['a'].map(a, a + a).map(b, b + b).map(c, c + c) != []", "more than 2 macros that build lists"),
        (f"params['x'] in {[float(n) for n in range(101)]}", "list of more than 100 elements"),
        (f"{FIFTY}.all(a, {FIFTY}.all(b, !'x'.matches('((a{{0,99}}){{0,99}}b)')))", "ms; simplify the rule"),
    ],
)
async def test_a_rule_of_unbounded_cost_is_refused(rule: str, says: str) -> None:
    answer = await InProcess().evaluate("ns", Check(spec=sweep(constraints=[{"rule": rule}]).spec), 60)
    assert [p.path for p in answer.problems] == ["spec.constraints[0].rule"]
    assert says in answer.problems[0].message


async def test_usual_rules_are_accepted() -> None:
    rules = [nested(1), nested(2), "'.all(.all(.all(' != 'x'", "[1].all(a, true) && [1].all(b, true) && true"]
    rules += [
        f"params['x'] in {[float(n) for n in range(100)]} || true",
        "[1, 2].map(a, a * 2).filter(b, b > 2) == [4]",
    ]
    answer = await InProcess().evaluate("ns", Check(spec=sweep(constraints=[{"rule": r} for r in rules]).spec), 60)
    assert answer.problems == []


async def test_a_pattern_of_high_cost_is_refused() -> None:
    spec = sweep(perRun={"failureRules": [{"logPattern": CATASTROPHE, "class": "crash"}]}).spec
    (problem,) = (await InProcess().evaluate("ns", Check(spec=spec), 60)).problems
    assert problem.path == "spec.perRun.failureRules[0].logPattern"
    assert "instructions; the maximum is 2000" in problem.message
