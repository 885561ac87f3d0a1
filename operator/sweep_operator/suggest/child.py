"""The parent's side of the optimizer's process: one at a time, restarted when it dies, killed when it is too slow."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable

from sweep_operator.api.sweep import Sweep
from sweep_operator.child_process import ChildFailed, ChildProcess
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from sweep_operator.suggest.messages import RULES_TOO_SLOW, Answer, Question, question

log = logging.getLogger(__name__)
LINE_LIMIT = 64 * 1024 * 1024
"""Longest answer in bytes (thousands of suggestions fit)."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""The training runs need the cores, and the number of threads changes BLAS's rounding."""


REST = 10
"""Multiple of the time limit for which a Sweep whose request exceeded it does not occupy the optimizer again."""


class OptimizerChild:
    """The Suggester that asks a child process. Requests are answered one after the other."""

    def __init__(self, *, time_limit: float = 180.0, clock: Callable[[], float] = time.monotonic) -> None:
        """``time_limit``: seconds for one answer."""
        self._time_limit, self._clock = time_limit, clock
        self._too_slow = f"the optimizer gave no answer within {time_limit:g} s"
        self._resting: dict[str, float] = {}
        """By uid of the Sweep: until when it gets random suggestions, because its last request was too slow."""
        self._process: ChildProcess | None = None
        self._asked_at: float | None = None
        self._lock = asyncio.Lock()

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> Suggested:
        """Ask the optimizer.

        If its process dies, ask a new one once more; if that dies too, or no answer arrives within the time limit,
        fall back to random suggestions.
        """
        asked = question(sweep, request)
        uid = sweep.metadata.uid
        if asked.method != "random" and self._clock() < self._resting.get(uid, 0.0):
            return await self._fall_back(asked, f"{self._too_slow}; the next attempt follows in some minutes")
        problem = ""
        for _ in range(2):
            try:
                answer = await self._ask(asked)
            except TimeoutError:
                problem = self._too_slow
                self._resting[uid] = self._clock() + REST * self._time_limit
                break
            except ChildFailed as error:
                if error.code == -signal.SIGPROF:
                    return Suggested(infeasible=RULES_TOO_SLOW)
                problem = str(error)
                continue
            if answer.error is None:
                return _suggested(answer)
            problem = answer.error
            break
        if asked.method == "random":
            return Suggested(error=problem)
        log.warning("the optimizer failed (%s); falling back to random suggestions", problem)
        return await self._fall_back(asked, problem)

    @property
    def overdue(self) -> float:
        """Seconds since the time limit of the current request passed. Above 0, the limit itself does not work."""
        waited = 0.0 if self._asked_at is None else time.monotonic() - self._asked_at
        return max(0.0, waited - self._time_limit)

    async def close(self) -> None:
        """Kill the process."""
        process, self._process = self._process, None
        if process is not None:
            await process.kill()

    async def _fall_back(self, asked: Question, problem: str) -> Suggested:
        try:
            answer = await self._ask(asked.with_(method="random", observations=[]))
        except (TimeoutError, ChildFailed) as error:
            return Suggested(error=f"{problem}; random suggestions failed too: {error}")
        if answer.error is not None:
            return Suggested(error=f"{problem}; random suggestions failed too: {answer.error}")
        proposals = [p.with_(origin="fallback", prediction=None) for p in answer.proposals]
        return _suggested(answer.with_(proposals=proposals, error=problem))

    async def _ask(self, asked: Question) -> Answer:
        async with self._lock:
            process = await self._started()
            self._asked_at = time.monotonic()
            answered = False
            try:
                process.send(asked)
                answer = await process.receive(Answer, self._time_limit)
                answered = True
                return answer
            finally:
                self._asked_at = None
                if not answered:  # a late answer would be taken for the next one
                    await self.close()

    async def _started(self) -> ChildProcess:
        if self._process is None or not self._process.running:
            self._process = await ChildProcess.start(
                "sweep_operator.suggest.worker",
                title="optimizer process",
                environ={**ONE_THREAD, **os.environ},
                line_limit=LINE_LIMIT,
            )
        return self._process


def _suggested(answer: Answer) -> Suggested:
    return Suggested(
        suggestions=tuple(Suggestion(p.index, p.parameters, p.origin, p.prediction) for p in answer.proposals),
        infeasible=answer.infeasible,
        error=answer.error,
        seconds=answer.seconds,
    )
