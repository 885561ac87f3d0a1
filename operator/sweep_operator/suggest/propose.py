"""Questions to the optimizer, answered. Runs in the child process; a model imports torch."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module

from protein import (
    Budget,
    BudgetExhausted,
    NotWorthIt,
    Observation,
    Optimizer,
    Outcome,
    Protein,
    SearchSpace,
    SearchSpaceInfeasible,
    Source,
    SuggestionInfo,
    flatten,
    make_optimizer,
)
from protein.curves import Forecast
from protein.reports import Forecasts
from protein.settings import ProteinSettings
from sweep_operator.api.constraints import CompiledConstraints
from sweep_operator.api.model import Model, Scalar
from sweep_operator.api.suggestion import BudgetLeft, Prediction
from sweep_operator.decide.plan import EarlierObservations, LearnedPoint
from sweep_operator.exchange.observation import JsonObservation, unpack
from sweep_operator.suggest.explained import explained, why_facts
from sweep_operator.suggest.inputs import Inputs
from sweep_operator.suggest.messages import (
    RULES_SECONDS,
    RULES_TOO_SLOW,
    Answer,
    AskFacts,
    Explain,
    Proposal,
    Question,
    RunForecast,
)

FORECASTS_PER_LINE = 500


def import_models() -> None:
    """Import what a model needs, torch included, which takes seconds."""
    import_module("protein.models.model_set")
    import_module("protein.search.proposal")


class RulesTooSlow(Exception):
    """The constraints took more than RULES_SECONDS."""


class _TimedRules:
    """Constraints whose total CPU time is limited.

    A single evaluation cannot be interrupted, so a timer of the kernel ends the process (SIGPROF).
    """

    def __init__(self, rules: CompiledConstraints) -> None:
        self._rules, self.left = rules, RULES_SECONDS

    def passes(self, parameters: Mapping[str, Scalar]) -> bool:
        """Raises RulesTooSlow."""
        if self.left <= 0:
            raise RulesTooSlow(RULES_TOO_SLOW)
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, self.left + 0.1)
        try:
            return self._rules.passes(parameters)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.left -= time.process_time() - began


class Proposer:
    """Answers questions. The optimizer of the latest one is kept: the rest of a question needs no other fit."""

    def __init__(self, interrupted: Callable[[], bool] = lambda: False) -> None:
        """``interrupted``: whether the answer must end."""
        self._interrupted = interrupted
        self._basis: Question | None = None
        self._optimizer: Optimizer
        self._rules: _TimedRules
        self._inputs: Inputs
        self._unpacked: tuple[EarlierObservations, list[JsonObservation]] | None = None
        """The observations of the latest warm start."""

    def answer(self, question: Question) -> Iterator[Answer]:
        """The suggestions for ``question.index`` and the indices after it, at least one."""
        began = time.perf_counter()
        try:
            self._prepare(question)
            if question.forecasts:
                yield from self._forecasts(question)
                return
            self._optimizer.budget = _budget(question.left, question.min_gain)
            if question.explain is not None:
                yield Answer(explanation=self._explained(question, question.explain).to_json(), end="complete")
                return
            inputs = self._inputs.with_pending(question.pending).with_left(question.left)
            batch = self._optimizer.suggest_many(question.count, pending=question.pending, index=question.index)
            for offset in range(question.count):
                if question.light and self._optimizer.needs_model(len(question.pending) + offset):
                    yield Answer(end="model")
                    return
                if offset and self._interrupted():
                    yield Answer(end="interrupted")
                    return
                suggestion, info = next(batch)
                proposal = Proposal(
                    index=question.index + offset,
                    parameters=flatten(suggestion),
                    origin=info.origin,
                    prediction=_prediction(info),
                    digest=inputs.digest(question.index + offset),
                )
                inputs = inputs.with_pending([proposal.parameters])
                seconds = time.perf_counter() - began
                yield Answer(proposal=proposal, source_weights=_source_weights(info), seconds=seconds)
                began = time.perf_counter()
        except RulesTooSlow as error:
            yield Answer(infeasible=str(error), end="complete")
        except NotWorthIt as error:
            yield Answer(unworthy=str(error), end="complete")
        except BudgetExhausted as error:
            yield Answer(unpayable=str(error), end="complete")
        except SearchSpaceInfeasible as error:
            rules_text = "; ".join(c.message or c.rule for c in question.constraints)
            yield Answer(infeasible=f"{error} (constraints: {rules_text})", end="complete")
        else:
            yield Answer(end="complete")

    def _explained(self, question: Question, ask: Explain) -> Model:
        assert isinstance(self._optimizer, Protein)
        if not isinstance(ask, AskFacts):
            return explained(self._optimizer, ask, question.pending)
        suggestion, info = self._optimizer.suggest(1, pending=question.pending, index=question.index)[0]
        digest = self._inputs.with_pending(question.pending).with_left(question.left).digest(question.index)
        proposal = Proposal(index=question.index, parameters=flatten(suggestion), origin=info.origin, digest=digest)
        return why_facts(self._optimizer, ask, proposal, info.details)

    def _forecasts(self, question: Question) -> Iterator[Answer]:
        """The forecasts, in parts that fit into one line each."""
        assert isinstance(self._optimizer, Forecasts)
        found = self._optimizer.forecast_many([run.parameters for run in question.running or ()])
        for start in range(0, len(found), FORECASTS_PER_LINE):
            yield Answer(forecasts=[_forecast(one) for one in found[start : start + FORECASTS_PER_LINE]])
        yield Answer(end="complete")

    def _prepare(self, question: Question) -> None:
        basis = question.with_(
            pending=[], index=0, count=0, light=False, left=None, min_gain=None, forecasts=False, explain=None
        )
        if self._basis == basis:
            self._rules.left = RULES_SECONDS
            return
        self._basis = None
        earlier = self._earlier(question)
        space = SearchSpace({path: spec.to_json() for path, spec in question.parameters.items()})
        self._rules = _TimedRules(CompiledConstraints(question.constraints, question.fixed))
        self._optimizer = make_optimizer(
            question.method,
            space,
            ProteinSettings.from_config(question.settings),
            goal=question.goal,
            seed=question.seed,
            constraints=(self._rules.passes,) if question.constraints else (),
            outcomes={o.metric: Outcome(o.goal, o.threshold) for o in question.outcomes or ()},
            sources=_sources(question, earlier),
            comparable_curves=question.comparable is not False,
        )
        for row in question.observations:
            known = _searched(question, row)
            self._report(known, row.curve or ())
            self._optimizer.observe(
                known,
                score=row.score,
                cost=row.cost,
                is_failure=row.is_failure,
                cost_is_lower_bound=row.cost_is_lower_bound,
                metrics=row.metrics,
                strict=False,
            )
            self._optimizer.learn_forecast(row.score_side, row.cost_side)
        for run in question.running or ():
            self._report({k: v for k, v in run.parameters.items() if k in question.parameters}, run.curve)
        everything = question.with_(earlier=None, observations=[*earlier, *question.observations])
        self._basis, self._inputs = basis, Inputs.of(everything)

    def _earlier(self, question: Question) -> list[JsonObservation]:
        """The observations of the warm start."""
        if question.earlier is None:
            return []
        if self._unpacked is None or self._unpacked[0] != question.earlier:
            self._unpacked = question.earlier, unpack(question.earlier.content)
        return self._unpacked[1]

    def _report(self, parameters: Mapping[str, Scalar], curve: Sequence[LearnedPoint]) -> None:
        for fraction, score, cost in curve:
            self._optimizer.report(parameters, step=fraction, score=score, cost=cost, max_step=1.0)


def _searched(question: Question, row: JsonObservation) -> dict[str, Scalar]:
    return {k: v for k, v in row.parameters.items() if k in question.parameters}


def _sources(question: Question, earlier: Sequence[JsonObservation]) -> list[Source]:
    """The sources of the warm start, named by their position."""
    found: dict[int, list[Observation]] = {}
    for row in earlier:
        observation = Observation(
            _searched(question, row), row.score, row.cost, row.is_failure, row.cost_is_lower_bound
        )
        found.setdefault(row.source or 0, []).append(observation)
    return [Source(str(position), observations) for position, observations in found.items()]


def _source_weights(info: SuggestionInfo) -> dict[int, float] | None:
    found = info.details.get("sources")
    return None if found is None else {int(name): weight for name, weight in found.items()}


def _forecast(found: Forecast) -> RunForecast:
    low, high = found.score_interval
    return RunForecast(
        score=found.score,
        low=low,
        high=high,
        probability=found.front_probability,
        needed=found.needed_score,
        remaining_cost=found.remaining_cost,
        learned_from=found.learned_from,
    )


def _budget(left: BudgetLeft | None, min_gain: float | None) -> Budget:
    """The limits as a budget that nothing was spent of."""
    if left is None:
        return Budget(min_gain=min_gain)
    return Budget(left.cost, left.runs, left.seconds, spent=0.0, share=left.share, min_gain=min_gain)


def _prediction(info: SuggestionInfo) -> Prediction | None:
    values = {name: _finite(getattr(info, name, None)) for name in ("score", "cost", "rating")}
    for name in ("score", "cost"):
        forecast = info.details.get(f"{name}_forecast")
        if forecast is not None:
            low, high = map(_finite, forecast["interval"])
            values |= {f"{name}_low": low, f"{name}_high": high}
    return Prediction(**values) if any(v is not None for v in values.values()) else None


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
