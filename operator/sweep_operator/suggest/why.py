"""Why the optimizer suggested a run, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from sweep_operator.api.model import Scalar
from sweep_operator.api.suggestion import Prediction
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.domain.value_text import plain_text
from sweep_operator.suggest.messages import KnownRun, WhyFacts
from sweep_operator.suggest.provenance import read_ranges
from sweep_operator.views.figures import number
from sweep_operator.views.page.explanations import Nearest, ParameterReason, Range, Why

Name = Callable[[Mapping[str, Scalar] | None], str | None]
"""The name of the run with given parameters."""
_NEAR = 0.01
"""Distance, as a share of the range of a parameter, below which values count as about the same."""
_ORIGINS = {
    "center": "It is the search center: the first run of a sweep has the mean of each parameter.",
    "manual": "A user created it; the optimizer did not choose its parameters.",
    "imported": "It was imported; the optimizer did not choose its parameters.",
    "fallback": "The optimizer did not answer in time, so its parameters are random.",
}


def without_model(sweep: Sweep, run: SweepRun, note: str = "") -> Why:
    """The answer for a run that needed no model, or whose suggestion cannot be computed again."""
    return _why(run, note).with_(sentences=[_origin(sweep, run)])


def by_model(sweep: Sweep, run: SweepRun, facts: WhyFacts, name: Name) -> Why:
    """The answer for a run that the model suggested."""
    provenance = run.spec.provenance
    same = facts.proposal.parameters == run.spec.parameters
    note = ""
    if provenance is not None and provenance.digest not in (None, facts.proposal.digest):
        note = "Settings, constraints or results have changed since: this is what they say now."
    elif not same:
        note = "Computed on another machine or by another version: the facts may differ slightly from those of then."
    best = name(facts.best.parameters) if facts.best is not None else None
    found = _why(run, note).with_(
        acquisition=facts.acquisition,
        cost_power=facts.cost_power,
        nearest=None if facts.nearest is None else _nearest(facts.nearest, name),
        best=best,
        success=facts.predicted.success,
        parameters=[
            _reason(path, value, facts, best) for path, value in run.parameters.items() if path in sweep.spec.parameters
        ],
    )
    found = found.with_(score=found.score or facts.predicted.score, cost=found.cost or facts.predicted.cost)
    return found.with_(
        sentences=[
            _origin(sweep, run) if run.spec.origin != "model" else _gain(facts),
            *_more(sweep, found),
            *_sources(sweep, {int(position): weight for position, weight in facts.source_weights.items()}),
        ]
    )


def _why(run: SweepRun, note: str) -> Why:
    """What is recorded."""
    provenance, prediction = run.spec.provenance, run.spec.prediction or Prediction()
    return Why(
        run=run.name,
        origin=run.spec.origin,
        observations=provenance.observations if provenance is not None else None,
        pending=_pending(run),
        score=_range(prediction.score, prediction.score_low, prediction.score_high),
        cost=_range(prediction.cost, prediction.cost_low, prediction.cost_high),
        note=note,
    )


def _pending(run: SweepRun) -> int | None:
    """How many runs had no result yet: those of the provenance, and those of the same request."""
    provenance, index = run.spec.provenance, run.spec.index
    if provenance is None or index is None:
        return None
    same_request = max(index - provenance.through_index - 1, 0)
    return len(read_ranges(provenance.pending)) + len(provenance.pending_runs) + same_request


def _range(expected: float | None, low: float | None, high: float | None) -> Range | None:
    if expected is None or low is None or high is None:
        return None
    return Range(expected=expected, low=low, high=high)


def _nearest(run: KnownRun, name: Name) -> Nearest:
    return Nearest(run=name(run.parameters), distance=run.distance, score=run.score, cost=run.cost)


def _origin(sweep: Sweep, run: SweepRun) -> str:
    origin, method = run.spec.origin, sweep.spec.method
    if origin in _ORIGINS:
        return _ORIGINS[origin]
    if origin == "resample":
        return "It repeats a Pareto-optimal run that was measured least often, to learn how noisy the score is."
    if origin == "model":
        return "The model suggested it."
    if method != "bayes":
        return f"The sweep has method {method}: every run is drawn independently of the results."
    return "It belongs to the initial design, which spreads the first runs over the space before a model suggests any."


def _gain(facts: WhyFacts) -> str:
    """What the suggestion maximized."""
    match facts.acquisition:
        case "ei":
            text = "It had the largest expected improvement over the best score"
        case "ucb":
            text = "It had the highest optimistic score (the prediction plus 1.5 standard deviations)"
        case "protein":
            text = "It had the best predicted score close to a target cost, which is drawn for each suggestion"
        case _:
            return "The model suggested it."
    power = facts.cost_power or 0.0
    return f"{text}, relative to its cost to the power of {power:.2g}." if power > 0 else f"{text}."


def _more(sweep: Sweep, why: Why) -> list[str]:
    lines = []
    if why.nearest is not None:
        of = f"run {why.nearest.run}" if why.nearest.run is not None else "one that no longer exists"
        score = "" if why.nearest.score is None else f", with score {number(why.nearest.score)}"
        lines.append(f"The nearest run that was known is {of}, at a distance of {why.nearest.distance:.2g}{score}.")
    same = [p.path for p in why.parameters if p.distance is not None and abs(p.distance) < _NEAR]
    if why.best is not None and same and len(same) < len(why.parameters):
        are = "is" if len(same) == 1 else "are"
        lines.append(
            f"{len(same)} of {len(why.parameters)} parameters {are} about as in the best run then, {why.best}."
        )
    if why.observations is not None:
        waiting = (
            "" if not why.pending else f", while {why.pending} {'run' if why.pending == 1 else 'runs'} had none yet"
        )
        results = "result" if why.observations == 1 else "results"
        lines.append(f"The optimizer knew {why.observations} {results}{waiting}.")
    return lines


def _sources(sweep: Sweep, weights: Mapping[int, float]) -> list[str]:
    """What the sources of the warm start count."""
    if sweep.spec.warm_start is None or not weights:
        return []
    titles = [source.title for source in sweep.spec.warm_start.from_]
    shares = ", ".join(f"{titles[at]} {weight:.0%}" for at, weight in sorted(weights.items()) if at < len(titles))
    own = 1.0 - min(math.fsum(weights.values()), 1.0)
    return [f"Weights in the model of the score: {shares}, the results of this sweep alone {own:.0%}."]


def _reason(path: str, value: Scalar, facts: WhyFacts, best: str | None) -> ParameterReason:
    known = facts.best.parameters.get(path) if facts.best is not None else None
    distance = facts.distances.get(path)
    text = _compared(value, known, distance) if facts.best is not None else "no run had a score"
    return ParameterReason(
        path=path, value=value, best=known, distance=None if distance is None else abs(distance), text=text
    )


def _compared(value: Scalar, best: Scalar | None, distance: float | None) -> str:
    if best is None or distance is None:
        return "absent in the best run"
    if value == best and isinstance(value, bool) == isinstance(best, bool):
        return "as in the best run"
    if isinstance(value, str | bool) or isinstance(best, str | bool):
        return f"{plain_text(best)} in the best run"
    share = abs(distance)
    if share < _NEAR:
        return "about as in the best run"
    return f"{'higher' if distance > 0 else 'lower'} than in the best run, by {share:.0%} of the range"
