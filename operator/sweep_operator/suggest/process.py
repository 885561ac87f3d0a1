"""The parent's side of one optimizer process."""

from __future__ import annotations

import math
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from sweep_operator.child_process import ChildOnDemand, ChildProcess, available_memory
from sweep_operator.suggest.messages import MEMORY, Answer, Interrupt, Prepare, Question

LINE_LIMIT = 1024 * 1024
"""Longest answer in bytes: one suggestion."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""The training runs need the cores, and the number of threads changes BLAS's rounding."""
MAIN_MEMORY = 512 * 1024 * 1024
"""Bytes that remain for the operator's other processes. A container that exceeds its limit ends as a whole."""
MODEL_MEMORY = 650 * 1024 * 1024
"""Bytes that a process with a model needs at most."""
LEAST_MEMORY = 1280 * 1024 * 1024
"""Bytes that a process may always allocate: torch reserves most of them, without using them."""
MOST_PROCESSES = 4
IDLE_SECONDS = 600.0
"""A process that was not asked anything for so long ends. A model occupies memory, and a start takes seconds."""
_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")


class OptimizerProcess:
    """Started by a question if it does not run. It answers one question at a time, and ends when it has been idle.

    Nothing is lost with it: an answer follows from its question.
    """

    def __init__(self, time_limit: float, memory: int, nice: int = 0) -> None:
        """``time_limit``: seconds for one suggestion. ``memory``: limit in bytes. ``nice``: as in ChildProcess."""
        self._nice = nice
        self._time_limit, self._memory = time_limit, max(LEAST_MEMORY, memory)
        self._child = ChildOnDemand(self._start)
        self._waits_since: float | None = None
        self._asked = False

    async def prepare(self, *, model: bool = False) -> None:
        """Start it before the first question. ``model``: which needs a model."""
        process = await self._child.running()
        if self._waits_since is not None:  # a question was faster
            return
        if model:
            process.send(Prepare())
        self._child.end_in(IDLE_SECONDS)

    async def end_unless_asked(self) -> None:
        """Kill the process if no question has been asked."""
        if not self._asked:
            await self._child.close()

    async def answers(self, asked: Question) -> AsyncGenerator[Answer, None]:
        """The answers as they come; the last one has ``end``. Raises TimeoutError, ChildFailed.

        A consumer that does not wait for the last one costs the process: a late answer would be taken for the next one.
        """
        self._asked = True
        process = await self._child.running()
        ended = False
        try:
            process.send(asked)
            while not ended:
                self._waits_since = time.monotonic()
                answer = await process.receive(Answer, self._time_limit)
                ended = answer.end is not None
                self._waits_since = None
                yield answer
        finally:
            self._waits_since = None
            if not ended:
                await self._child.close()
            self._child.end_in(IDLE_SECONDS)

    def interrupt(self) -> None:
        """End the answer in progress after the suggestion that is being computed."""
        if self._child.process is not None:
            self._child.process.send(Interrupt())

    @property
    def overdue(self) -> float:
        """Seconds since the time limit of the current suggestion passed. Above 0, the limit itself does not work."""
        waited = 0.0 if self._waits_since is None else time.monotonic() - self._waits_since
        return max(0.0, waited - self._time_limit)

    @property
    def pid(self) -> int | None:
        """Process id; None if it does not run."""
        return self._child.process.pid if self._child.process is not None else None

    async def close(self) -> None:
        """Kill the process."""
        await self._child.close()

    async def _start(self) -> ChildProcess:
        return await ChildProcess.start(
            "sweep_operator.suggest.worker",
            title="optimizer process",
            environ={**ONE_THREAD, **os.environ, MEMORY: str(self._memory)},
            line_limit=LINE_LIMIT,
            nice=self._nice,
        )


def default_processes() -> int:
    """One process for each CPU of this container, or else of this machine, as far as its memory goes. At most four."""
    memory = (available_memory() - MAIN_MEMORY) // MODEL_MEMORY
    return max(1, min(MOST_PROCESSES, math.ceil(_available_cpus()), memory))


def _available_cpus() -> float:
    usable = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        quota, period = _CPU_LIMIT.read_text().split()
        return min(usable, int(quota) / int(period))
    except (OSError, ValueError):  # no limit, or another version of cgroups
        return usable
