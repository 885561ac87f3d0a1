"""Questions about a sweep's model, answered by an optimizer process: what the commands and the page's server share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from protein.searchspace.parameters import SpaceError
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.model import JsonObject, Scalar
from sweep_operator.api.parameters import typed_value
from sweep_operator.api.suggestion import BudgetLeft
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.child_process import ChildFailed, available_memory
from sweep_operator.config.errors import ConfigError, suggestion
from sweep_operator.decide.cost import unit
from sweep_operator.decide.facts import RunFacts, facts_of
from sweep_operator.decide.plan import NOTHING_EARLIER, EarlierObservations, Observation, PendingRun, SuggestRequest
from sweep_operator.suggest.messages import Answer, AskFacts, AskMeans, Explain, Means, Question, WhyFacts, question
from sweep_operator.suggest.process import OptimizerProcess
from sweep_operator.suggest.replay import NotReplayable, request_of
from sweep_operator.suggest.why import by_model, without_model
from sweep_operator.views.page.explanations import (
    Ask,
    AskContour,
    AskForecast,
    AskOutlook,
    AskPredict,
    AskSlices,
    AskWhy,
    Contour,
    Explanation,
    Forecasts,
    Importance,
    Outlook,
    Predicted,
    Slices,
)
from sweep_operator.views.page.run_models import Forecast

SECONDS = 120.0
"""Time limit for one answer."""
_ANSWERS: Mapping[str, type[Importance | Slices | Contour | Outlook | Predicted]] = {
    "importance": Importance,
    "slices": Slices,
    "contour": Contour,
    "outlook": Outlook,
    "predict": Predicted,
}
_FINISHED_CURVES = 4
"""Fewer do not tell how curves go on."""
_ASSUMPTIONS = (
    "Future runs behave as the model of the runs so far expects.",
    "The search continues with the same parameters and settings.",
)
_PENDING = "Runs without a result finish as predicted: their scores count, but their cost does not."


class NotExplainable(Exception):
    """The optimizer did not answer. The message says why."""


@dataclass
class Known:
    """What the runs of a sweep tell the optimizer now, and the names of the runs."""

    observations: list[Observation] = field(default_factory=list)
    pending: list[PendingRun] = field(default_factory=list)
    own: int = 0
    """Number of runs that the operator has created."""
    names: dict[Any, str] = field(default_factory=dict)
    """Name of the first run with given parameters."""

    def add(self, facts: RunFacts) -> None:
        """One more run."""
        self.own += facts.index is not None
        self.names.setdefault(_key(facts.parameters), facts.name)
        if facts.observation is not None:
            self.observations.append(facts.observation)
        elif facts.ended is None:
            self.pending.append(PendingRun(facts.name, facts.index, facts.parameters, facts.curve))

    def name(self, parameters: Mapping[str, Scalar] | None) -> str | None:
        """The name of the run with these parameters, if there is one."""
        return None if parameters is None else self.names.get(_key(parameters))


def known(sweep: Sweep, runs: Iterable[SweepRun]) -> Known:
    """What the runs tell. They are read once: each can be forgotten before the next one is read."""
    out, searched = Known(), sweep.spec.parameters
    for run in runs:
        facts = facts_of(run, sweep, None, OperatorConfig())
        out.add(facts)
        out.names.setdefault(_key({k: v for k, v in facts.parameters.items() if k in searched}), facts.name)
    return out


def question_now(sweep: Sweep, found: Known, earlier: EarlierObservations = NOTHING_EARLIER) -> Question:
    """What the next suggestion would be computed from, by the method bayes whatever the sweep's own method is."""
    pending, observations = tuple(found.pending), tuple(found.observations)
    request = SuggestRequest(0, 0, observations, pending, 0, earlier, _left(sweep, found))
    return question(sweep, request).with_(method="bayes")


def _left(sweep: Sweep, found: Known) -> BudgetLeft | None:
    limits = sweep.spec.limits
    if limits.total_cost is None:
        return None
    cost = max(limits.total_cost - sweep.status.cost.spent, 0.0)
    results = len(found.observations) + len(found.pending)
    runs = results + max(limits.max_runs - found.own, 0)
    return BudgetLeft(cost=cost, share=cost / limits.total_cost if limits.total_cost else 0.0, runs=runs)


@dataclass(frozen=True)
class Prepared:
    """A sweep as the questions about it need it, all but AskWhy."""

    sweep: Sweep
    known: Known
    question: Question


def prepared(sweep: Sweep, runs: Iterable[SweepRun], earlier: EarlierObservations = NOTHING_EARLIER) -> Prepared:
    """Prepare for several questions: with thousands of runs, this takes longer than an answer."""
    found = known(sweep, runs)
    return Prepared(sweep, found, question_now(sweep, found, earlier))


class Explainer:
    """Answers questions one at a time. Its process starts with the first one, and ends when it has been idle."""

    def __init__(self, seconds: float = SECONDS, nice: int = 0) -> None:
        """``seconds``: time limit for one answer. ``nice``: lowers the CPU priority of the process."""
        self._process = OptimizerProcess(seconds, available_memory(), nice)
        self._seconds, self._turn = seconds, asyncio.Lock()

    async def explain(
        self, sweep: Sweep, runs: Iterable[SweepRun], ask: Ask, earlier: EarlierObservations = NOTHING_EARLIER
    ) -> Explanation:
        """The answer. ``earlier``: the observations of the warm start. Raises ConfigError, NotExplainable."""
        check(sweep, ask)
        if isinstance(ask, AskWhy):
            return await self._why(sweep, await asyncio.to_thread(list, runs), ask.run, earlier)
        return await self.answer(await asyncio.to_thread(prepared, sweep, runs, earlier), ask)

    async def answer(self, about: Prepared, ask: Ask) -> Explanation:
        """As `explain`, except for AskWhy."""
        sweep = about.sweep
        check(sweep, ask)
        assert not isinstance(ask, AskWhy), "it needs the runs"
        if isinstance(ask, AskForecast):
            return await self._forecasts(about.question, about.known)
        if isinstance(ask, AskOutlook):
            ask = ask.with_(parallel=ask.parallel or sweep.spec.limits.max_parallel_runs)
        answer = _ANSWERS[ask.what].model_validate(await self._ask(about.question, ask))
        return _completed(answer, sweep, about.known)

    async def posterior_means(
        self, sweep: Sweep, runs: Iterable[SweepRun], points: list[dict[str, Scalar]], earlier: EarlierObservations
    ) -> list[float]:
        """The posterior mean of the score at each point. Raises NotExplainable."""
        searched = [{k: v for k, v in point.items() if k in sweep.spec.parameters} for point in points]
        asked = question_now(sweep, known(sweep, runs), earlier)
        return Means.model_validate(await self._ask(asked, AskMeans(points=searched))).means

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process.pid is not None

    async def close(self) -> None:
        """End the process."""
        await self._process.close()

    async def _why(self, sweep: Sweep, runs: list[SweepRun], name: str, earlier: EarlierObservations) -> Explanation:
        run = next((r for r in runs if name in (r.name, r.status.run_name)), None)
        if run is None:
            names = [r.status.run_name or r.name for r in runs]
            raise ConfigError(f"no run {name!r} in sweep {sweep.display_name}; {suggestion(name, names)}")
        if run.spec.origin not in ("model", "resample") or run.spec.provenance is None:
            return without_model(sweep, run)
        try:
            request = request_of(sweep, runs, earlier, run)
        except NotReplayable as error:
            return without_model(sweep, run, f"What it was computed from is not complete: {error}.")
        parameters = {k: v for k, v in run.parameters.items() if k in sweep.spec.parameters}
        answer = await self._ask(question(sweep, request), AskFacts(parameters=parameters))
        return by_model(sweep, run, WhyFacts.model_validate(answer), known(sweep, runs).name)

    async def _forecasts(self, asked: Question, found: Known) -> Forecasts:
        names = [run.name for run in found.pending if run.curve]
        if not names:
            return Forecasts(items={}, note="No run in progress has reported its score.")
        answers = await self._answers(asked.with_(forecasts=True))
        made = [forecast for answer in answers for forecast in answer.forecasts]
        if len(made) != len(names):
            raise NotExplainable(f"the optimizer failed: {answers[-1].error or answers[-1].infeasible or 'no answer'}")
        learned = min(forecast.learned_from for forecast in made)
        if learned < _FINISHED_CURVES:
            note = f"{learned} finished runs have a learning curve; a forecast needs {_FINISHED_CURVES}."
            return Forecasts(items={}, note=note)
        fields = Forecast.model_fields
        items = (Forecast(**{name: getattr(one, name) for name in fields}) for one in made)
        return Forecasts(items=dict(zip(names, items, strict=True)))

    async def _ask(self, asked: Question, ask: Explain) -> JsonObject:
        found = (await self._answers(asked.with_(explain=ask)))[0]
        if found.explanation is None:
            reason = found.error or found.infeasible or found.unpayable or "no answer"
            raise NotExplainable(f"the optimizer failed: {reason}")
        return found.explanation

    async def _answers(self, asked: Question) -> list[Answer]:
        """All answers to a question, in turn. Raises NotExplainable."""
        async with self._turn:
            try:
                async with aclosing(self._process.answers(asked.with_(min_gain=None))) as answers:
                    return [answer async for answer in answers]
            except TimeoutError:
                raise NotExplainable(f"the optimizer did not answer within {self._seconds:g} s") from None
            except ChildFailed as error:
                raise NotExplainable(f"the optimizer failed: {error}") from None


def check(sweep: Sweep, ask: Ask) -> None:
    """Raises ConfigError for what the sweep does not have."""
    specs = sweep.spec.parameters
    paths: list[str] = []
    values: Mapping[str, Scalar] = {}
    match ask:
        case AskSlices():
            paths, values = ask.parameters or [], ask.at or {}
        case AskContour():
            paths, values = [ask.x, ask.y], ask.at or {}
        case AskPredict():
            values = ask.parameters
    for path in (*paths, *values):
        if path not in specs:
            raise ConfigError(
                f"{path}: is not a parameter of sweep {sweep.display_name}; {suggestion(path, list(specs))}"
            )
    if isinstance(ask, AskContour) and ask.x == ask.y:
        raise ConfigError(f"{ask.x}: is both x and y; name two different parameters")
    for path, value in values.items():
        try:
            typed_value(specs[path], value)
        except SpaceError as error:
            raise ConfigError(f"{path}: {error.text}") from None


def _completed(answer: Explanation, sweep: Sweep, found: Known) -> Explanation:
    """With what the optimizer does not know: names, units, and the sweep's method."""
    cost_unit = unit(sweep, OperatorConfig())
    if isinstance(answer, Slices):
        return answer.with_(run=found.name(answer.at), goal=sweep.spec.goal)
    if isinstance(answer, Contour):
        return answer.with_(run=found.name(answer.at))
    if isinstance(answer, Predicted):
        return answer.with_(cost_unit=cost_unit)
    if not isinstance(answer, Outlook) or answer.best is None:
        return answer
    method = sweep.spec.method
    note = answer.note if method == "bayes" else f"The sweep has method {method}; this is the outlook of method bayes."
    pending = [_PENDING] if found.pending else []
    lines = [*_ASSUMPTIONS, *pending, *_limits(sweep, answer)]
    return answer.with_(cost_unit=cost_unit, assumptions=lines, note=note)


def _limits(sweep: Sweep, answer: Outlook) -> list[str]:
    limits, lines = sweep.spec.limits, []
    if limits.total_cost is not None:
        paid = f"{answer.payable_runs:.3g} of {answer.runs} runs"
        lines.append(f"limits.totalCost is kept: it pays for {paid} on average.")
    if limits.active_deadline_seconds is not None:
        lines.append("limits.activeDeadlineSeconds does not end the sweep earlier.")
    return lines


def _key(parameters: Mapping[str, Scalar]) -> frozenset[tuple[str, str, Scalar]]:
    """1 and 1.0 are the same value, 1 and True are not."""
    return frozenset((k, "bool" if isinstance(v, bool) else "", v) for k, v in parameters.items())
