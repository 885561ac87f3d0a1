"""Forecasts of running runs in the user's units. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protein.analysis.calibration import Z80
from protein.analysis.pareto import goal_sign
from protein.curves import Curve, Forecast, RunningRun
from protein.models.cost import CONSTANT_SPREAD
from protein.models.curves import CurveModel, Estimate, front_probability
from protein.optimizer import Observation
from protein.outcomes import Outcome
from protein.run_rows import RunRows, rows_of, rows_of_observation
from protein.space import SearchSpace

LARGEST = 1e308
"""Bound of forecasts, which must stay finite."""


class Forecaster:
    """Learns from observed runs, and predicts the end of running ones. Call it with threads pinned."""

    def __init__(
        self,
        space: SearchSpace,
        goal: str,
        observations: Sequence[Observation],
        outcomes: Mapping[str, Outcome],
        *,
        comparable: bool,
    ) -> None:
        self._space, self._goal, self._outcomes = space, goal, outcomes
        self._sign = goal_sign(goal)
        observed = [rows_of_observation(space, o, goal) for o in observations]
        self._finished = [run for run in observed if run.result is not None]
        self._model = CurveModel(self._finished, comparable=comparable)
        self._utility = np.array([run.result for run in self._finished], dtype=np.float64)
        self._cost = np.array([math.nan if r.total is None else r.total for r in self._finished])
        known = np.log(self._cost[self._cost > 0])
        self._by_cost = len(known) > 1 and float(known.std()) >= CONSTANT_SPREAD

    def estimate(self, runs: Sequence[tuple[Mapping[str, Any], Curve]]) -> list[Estimate]:
        """Utility and cost of each run at its end."""
        return self._model.estimate([self._rows(params, curve) for params, curve in runs])

    def forecast(self, runs: Sequence[tuple[Mapping[str, Any], Curve]]) -> list[Forecast]:
        """The forecast of each run, from its parameters and curve."""
        rows = [self._rows(params, curve) for params, curve in runs]
        pairs = zip(runs, self._model.estimate(rows), strict=True)
        return [self._forecast(curve, estimate) for (_, curve), estimate in pairs]

    def _rows(self, params: Mapping[str, Any], curve: Curve) -> RunRows:
        return rows_of(self._space, params, curve, self._goal)

    def _forecast(self, curve: Curve, at: Estimate) -> Forecast:
        probability, needed = front_probability(at, self._utility, self._cost, by_cost=self._by_cost)
        half = min(Z80 * at.sd, LARGEST)
        score = self._sign * at.utility
        spent = curve[-1].cost if curve else None
        cost = interval = remaining = None
        if math.isfinite(at.cost):
            low, high = (at.cost * math.exp(min(z * at.log_sd, 700.0)) for z in (-Z80, Z80))
            cost, interval = at.cost, (max(low, spent or 0.0), max(high, spent or 0.0))
            remaining = max(cost - (spent or 0.0), 0.0)
        return Forecast(
            fraction=curve[-1].fraction if curve else 0.0,
            score=score,
            score_interval=(max(score - half, -LARGEST), min(score + half, LARGEST)),
            cost=cost,
            cost_interval=interval,
            remaining_cost=remaining,
            # A run that is not on the front of score and cost may be on that with further objectives.
            front_probability=1.0 if any(o.objective for o in self._outcomes.values()) else probability,
            needed_score=None if needed is None else self._sign * needed,
            learned_from=len(self._model.runs),
        )


def estimates_by_row(forecaster: Forecaster, space: SearchSpace, runs: Sequence[RunningRun]) -> dict[bytes, Estimate]:
    """The estimates of runs that have reported, by the bytes of their row (dim,)."""
    known = [(run.params, run.curve) for run in runs if run.curve]
    keys = [space.encode(params).tobytes() for params, _ in known]
    return dict(zip(keys, forecaster.estimate(known), strict=True))
