"""The parent's side of the sandbox processes: fair turns, limits of time, and pauses after failures."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sweep_operator.child_process import ChildFailed, ChildOnDemand, ChildProcess
from sweep_operator.pacing import Turns
from sweep_operator.sandbox.tasks import Answer, Refused, Request, Task

log = logging.getLogger(__name__)
PROCESSES = 2
"""A namespace occupies one at a time. The second one is started when another namespace needs it."""
LINE_LIMIT = 64 * 1024 * 1024
"""Longest answer in bytes."""
START_SECONDS = 60.0
"""Time limit for the start of a process."""
WALL_FACTOR = 6.0
"""A task may take this many times its CPU time: other programs may use the processor too."""
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds for which the next task of an owner waits after one that exceeded its limits. Doubles with each failure."""


def _environment() -> dict[str, str]:
    """The environment without keys."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}


@dataclass
class _Pause:
    failures: int = 0
    until: float = 0.0


class Sandbox:
    """The Evaluator that uses child processes.

    A task that exceeds its limits costs the process, which is started again. The pauses bound how often that happens,
    so the tasks of one owner hardly delay those of others.
    """

    def __init__(
        self,
        *,
        nice: int = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``nice``: how much lower the CPU priority of the processes is than that of this one."""
        self._clock, self._sleep = clock, sleep
        self._workers = [_Worker(nice) for _ in range(PROCESSES)]
        self._turns = Turns(self._workers)
        self._pauses: dict[str, _Pause] = {}

    async def evaluate(self, owner: str, task: Task, seconds: float) -> Answer:
        """Evaluate within ``seconds`` of CPU time. The owner's pause comes first.

        Raises Refused; and TimeoutError, ChildFailed if the process cannot be started.
        """
        while (wait := self._pauses.get(owner, _Pause()).until - self._clock()) > 0:
            await self._sleep(wait)
        async with self._turns.take(owner) as worker:
            answer = await worker.ask(task, seconds)
        if answer.refused is not None:
            self._note_failure(owner, answer.refused)
            raise Refused(answer.refused)
        return answer

    async def close(self) -> None:
        """Kill the processes."""
        for worker in self._workers:
            await worker.close()

    @property
    def pids(self) -> list[int]:
        """Ids of the running processes."""
        return [worker.process.pid for worker in self._workers if worker.process is not None]

    def _note_failure(self, owner: str, why: str) -> None:
        now = self._clock()
        for name, old in list(self._pauses.items()):
            if now - old.until > LONGEST_PAUSE:
                del self._pauses[name]
        pause = self._pauses.setdefault(owner, _Pause())
        pause.until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**pause.failures)
        pause.failures += 1
        log.warning("an evaluation for namespace %s was canceled: %s", owner, why)


class _Worker(ChildOnDemand):
    """One process."""

    def __init__(self, nice: int) -> None:
        super().__init__(lambda: _start(nice))

    async def ask(self, task: Task, seconds: float) -> Answer:
        """The answer. A process that ends is started again once: something else may have killed it."""
        failure = ""
        for _ in range(2):
            process = await self._greeted()
            answered = False
            try:
                process.send(Request(task=task, seconds=seconds))
                answer = await process.receive(Answer, seconds * WALL_FACTOR)
                answered = True
                return answer
            except TimeoutError:
                return Answer(refused=f"it took more than {seconds * WALL_FACTOR:g} s")
            except ChildFailed as error:
                if error.code == -signal.SIGPROF:
                    return Answer(refused=f"it took more than {seconds:g} s of CPU time")
                failure = str(error)
            finally:
                if not answered:  # a late answer would be taken for the next one
                    await self.close()
        return Answer(refused=f"it ended the process that evaluates it: {failure}")

    async def _greeted(self) -> ChildProcess:
        """The process, which sends a document when it is ready."""
        if self.process is None:
            process = await self.running()
            try:
                await process.receive(Answer, START_SECONDS)
            except BaseException:
                await self.close()
                raise
        return await self.running()


async def _start(nice: int) -> ChildProcess:
    return await ChildProcess.start(
        "sweep_operator.sandbox.worker",
        title="sandbox process",
        environ=_environment(),
        line_limit=LINE_LIMIT,
        nice=nice,
    )
