"""How `sweep run` ends: by itself, after one iteration, by one or two Ctrl-C. The session follows a script."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any, Self

import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.cli.driver import drive
from sweep_operator.views.live import LineView
from tests.cli.stored_sweeps import T0, manifest


def ended(status: str, type_: str = "Succeeded") -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": "R", "lastTransitionTime": T0.isoformat()}


def made(index: int, status: str) -> SweepRun:
    body = {
        "metadata": {"name": f"s.r.{index}"},
        "spec": {"sweepName": "s", "index": index},
        "status": {"conditions": [ended(status)]},
    }
    return parse(SweepRun, body)


class Script:
    """A session whose state is set by the test; ``steps`` are taken one per wait for a change."""

    def __init__(self, *steps: Callable[[Script], None]) -> None:
        self.steps, self.said = list(steps), [""] * 0
        self.conditions: list[dict[str, Any]] = []
        self.runs: list[SweepRun] = []
        self.at_rest = False
        self.undelivered = 0
        self.waiting_for, self.paused = "", False
        self.written: list[dict[str, Any]] = []
        self.unwritten: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.said.append("closed")

    def view(self) -> tuple[Sweep, list[SweepRun]]:
        return parse(Sweep, {**manifest("s"), "status": {"conditions": self.conditions}}), list(self.runs)

    async def changed(self, timeout: float) -> None:
        if self.steps:
            self.steps.pop(0)(self)
        await asyncio.sleep(0.01)

    def done(self) -> bool:
        return any(c["type"] == "Succeeded" and c["status"] != "Unknown" for c in self.conditions)

    def idle(self) -> bool:
        return self.at_rest

    def waits_for(self) -> str:
        return self.waiting_for

    def delivering(self) -> bool:
        return self.undelivered > 0

    async def calm(self) -> None:
        """No test runs long enough for a full garbage collection."""

    async def settle(self) -> None:
        self.written, self.unwritten = [*self.written, *self.unwritten], []

    def events(self) -> list[dict[str, Any]]:
        events, self.written = self.written, []
        return events

    def limit_new_runs(self, n: int) -> None:
        self.said.append(f"limit {n}")

    def refuse_changes(self) -> None:
        assert "refuse" not in self.said
        self.said.append("refuse")

    async def suspend(self) -> None:
        self.said.append("suspend")

    async def stop_processes(self) -> None:
        self.said.append("stop")


def end_with(*conditions: dict[str, Any], runs: tuple[SweepRun, ...] = ()) -> Callable[[Script], None]:
    def step(script: Script) -> None:
        script.conditions, script.runs = list(conditions), list(runs) or script.runs

    return step


def interrupt(number: signal.Signals = signal.SIGINT) -> Callable[[Script], None]:
    return lambda script: os.kill(os.getpid(), number)


def come_to_rest(script: Script) -> None:
    script.at_rest, script.conditions = True, [ended("True", "Suspended")]


def silence(line: str) -> None:
    """Discard the line."""


@pytest.mark.parametrize(("status", "succeeded"), [("True", True), ("False", False)])
async def test_runs_until_the_sweep_ends(status: str, succeeded: bool) -> None:
    session = Script(lambda _: None, end_with(ended(status)))
    end = await drive(session, LineView(silence))
    assert (end.succeeded, end.interrupted) == (succeeded, False)
    assert session.said == ["refuse", "closed"]


def deliver_one(script: Script) -> None:
    script.undelivered -= 1


async def test_the_last_results_are_delivered_before_exit() -> None:
    lines: list[str] = []
    session = Script(end_with(ended("True")), deliver_one, deliver_one)
    session.undelivered = 2
    end = await drive(session, LineView(lines.append))
    assert (end.succeeded, session.undelivered) == (True, 0)
    assert any("Delivering" in line for line in lines)


async def test_an_interrupt_during_delivery_exits() -> None:
    session = Script(end_with(ended("True")), deliver_one, interrupt())
    session.undelivered = 5
    end = await drive(session, LineView(silence))
    assert (end.succeeded, end.interrupted, session.undelivered) == (True, False, 4)
    assert session.said == ["refuse", "closed"], "the interrupt stops nothing else"


async def test_events_after_the_last_status_are_shown() -> None:
    lines: list[str] = []
    session = Script(end_with(ended("True")))
    session.unwritten = [{"reason": "RunCompleted", "message": "score 1"}]
    await drive(session, LineView(lines.append))
    assert [line for line in lines if "RunCompleted" in line]


async def test_what_the_sweep_waits_for_is_shown_once() -> None:
    def start(script: Script) -> None:
        script.waiting_for = "Starting the optimizer."

    lines: list[str] = []
    await drive(Script(start, lambda _: None, end_with(ended("True"))), LineView(lines.append))
    assert lines == ["Starting the optimizer."]


async def test_one_iteration() -> None:
    session = Script(
        end_with(runs=(made(0, "True"), made(1, "Unknown"))), end_with(runs=(made(0, "True"), made(1, "True")))
    )
    session.runs = [made(0, "True")]
    end = await drive(session, LineView(silence), new_runs=1)
    assert session.said == ["limit 1", "refuse", "closed"]
    assert (end.succeeded, end.interrupted, len(end.runs)) == (True, False, 2)


async def test_one_iteration_whose_run_fails() -> None:
    session = Script(end_with(runs=(made(0, "False"),)))
    assert not (await drive(session, LineView(silence), new_runs=1)).succeeded


async def test_the_first_interrupt_drains() -> None:
    lines: list[str] = []
    session = Script(interrupt(), lambda _: None, come_to_rest)
    end = await drive(session, LineView(lines.append))
    assert end.interrupted
    assert session.said == ["suspend", "refuse", "closed"]
    assert ["Ctrl-C again" in line for line in lines] == [True]


async def test_the_second_interrupt_stops_the_processes() -> None:
    session = Script(interrupt(), lambda _: None, interrupt())
    assert (await drive(session, LineView(silence))).interrupted
    assert session.said == ["suspend", "stop", "refuse", "closed"]


async def test_sigterm_does_not_wait_for_jobs() -> None:
    session = Script(interrupt(signal.SIGTERM))
    assert (await drive(session, LineView(silence))).interrupted
    assert session.said == ["stop", "refuse", "closed"]


async def test_a_sweep_that_ends_while_draining_has_ended() -> None:
    session = Script(interrupt(), end_with(ended("True")))
    end = await drive(session, LineView(silence))
    assert (end.succeeded, end.interrupted) == (True, False)


async def test_signal_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGINT)
    await drive(Script(end_with(ended("True"))), LineView(silence))
    assert signal.getsignal(signal.SIGINT) is before
