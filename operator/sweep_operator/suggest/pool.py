"""The optimizer behind its processes: suggestions one by one, fair to namespaces and Sweeps."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from protein.searchspace.design import MOST_POINTS
from sweep_operator.api.suggestion import Provenance
from sweep_operator.api.sweep import Sweep
from sweep_operator.child_process import ChildFailed, available_memory
from sweep_operator.decide.plan import PendingRun, SuggestRequest
from sweep_operator.decide.snapshot import Forecast, Forecasted, Suggested, Suggestion
from sweep_operator.domain.conditions import has_ended
from sweep_operator.pacing import Turns
from sweep_operator.suggest.center import center_first
from sweep_operator.suggest.messages import (
    RULES_SECONDS,
    RULES_TOO_SLOW,
    Answer,
    Proposal,
    Question,
    RunForecast,
    question,
)
from sweep_operator.suggest.process import MAIN_MEMORY, OptimizerProcess, default_processes
from sweep_operator.suggest.provenance import provenances

log = logging.getLogger(__name__)
REST = 10
"""Multiple of the time limit for which a Sweep whose suggestion exceeded it does not occupy a model process again."""
LONGEST_TURN = {True: 0.2, False: 2.0}
"""Seconds after which a question makes room for another one, by whether it is light. A suggestion is not divided."""


@dataclass
class _Stream:
    """A request in progress."""

    owner: tuple[str, str]
    left: Question
    urgent: int
    stopped: bool = False
    process: OptimizerProcess | None = None

    def note(self, answer: Answer) -> None:
        """Take one suggestion off the question."""
        if answer.proposal is not None:
            self.left = self.left.after([answer.proposal])
            self.urgent -= 1

    def interrupt(self) -> None:
        """End after the suggestion that is being computed."""
        self.stopped = True
        if self.process is not None:
            self.process.interrupt()


class OptimizerPool:
    """The Suggester that asks child processes.

    One of them never imports torch: what needs no model does not wait for a model, of whatever Sweep. The others have a
    model; they are started when they are needed, or shortly before.
    """

    def __init__(
        self,
        *,
        processes: int = 0,
        time_limit: float = 180.0,
        nice: int = 0,
        charge: Callable[[str, float], None] = lambda namespace, seconds: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``processes``: how many may have a model; 0: by CPU and memory. ``time_limit``: seconds per suggestion.

        ``nice``: how much lower the CPU priority of the processes is than that of this one. ``charge``: called with the
        namespace and the CPU seconds of constraints that exceeded their time limit.
        """
        count = processes or default_processes()
        memory = (available_memory() - MAIN_MEMORY) // count
        self._time_limit, self.charge, self._clock = time_limit, charge, clock
        self._too_slow = f"the optimizer did not return a suggestion within {time_limit:g} s"
        self._resting: dict[str, float] = {}
        """By uid of the Sweep: until when its questions reach no model, because a suggestion was too slow."""
        self._processes = [OptimizerProcess(time_limit, memory, nice) for _ in range(count + 1)]
        self._turns = {
            True: Turns(self._processes[:1], clock=clock),
            False: Turns(self._processes[1:], clock=clock),
        }
        """By whether a question is light."""
        self._streams: dict[str, _Stream] = {}

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
        """Suggestions as they come.

        A process that dies is replaced once. If that one dies too, or a suggestion exceeds the time limit, free slots
        get random suggestions.
        """
        center = center_first(sweep, request)
        asked, told = question(sweep, request), provenances(request)
        if center is not None:
            asked = asked.after([center])
            yield _suggested(Answer(proposal=center), request, told)
        stream = _Stream((sweep.metadata.namespace, sweep.metadata.uid), asked, request.urgent)
        self._streams[sweep.metadata.uid] = stream
        try:
            async with aclosing(self._with_fallback(stream, sweep.metadata.uid)) as answers:
                async for answer in answers:
                    if answer.infeasible == RULES_TOO_SLOW:
                        self.charge(sweep.metadata.namespace, RULES_SECONDS)
                    yield _suggested(answer, request, told)
        finally:
            if self._streams.get(sweep.metadata.uid) is stream:
                del self._streams[sweep.metadata.uid]
        if asked.may_need_no_model:
            await self._model_follows(sweep)

    async def forecast(self, sweep: Sweep, request: SuggestRequest) -> Forecasted:
        """The forecasts of the pending runs with a curve."""
        asked = question(sweep, request).with_(forecasts=True)
        found: list[RunForecast] = []
        try:
            async with self._turns[False].take(sweep.metadata.namespace, sweep.metadata.uid) as process:
                async with aclosing(process.answers(asked)) as answers:
                    async for answer in answers:
                        problem = answer.error or answer.infeasible
                        if problem is not None:
                            return Forecasted(error=problem)
                        found += answer.forecasts
        except (TimeoutError, ChildFailed) as error:
            return Forecasted(error=str(error) or self._too_slow)
        runs = [run for run in request.pending if run.curve]
        return Forecasted({run.name: _forecast(run, one) for run, one in zip(runs, found, strict=True)})

    async def prepare(self, sweeps: Iterable[Mapping[str, Any]]) -> None:
        """Start the processes that the next questions about these Sweeps need: a start takes seconds.

        A process that was started by ``expect_model`` ends if none of them will need it.
        """
        active = [sweep for sweep in sweeps if _needs_suggestions(sweep)]
        if any(map(_may_need_no_model, active)):
            await self._processes[0].prepare()
        model = self._turns[False].next_worker
        if model is None:
            return
        if any(_is_bayes(sweep) and _results(sweep) for sweep in active):
            await model.prepare(model=True)
        elif not any(map(_is_bayes, active)):
            await model.end_unless_asked()

    async def expect_model(self) -> None:
        """Start a process with a model, even before the Sweeps are known: ``prepare`` ends it if none needs it."""
        model = self._turns[False].next_worker
        if model is not None:
            with suppress(OSError):  # the first question that needs it starts it, too
                await model.prepare(model=True)

    async def _model_follows(self, sweep: Sweep) -> None:
        """Start a process with a model while the first runs of a Sweep run, because a start takes seconds."""
        spec = sweep.spec
        design = spec.protein.design_size(len(spec.parameters))
        if spec.method != "bayes" or spec.limits.max_runs <= design or any(p.pid for p in self._processes[1:]):
            return
        await self.expect_model()

    def interrupt(self, sweep: Sweep) -> None:
        """End the suggestions for a Sweep after the one that is being computed."""
        stream = self._streams.get(sweep.metadata.uid)
        if stream is not None:
            stream.interrupt()

    @property
    def overdue(self) -> float:
        """Seconds since the time limit of a suggestion passed."""
        return max(process.overdue for process in self._processes)

    @property
    def pids(self) -> list[int]:
        """Ids of the running processes."""
        return [process.pid for process in self._processes if process.pid is not None]

    async def close(self) -> None:
        """Kill the processes."""
        for process in self._processes:
            await process.close()

    async def _with_fallback(self, stream: _Stream, uid: str) -> AsyncGenerator[Answer, None]:
        problem = self._rest(stream, uid)
        failures = 0
        while problem is None:
            try:
                async with aclosing(self._in_turns(stream)) as answers:
                    async for answer in answers:
                        failures, problem = 0, answer.error
                        if problem is None:
                            yield answer
                if problem is None:
                    return
            except TimeoutError:
                problem = self._too_slow
                now = self._clock()
                self._resting = {u: until for u, until in self._resting.items() if until > now}  # Sweeps are deleted
                self._resting[uid] = now + REST * self._time_limit
            except ChildFailed as error:
                if error.code == -signal.SIGPROF:
                    yield Answer(infeasible=RULES_TOO_SLOW)
                    return
                failures += 1
                problem = str(error) if failures == 2 else None
        async with aclosing(self._random(stream, problem)) as answers:
            async for answer in answers:
                yield answer

    def _rest(self, stream: _Stream, uid: str) -> str | None:
        """Why the question must reach no model now, or None."""
        if stream.left.method != "bayes" or self._clock() >= self._resting.get(uid, 0.0):
            self._resting.pop(uid, None)
            return None
        return f"{self._too_slow}; the next attempt follows in some minutes"

    async def _random(self, stream: _Stream, problem: str) -> AsyncGenerator[Answer, None]:
        """Random suggestions for the slots that are free, as the last resort."""
        if stream.left.method == "random" or stream.urgent <= 0:
            yield Answer(error=problem)
            return
        log.warning("the optimizer failed (%s); falling back to random suggestions", problem)
        stream.left = stream.left.with_(
            method="random", observations=[], earlier=None, count=min(stream.left.count, stream.urgent), light=True
        )
        try:
            async with aclosing(self._in_turns(stream)) as answers:
                async for answer in answers:
                    if answer.error is not None:
                        yield Answer(error=f"{problem}; random suggestions failed too: {answer.error}")
                    elif answer.proposal is not None:
                        fallback = answer.proposal.with_(origin="fallback", digest="")
                        yield answer.with_(proposal=fallback, error=problem)
                    else:
                        yield answer
        except (TimeoutError, ChildFailed) as error:
            yield Answer(error=f"{problem}; random suggestions failed too: {error}")

    async def _in_turns(self, stream: _Stream) -> AsyncGenerator[Answer, None]:
        """The answers, in as many turns as it takes. Ends early if the stream was interrupted."""
        light, end = stream.left.may_need_no_model, "interrupted"
        while end != "complete" and not stream.stopped and stream.left.count > 0:
            light = light and end != "model"
            async with self._turns[light].take(*stream.owner) as process:
                if stream.stopped:
                    return
                stream.process = process
                try:
                    async with aclosing(self._turn(stream, process, light)) as answers:
                        async for answer in answers:
                            end = answer.end or end
                            yield answer
                finally:
                    stream.process = None

    async def _turn(self, stream: _Stream, process: OptimizerProcess, light: bool) -> AsyncGenerator[Answer, None]:
        began = self._clock()
        async with aclosing(process.answers(stream.left.with_(light=light))) as answers:
            async for answer in answers:
                stream.note(answer)
                yield answer
                if self._turns[light].waited_for and self._clock() - began >= LONGEST_TURN[light]:
                    process.interrupt()


def _needs_suggestions(sweep: Mapping[str, Any]) -> bool:
    """Whether runs may follow: it has not ended, or its spec has changed since."""
    observed = (sweep.get("status") or {}).get("observedGeneration")
    return not sweep["spec"].get("suspend") and not (
        has_ended(sweep) and observed == sweep["metadata"].get("generation")
    )


def _may_need_no_model(sweep: Mapping[str, Any]) -> bool:
    """Whether the next suggestion may belong to the initial design."""
    design = (sweep["spec"].get("protein") or {}).get("numRandomSamples")
    return not _is_bayes(sweep) or _results(sweep) < (MOST_POINTS if design is None else design)


def _is_bayes(sweep: Mapping[str, Any]) -> bool:
    return bool(sweep["spec"].get("method", "bayes") == "bayes")


def _results(sweep: Mapping[str, Any]) -> int:
    return ((sweep.get("status") or {}).get("optimizer") or {}).get("observations") or 0


def _forecast(run: PendingRun, found: RunForecast) -> Forecast:
    return Forecast(points=len(run.curve), **{name: getattr(found, name) for name in RunForecast.model_fields})


def _suggested(answer: Answer, request: SuggestRequest, told: Callable[[Proposal], Provenance | None]) -> Suggested:
    proposal = answer.proposal
    suggestions = () if proposal is None else (
        Suggestion(
            proposal.index,
            proposal.parameters,
            proposal.origin,
            proposal.prediction,
            told(proposal),
        ),
    )  # fmt: skip
    known = None if request.pending else request.known
    refused = answer.unpayable, answer.unworthy
    return Suggested(
        suggestions, answer.infeasible, answer.error, answer.seconds, *refused, known, answer.source_weights
    )
