"""Run a local session to its end, show its progress, and handle Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.commands.failures import INTERRUPTED
from sweep_operator.garbage import full_collection_when, no_collection
from sweep_operator.local import LocalSession
from sweep_operator.views.live import View

REFRESH_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
_PAUSE_FACTOR = 10
"""Reading and drawing take at most a tenth of the time, to leave the cores to the training."""
_DRAINING = "Stopping: waiting for running jobs; no new runs start. Press Ctrl-C again to stop them now."
_DELIVERING = "Delivering the last results to W&B. Press Ctrl-C to exit and deliver them later with `sweep sync`."
_KILLING = "Stopping the running jobs. They resume from their checkpoints next time."


@dataclass(frozen=True)
class Ended:
    """Final state of the session."""

    sweep: Sweep
    runs: list[SweepRun]
    succeeded: bool
    interrupted: bool


class _Interrupts:
    """Counts SIGINT. A SIGTERM counts as two, since its sender cannot press Ctrl-C again.

    A third Ctrl-C ends the process at once: like a kill at any moment, that loses no result.
    """

    def __init__(self) -> None:
        self.count = 0
        self.arrived = asyncio.Event()

    def note(self, weight: int) -> None:
        if self.count >= 2 and weight == 1:
            os._exit(INTERRUPTED)
        self.count += weight
        self.arrived.set()

    async def within(self, seconds: float) -> None:
        """Wait for ``seconds`` or until a signal arrives."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.arrived.wait()


class _Ending:
    """What the signals have led to so far."""

    def __init__(self) -> None:
        self.killed = False
        self._suspending: asyncio.Task[None] | None = None

    async def over(self, session: LocalSession, view: View, signals: int, sweep: Sweep) -> bool:
        """Suspend at the first signal, stop the processes at the second; return whether nothing is left to wait for.

        On a full disk the first signal stops them, because the results that it would wait for cannot be recorded.
        """
        if signals >= 2 or (signals == 1 and session.paused):
            view.say(_KILLING)
            self.killed = True
            await session.stop_processes()
        elif signals == 1 and self._suspending is None:
            view.say(_DRAINING)
            self._suspending = asyncio.create_task(session.suspend())  # waits while the disk is full
        drained = self._suspending is not None and _is_true(sweep, "Suspended") and session.idle()
        return self.killed or drained


async def drive(session: LocalSession, view: View, *, new_runs: int | None = None) -> Ended:
    """Run until the sweep ends, ``new_runs`` new runs end, or the user interrupts."""
    loop, ending = asyncio.get_running_loop(), _Ending()
    with _interrupts() as interrupts:
        async with _opened(session):
            before = {r.name for r in session.view()[1]}
            if new_runs is not None:
                session.limit_new_runs(new_runs)
            while True:
                began = loop.time()
                interrupts.arrived.clear()
                sweep, runs = _show(session, view)
                if session.done() or (new_runs is not None and _enough(runs, before, new_runs)):
                    break
                if await ending.over(session, view, interrupts.count, sweep):
                    break
                await interrupts.within(max(_PAUSE_SECONDS, _PAUSE_FACTOR * (loop.time() - began)))
                await _next_change(session, interrupts)
            session.refuse_changes()  # nothing would carry them out
            if interrupts.count == 0:
                await _deliver(session, view, interrupts)
            if not ending.killed:
                await session.settle()  # the status is written before its events
            done = session.done()
            sweep, runs = _show(session, view)
    if done:
        return Ended(sweep, runs, _is_true(sweep, "Succeeded"), interrupted=False)
    new = [r for r in runs if r.name not in before]
    return Ended(sweep, runs, any(r.succeeded for r in new), interrupted=interrupts.count > 0)


async def _deliver(session: LocalSession, view: View, interrupts: _Interrupts) -> None:
    """Wait for the delivery of the last results, until the session stops delivering or a signal arrives."""
    if session.delivering():
        view.say(_DELIVERING)
    while session.delivering() and interrupts.count == 0:
        _show(session, view)
        await _next_change(session, interrupts)


def _show(session: LocalSession, view: View) -> tuple[Sweep, list[SweepRun]]:
    sweep, runs = session.view()
    view.show(sweep, runs, session.events(), session.waits_for())
    return sweep, runs


def _enough(runs: list[SweepRun], before: set[str], new_runs: int) -> bool:
    made = [r for r in runs if r.name not in before and r.spec.index is not None]
    return len(made) >= new_runs and all(r.terminal for r in runs)


def _is_true(sweep: Sweep, type_: str) -> bool:
    condition = find_condition(sweep.status.conditions, type_)
    return condition is not None and condition.status == "True"


async def _next_change(session: LocalSession, interrupts: _Interrupts) -> None:
    if interrupts.arrived.is_set():
        return
    waits = [asyncio.create_task(w) for w in (session.changed(REFRESH_SECONDS), interrupts.arrived.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


@asynccontextmanager
async def _opened(session: LocalSession) -> AsyncIterator[None]:
    """The session. What it reads when it opens stays, so that no garbage collection looks at it."""
    async with AsyncExitStack() as stack:
        with no_collection():
            await stack.enter_async_context(session)
            await stack.enter_async_context(full_collection_when(session.calm))
        yield


@contextmanager
def _interrupts() -> Iterator[_Interrupts]:
    loop, interrupts = asyncio.get_running_loop(), _Interrupts()
    weights = {signal.SIGINT: 1, signal.SIGTERM: 2}
    before = {number: signal.getsignal(number) for number in weights}
    for number, weight in weights.items():
        loop.add_signal_handler(number, interrupts.note, weight)
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
