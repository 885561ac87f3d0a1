"""Facts about runs that are all at hand, for reports and commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from protein.analysis.pareto import goal_sign
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.facts import facts_of, within_thresholds
from sweep_operator.decide.totals import Totals, totals_of
from sweep_operator.domain.ordering import start_order


def totals(sweep: Sweep, runs: Iterable[SweepRun]) -> Totals:
    """The sums over the runs. Costs in them do not count hardware: its prices are the operator's."""
    return totals_of((facts_of(run, sweep, None, OperatorConfig()) for run in runs), sweep.spec.goal)


def ranked(sweep: Sweep, runs: Iterable[SweepRun], *, thresholds: bool = True) -> list[SweepRun]:
    """Successful runs by observed score, the best first. Equal scores are ordered by cost, then by name.

    ``thresholds``: only those that reach the thresholds of spec.objectives, unless none does.
    """
    scored = [r for r in runs if r.succeeded and r.status.score is not None]
    if thresholds:
        scored = [r for r in scored if within_thresholds(r, sweep)] or scored
    goal = sweep.spec.goal
    return sorted(scored, key=lambda r: rank_key(goal, r.status.score or 0.0, r.status.cost, start_order(r)))


def rank_key(goal: str, score: float, cost: float | None, order: tuple[int, str]) -> tuple[Any, ...]:
    """By score, the best first. Equal scores are ordered by cost, then by the order of the start."""
    return -goal_sign(goal) * score, cost or 0.0, order
