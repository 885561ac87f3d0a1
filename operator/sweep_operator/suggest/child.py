"""Keeps the optimizer's process: one at a time, restarted when it dies, given up on when it takes too long."""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from pydantic import ValidationError

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from sweep_operator.suggest.messages import Answer, Question, question

log = logging.getLogger(__name__)
LINE_LIMIT = 64 * 1024 * 1024
"""Longest answer in bytes (thousands of suggestions fit)."""


class ChildDied(Exception):
    """The process ended before it answered."""


class OptimizerChild:
    """The Suggester that asks a child process. Questions are answered one after the other."""

    def __init__(self, *, time_limit: float = 180.0) -> None:
        self._time_limit = time_limit
        self._process: asyncio.subprocess.Process | None = None
        self._asked_at: float | None = None
        self._lock = asyncio.Lock()

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> Suggested:
        """Ask; after a death ask a new child once more; then, or beyond the time limit, take random suggestions."""
        asked = question(sweep, request)
        problem = ""
        for _ in range(2):
            try:
                answer = await self._ask(asked)
            except TimeoutError:
                problem = f"no answer within {self._time_limit:g} s"
                break
            except ChildDied as error:
                problem = str(error)
                continue
            if answer.error is None:
                return _suggested(answer)
            problem = answer.error
            break
        if asked.method == "random":
            return Suggested(error=problem)
        log.warning("the optimizer failed (%s): random suggestions instead", problem)
        return await self._fall_back(asked, problem)

    @property
    def overdue(self) -> float:
        """Seconds by which an answer is later than the time limit allows: the limit itself does not work any more."""
        waited = 0.0 if self._asked_at is None else time.monotonic() - self._asked_at
        return max(0.0, waited - self._time_limit)

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _fall_back(self, asked: Question, problem: str) -> Suggested:
        try:
            answer = await self._ask(asked.with_(method="random", observations=[]))
        except (TimeoutError, ChildDied) as error:
            return Suggested(error=f"{problem}; and random suggestions failed: {error}")
        if answer.error is not None:
            return Suggested(error=f"{problem}; and random suggestions failed: {answer.error}")
        proposals = [p.with_(origin="fallback", prediction=None) for p in answer.proposals]
        return _suggested(answer.with_(proposals=proposals, error=problem))

    async def _ask(self, asked: Question) -> Answer:
        async with self._lock:
            process = await self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            answered = False
            self._asked_at = time.monotonic()
            try:
                process.stdin.write(asked.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")
                async with asyncio.timeout(self._time_limit):
                    await process.stdin.drain()
                    line = await process.stdout.readline()
                if not line:
                    raise ChildDied(f"the optimizer's process ended with {await process.wait()}")
                answer = Answer.model_validate_json(line)
                answered = True
                return answer
            except (ConnectionError, ValidationError, ValueError) as error:
                raise ChildDied(f"the optimizer's process broke off: {error}") from error
            finally:
                self._asked_at = None
                if not answered:  # whatever is still in its pipe belongs to nobody
                    await self.close()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "sweep_operator.suggest.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_LIMIT,
                start_new_session=True,  # a Ctrl-C at the terminal is for us to handle
            )
        return self._process


def _suggested(answer: Answer) -> Suggested:
    return Suggested(
        suggestions=tuple(Suggestion(p.index, p.parameters, p.origin, p.prediction) for p in answer.proposals),
        infeasible=answer.infeasible,
        error=answer.error,
        seconds=answer.seconds,
    )
