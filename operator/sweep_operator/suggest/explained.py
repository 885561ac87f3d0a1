"""Questions about the model, answered. Runs in the optimizer's process; a model imports torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from protein import Contour as FoundContour
from protein import Outlook as FoundOutlook
from protein import Protein
from protein.analysis.importance import parameter_importance
from protein.arrays import Array
from protein.explain.answers import Curves
from protein.explain.answers import Slice as FoundSlice
from protein.searchspace.coordinates import same
from sweep_operator.api.model import Model, Scalar
from sweep_operator.suggest.messages import AskFacts, AskMeans, Explain, KnownRun, Means, Proposal, WhyFacts
from sweep_operator.views.page.explanations import (
    AskContour,
    AskImportance,
    AskOutlook,
    AskPredict,
    AskSlices,
    Contour,
    Importance,
    MetricSlice,
    Outlook,
    ParameterSlice,
    Predicted,
    Range,
    Slices,
)

MIN_SCORES = 5
"""With fewer scores, a model says nothing of use."""
_IMPORTANCE = "Share of the variance of the predicted score that each parameter explains alone."
_EQUAL = "All scores are equal so far: the model cannot tell the parameters apart."


def explained(optimizer: Protein, ask: Explain, pending: Sequence[Mapping[str, Scalar]]) -> Model:
    """The answer to a question other than AskFacts. ``pending``: the runs without a result."""
    scores = [o.score for o in optimizer.observations if o.score is not None]
    few = _too_few(len(scores), MIN_SCORES)
    note = few or (_EQUAL if len(set(scores)) == 1 else "")
    match ask:
        case AskImportance():
            note = _too_few(len(scores), max(MIN_SCORES, len(optimizer.space) + 1)) or note
            return Importance(shares={} if note else parameter_importance(optimizer), note=note or _IMPORTANCE)
        case AskSlices():
            return _slices(optimizer, ask, few, note)
        case AskContour():
            return _contour(optimizer, ask, few, note)
        case AskOutlook():
            found = None if few else optimizer.outlook(ask.runs, parallel=ask.parallel or 1, pending=pending)
            return _outlook(ask.runs, found, note)
        case AskPredict():
            return _predicted(optimizer, ask.parameters, few)
        case AskMeans():
            return Means(means=_listed(optimizer.predict(ask.points)[0]))
    raise TypeError(f"no answer to {ask!r}")


def _too_few(scores: int, needed: int) -> str:
    runs = "1 run has a score" if scores == 1 else f"{scores} runs have a score"
    return "" if scores >= needed else f"{runs}; this needs {needed}."


def _slices(optimizer: Protein, ask: AskSlices, few: str, note: str) -> Slices:
    if few:
        return Slices(at={}, parameters=[], note=few)
    found = optimizer.slices(ask.at, parameters=ask.parameters)
    failures = any(o.is_failure for o in optimizer.observations)
    parts = [_slice(optimizer, name, part, failures) for name, part in found.parameters.items()]
    return Slices(at=dict(found.at), parameters=parts, note=note)


def _slice(optimizer: Protein, name: str, found: FoundSlice, failures: bool) -> ParameterSlice:
    curves = found.curves
    return ParameterSlice(
        path=name,
        grid=list(found.values),
        mean=_listed(curves.mean),
        low=_listed(curves.low),
        high=_listed(curves.high),
        cost=_known(curves.cost),
        cost_low=_known(curves.cost_low),
        cost_high=_known(curves.cost_high),
        success=_listed(curves.success) if failures else None,
        allowed=found.allowed.tolist() if optimizer.constraints else None,
        metrics=_metrics(curves),
        assumed=dict(found.assumed),
    )


def _metrics(curves: Curves) -> dict[str, MetricSlice]:
    return {
        name: MetricSlice(mean=_listed(mean), low=_listed(low), high=_listed(high))
        for name, (mean, low, high) in curves.metrics.items()
    }


def _contour(optimizer: Protein, ask: AskContour, few: str, note: str) -> Contour:
    if few:
        return Contour(x=ask.x, y=ask.y, grid_x=[], grid_y=[], mean=[], sd=[], at={}, note=few)
    found: FoundContour = optimizer.contour(ask.x, ask.y, ask.at)
    return Contour(
        x=ask.x,
        y=ask.y,
        grid_x=list(found.x_values),
        grid_y=list(found.y_values),
        mean=[_listed(row) for row in found.mean],
        sd=[_listed(row) for row in found.sd],
        cost=None if _unknown(found.cost) else [_listed(row) for row in found.cost],
        allowed=None if found.allowed.all() else found.allowed.tolist(),
        at=dict(found.at),
        note=note,
    )


def _outlook(runs: int, found: FoundOutlook | None, note: str) -> Outlook:
    if found is None:
        return Outlook(runs=runs, note=note)
    return Outlook(
        runs=runs,
        payable_runs=found.payable_runs,
        best_now=found.best_now,
        best=_range(found.best, found.best_interval),
        probability_better=found.probability_better,
        cost=_range(found.cost, found.cost_interval),
        front_gain=_range(found.front_gain, found.front_gain_interval),
        note=note,
    )


def _predicted(optimizer: Protein, parameters: Mapping[str, Scalar], few: str) -> Predicted:
    complete = optimizer.space.complete(parameters)
    details = {} if few else optimizer.expected(complete)
    score, cost = details.get("score_forecast"), details.get("cost_forecast")
    return Predicted(
        parameters=complete,
        score=None if score is None else _range(score["mean"], score["interval"]),
        cost=None if cost is None else _range(cost["median"], cost["interval"]),
        success=details.get("success_probability") if any(o.is_failure for o in optimizer.observations) else None,
        allowed=all(constraint(complete) for constraint in optimizer.constraints),
        note=few,
    )


def why_facts(optimizer: Protein, ask: AskFacts, proposal: Proposal, details: Mapping[str, Any]) -> WhyFacts:
    """What explains a run that was suggested. The optimizer knows what it knew then.

    ``proposal``, ``details``: the suggestion, computed again.
    """
    complete, best = optimizer.space.complete(ask.parameters), optimizer.best()
    nearest = optimizer.expected(complete).get("nearest")
    return WhyFacts(
        proposal=proposal,
        acquisition=details.get("acquisition"),
        cost_power=details.get("cost_power"),
        source_weights=details.get("sources") or {},
        nearest=nearest and KnownRun(**{("parameters" if k == "params" else k): v for k, v in nearest.items()}),
        best=None if best is None else KnownRun(parameters=best[0], score=best[1], cost=best[2]),
        distances={} if best is None else _distances(optimizer, complete, best[0]),
        predicted=_predicted(optimizer, complete, ""),
    )


def _distances(optimizer: Protein, here: Mapping[str, Scalar], there: Mapping[str, Scalar]) -> dict[str, float]:
    """By parameter that both have: as a share of its range, with the sign of the difference; 1 for another category."""
    found = {}
    for name, parameter in optimizer.space.parameters.items():
        if name in here and name in there:
            if parameter.coordinate is None:
                found[name] = 0.0 if same(here[name], there[name]) else 1.0
            else:
                found[name] = parameter.coordinate.to_unit(here[name]) - parameter.coordinate.to_unit(there[name])
    return found


def _range(expected: float | None, interval: Iterable[float] | None) -> Range | None:
    if expected is None or interval is None:
        return None
    low, high = interval
    return Range(expected=_number(expected), low=_number(low), high=_number(high))


def _unknown(values: Array) -> bool:
    return bool(np.isnan(values).any())


def _known(values: Array) -> list[float] | None:
    return None if _unknown(values) else _listed(values)


def _listed(values: Array) -> list[float]:
    return [_number(value) for value in values.tolist()]


def _number(value: float) -> float:
    """In seven digits: they are read by people, and 64 slices must fit into one line."""
    assert math.isfinite(value)
    return float(f"{value:.7g}")
