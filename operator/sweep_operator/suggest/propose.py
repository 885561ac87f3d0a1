"""One question to the optimizer, answered. Runs in the child process; imports protein, and through it torch."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Mapping
from typing import Any

from protein import SearchSpace, flatten
from protein.factory import make_optimizer
from protein.optimizer import SearchSpaceInfeasible
from protein.settings import ProteinSettings
from sweep_operator.api.constraints import CompiledConstraints
from sweep_operator.api.model import Scalar
from sweep_operator.api.sweeprun import Prediction
from sweep_operator.suggest.messages import RULES_SECONDS, RULES_TOO_SLOW, Answer, Proposal, Question


class RulesTooSlow(Exception):
    """The constraints took more than RULES_SECONDS."""


class _TimedRules:
    """Constraints whose total CPU time is limited.

    A single evaluation cannot be interrupted, so a timer of the kernel ends the process (SIGPROF).
    """

    def __init__(self, rules: CompiledConstraints) -> None:
        self._rules, self._left = rules, RULES_SECONDS

    def passes(self, parameters: Mapping[str, Scalar]) -> bool:
        """Raises RulesTooSlow."""
        if self._left <= 0:
            raise RulesTooSlow(RULES_TOO_SLOW)
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, self._left + 0.1)
        try:
            return self._rules.passes(parameters)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self._left -= time.process_time() - began


def propose(question: Question) -> Answer:
    """Suggestions for ``question.index`` and the indices after it."""
    began = time.perf_counter()
    space = SearchSpace({path: spec.to_json() for path, spec in question.parameters.items()})
    constraints = _TimedRules(CompiledConstraints(question.constraints, question.fixed))
    optimizer = make_optimizer(
        question.method,
        space,
        ProteinSettings.from_config(question.settings),
        goal=question.goal,
        seed=question.seed,
        constraints=(constraints.passes,) if question.constraints else (),
    )
    for row in question.observations:
        known = {k: v for k, v in row.parameters.items() if k in question.parameters}
        optimizer.observe(
            known,
            score=row.score,
            cost=row.cost,
            is_failure=row.is_failure,
            cost_is_lower_bound=row.cost_is_lower_bound,
            strict=False,
        )
    try:
        pairs = optimizer.suggest(question.count, pending=question.pending, index=question.index)
    except RulesTooSlow as error:
        return Answer(infeasible=str(error), seconds=time.perf_counter() - began)
    except SearchSpaceInfeasible as error:
        rules_text = "; ".join(c.message or c.rule for c in question.constraints)
        return Answer(infeasible=f"{error} (constraints: {rules_text})", seconds=time.perf_counter() - began)
    proposals = [
        Proposal(
            index=question.index + offset,
            parameters=flatten(suggestion),
            origin=info.origin,
            prediction=_prediction(info),
        )
        for offset, (suggestion, info) in enumerate(pairs)
    ]
    return Answer(proposals=proposals, seconds=time.perf_counter() - began)


def _prediction(info: Any) -> Prediction | None:
    values = {name: _finite(getattr(info, name, None)) for name in ("score", "cost", "rating")}
    for name in ("score", "cost"):
        forecast = info.details.get(f"{name}_forecast")
        if forecast is not None:
            low, high = map(_finite, forecast["interval"])
            values |= {f"{name}_low": low, f"{name}_high": high}
    return Prediction(**values) if any(v is not None for v in values.values()) else None


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
