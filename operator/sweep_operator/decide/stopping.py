"""The rules of early stopping: pure functions of learning curves.

A run is compared with others when its curve reaches a mark, a power of 2 or 4 of the steps. What the others had there
is one number for each run and mark, so that the cost of a comparison hardly depends on the number of runs.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from protein.analysis.pareto import goal_sign
from sweep_operator.api.early_stopping import EarlyStopping
from sweep_operator.api.progress import CurvePoint
from sweep_operator.api.sweep import SweepSpec

_STEPS = (1e-6, 1e18)
"""Other steps are ignored, which bounds the number of marks."""


class Sample(NamedTuple):
    """A point of a learning curve. ``value``: higher is better."""

    step: float
    value: float
    seconds: float


Curve = Sequence[Sample]
"""By rising steps."""


def metric_of(spec: SweepSpec) -> str:
    """The metric that early stopping compares."""
    named = spec.early_stopping.metric if spec.early_stopping is not None else None
    return named or spec.metric or "score"


def sign_of(spec: SweepSpec) -> float:
    """1 if higher values of that metric are better, otherwise -1."""
    goals = (o.goal for o in spec.objectives if o.metric == metric_of(spec))
    return goal_sign(next(goals, spec.goal))


def samples_of(spec: SweepSpec, curve: Sequence[CurvePoint]) -> Curve:
    """The points of a run's curve that have a finite value of that metric."""
    metric, sign = metric_of(spec), sign_of(spec)
    main = metric == (spec.metric or "score")
    values = [p.value if main else (p.metrics or {}).get(metric) for p in curve]
    low, high = _STEPS
    return [
        Sample(p.step, sign * value, p.seconds)
        for p, value in zip(curve, values, strict=True)
        if value is not None and low <= p.step <= high
    ]


def value_at(curve: Curve, step: float) -> float:
    """The value at a step within the curve, by linear interpolation."""
    at = bisect_right(curve, step, key=lambda sample: sample.step)
    if at == len(curve):
        return curve[-1].value
    before, after = curve[max(0, at - 1)], curve[at]
    if at == 0 or before.step == step:
        return before.value
    share = (step - before.step) / (after.step - before.step)
    return before.value * (1 - share) + after.value * share


def average_until(curve: Curve, step: float) -> float:
    """The average of the values up to a step within the curve, each step counting as much as any other."""
    known = [(s.step, s.value) for s in curve if s.step < step]
    points = [*known, (step, value_at(curve, step))]
    span = points[-1][0] - points[0][0]
    if span <= 0:
        return points[-1][1]
    return math.fsum((b[0] - a[0]) / span * (a[1] / 2 + b[1] / 2) for a, b in pairwise(points))


@dataclass(frozen=True)
class Rule:
    """Which number of a run is compared with which numbers of the others."""

    base: int
    """The marks are its powers."""
    own: Callable[[Curve, float], float]
    """What the run has to show at a step."""
    others: Callable[[Curve, float], float]
    """What other runs had there."""
    quantile: float
    """Of the others; the run must reach it."""
    finished: bool
    """Whether only succeeded runs are compared with."""
    words: str
    """For messages, with the placeholders step, value, threshold and runs."""


RULES: Mapping[str, Rule] = {
    # Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020, with stopping instead of pausing
    "asha": Rule(
        base=4,
        own=value_at,
        others=value_at,
        quantile=0.75,
        finished=False,
        words="{metric} {value} at step {step}; the best quarter of {runs} other runs begins at {threshold} there",
    ),
    # Golovin et al., Google Vizier, KDD 2017, section 3.2.2
    "median": Rule(
        base=2,
        own=lambda curve, step: max(s.value for s in curve),
        others=average_until,
        quantile=0.5,
        finished=True,
        words="best {metric} {value} by step {step}; the averages of {runs} finished runs have the median {threshold}"
        " there",
    ),
}


def marks_in(rule: Rule, curve: Curve) -> range:
    """Exponents of the marks that the curve has reached."""
    if not curve:
        return range(0)
    first, last = (math.log(curve[end].step, rule.base) for end in (0, -1))
    nearest = 1e-9  # log(64, 4) may be a little more than 3
    return range(math.ceil(first - nearest), math.floor(last + nearest) + 1)


def step_of(rule: Rule, mark: int) -> float:
    """The step of a mark."""
    return float(rule.base) ** mark


def levels(rule: Rule, curve: Curve) -> dict[int, float]:
    """What a run has at each mark, for others to be compared with."""
    return {mark: rule.others(curve, step_of(rule, mark)) for mark in marks_in(rule, curve)}


@dataclass(frozen=True)
class Finding:
    """A run that falls behind. ``value`` and ``threshold``: higher is better."""

    step: float
    value: float
    threshold: float
    runs: int


def may_judge(settings: EarlyStopping, curve: Curve, others: int, *, until: float = math.inf) -> bool:
    """Whether a run may be stopped: it has run and reported for long enough, and there are enough others.

    ``until``: reports after this step do not count.
    """
    return (
        others >= settings.min_runs
        and bool(curve)
        and curve[-1].seconds >= settings.min_seconds
        and sum(s.step <= until for s in curve) >= settings.min_reports
    )


def judge(
    rule: Rule, before: Curve, curve: Curve, others: Callable[[int], Sequence[float]], settings: EarlyStopping
) -> Finding | None:
    """Why the run should stop, if it has reached a mark since ``before`` and falls behind there.

    ``others``: what other runs had at a mark, in rising order.
    """
    earlier = marks_in(rule, before)
    new = [mark for mark in marks_in(rule, curve) if mark not in earlier]
    if not new:
        return None
    step, known = step_of(rule, new[-1]), others(new[-1])
    if not may_judge(settings, curve, len(known), until=step):
        return None
    value, threshold = rule.own(curve, step), _quantile(known, rule.quantile)
    return Finding(step, value, threshold, len(known)) if value < threshold else None


def _quantile(values: Sequence[float], share: float) -> float:
    """The quantile of rising values, by linear interpolation."""
    place = share * (len(values) - 1)
    low, rest = math.floor(place), place - math.floor(place)
    return values[low] if rest == 0 else values[low] * (1 - rest) + values[low + 1] * rest
