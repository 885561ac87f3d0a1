"""The models of one history (score, cost, feasibility, additional outcomes), and predictions in the user's units."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from protein.analysis.calibration import Z80
from protein.analysis.conformal import Calibrator
from protein.analysis.pareto import goal_sign
from protein.arrays import Array, Mask
from protein.history import History
from protein.models.cost import CostModel, cost_of
from protein.models.device import Capacity, capacity_for
from protein.models.feasibility import FeasibilityModel
from protein.models.outcomes import OutcomeModel, fit_outcomes
from protein.models.posterior import FIT_ROWS
from protein.models.score import ScoreModel

MAX_PREDICTION = 1e308
"""Bound of reported predictions, which must stay finite."""


@dataclass(frozen=True, slots=True)
class Models:
    """Fitted models of `history`; `sign` is 1 to maximize, -1 to minimize. sources: the models of other tasks."""

    history: History
    score: ScoreModel
    cost: CostModel
    feasibility: FeasibilityModel
    sign: float
    outcomes: tuple[OutcomeModel, ...] = ()
    sources: tuple[Models, ...] = ()

    @property
    def predicts_cost(self) -> bool:
        """Whether enough costs are known to predict others."""
        return self.history.predicts_cost or any(source.cost.known for source in self.sources)

    @property
    def forecasts_score(self) -> bool:
        """Whether the scale of the scores is known: one score does not tell how much that of another task differs."""
        return bool(self.history.scored.any()) and not (self.sources and self.score.standardization.constant)

    def predict_score(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (m,) of the noise-free score at rows of `x` (m, dim), in the user's direction."""
        return self.in_units(*self.score.predict(x))

    def forecast_score(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (m,) of one OBSERVATION of the score at rows of `x` (m, dim).

        The variance is that of the noise-free score plus the noise of one measurement; in the user's direction.
        """
        return self.observed(*self.score.predict(x))

    def observed(self, z: Array, sd: Array) -> tuple[Array, Array]:
        """`forecast_score`, given the standardized means and standard deviations (m,) of the noise-free scores."""
        return self.in_units(z, np.hypot(sd, math.sqrt(self.score.noise)))

    def in_units(self, z: Array, sd: Array) -> tuple[Array, Array]:
        """Standardized means and standard deviations of scores, (m,) each, in the user's units and direction."""
        scaling = self.score.standardization
        with np.errstate(over="ignore"):
            return self.sign * scaling.backward(z), np.minimum(sd * scaling.scale, MAX_PREDICTION)

    def predict_cost(self, x: Array) -> Array:
        """Median cost (m,) at rows of `x` (m, dim); NaN as long as no cost is known."""
        return cost_of(self.forecast_log_cost(x)[0])

    def forecast_log_cost(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (m,) of the log-cost of one OBSERVATION at rows of `x` (m, dim).

        NaN as long as no cost is known. A constant cost has the model's spread, without noise.
        """
        if not self.cost.known:
            return np.full(len(x), math.nan), np.full(len(x), math.nan)
        mean, sd = self.cost.predict(x)
        return mean, np.hypot(sd, self.cost.noise_sd)

    def most_expensive(self, x: Array) -> Array:
        """Upper ends (m,) of the 80% intervals of the cost of one observation at rows of `x` (m, dim)."""
        return self.upper_cost(*self.cost.predict(x))

    def upper_cost(self, log_cost: Array, log_sd: Array) -> Array:
        """`most_expensive` (m,), given mean and standard deviation (m,) of the noise-free log-cost."""
        return cost_of(log_cost + Z80 * np.hypot(log_sd, self.cost.noise_sd))

    def payable(self, x: Array, cost: float) -> Mask:
        """Whether the run at each row of `x` (m, dim) is predicted to cost at most this much."""
        out: Mask = self.most_expensive(x) <= cost
        return out


def build_models(history: History, goal: str, device: str = "cpu", sources: Sequence[History] = ()) -> Models:
    """Fit the models. A pure function of its arguments; call it with threads pinned.

    device: as in ProteinSettings. sources: histories of other tasks. Raises ValueError for cuda without a GPU.
    """
    capacity = capacity_for(device, len(history))
    others = tuple(_source_models(_Source(source, source.digest(), goal)) for source in sources)
    score = ScoreModel(history, capacity, [other.score for other in others])
    weighted = zip(score.weights.tolist(), (other.feasibility for other in others), strict=True)
    return Models(
        history,
        score,
        CostModel(history, capacity, [other.cost for other in others]),
        FeasibilityModel(history, capacity, tuple(weighted)),
        goal_sign(goal),
        fit_outcomes(history, capacity),
        others,
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """A source's history, identified by its digest."""

    history: History = field(compare=False)
    digest: bytes
    goal: str


@functools.lru_cache(maxsize=32)
def _source_models(source: _Source) -> Models:
    """The models of a source, of at most FIT_ROWS rows. Sources stay the same, so their models are remembered."""
    history, capacity = source.history, Capacity(rows=FIT_ROWS)
    models = ScoreModel(history, capacity), CostModel(history, capacity), FeasibilityModel(history, capacity)
    return Models(history, *models, goal_sign(source.goal))


def describe(models: Models, row: Array, calibrator: Calibrator) -> dict[str, Any]:
    """Predictions at one row (dim,): score and cost with 80% intervals, and the probability of success.

    `*_interval` describes the noise-free function, as the model sees it. `*_forecast` describes an observation, which
    includes noise, calibrated by earlier forecasts.
    """
    out: dict[str, Any] = {}
    x = row[None, :]
    if models.forecasts_score:
        z, spread = models.score.predict(x)
        out["score_interval"] = _interval(*_first(models.in_units(z, spread)))
        mean, sd = calibrator.score.calibrated(*_first(models.observed(z, spread)))
        out["score_forecast"] = {"mean": mean, "sd": sd, "interval": _interval(mean, sd)}
    if models.cost.known:
        log_cost, log_sd = _first(models.cost.predict(x))
        out["cost_interval"] = cost_of(np.array(_interval(log_cost, log_sd))).tolist()
        log_cost, log_sd = calibrator.cost.calibrated(log_cost, math.hypot(log_sd, models.cost.noise_sd))
        ends = cost_of(np.array(_interval(log_cost, log_sd))).tolist()
        out["cost_forecast"] = {"median": float(cost_of(log_cost)), "log_sd": log_sd, "interval": ends}
    out["success_probability"] = float(models.feasibility.predict(x)[0])
    for (name, outcome), model in zip(models.history.outcomes.outcomes.items(), models.outcomes, strict=True):
        mean, sd = _first(model.predict(x))
        out[f"metrics.{name}"] = outcome.sign * mean
        out[f"metrics.{name}_interval"] = _interval(outcome.sign * mean, sd)
    return out


def _first(values: tuple[Array, Array]) -> tuple[float, float]:
    return float(values[0][0]), float(values[1][0])


def _interval(mean: float, sd: float) -> list[float]:
    """The central 80% interval of a normal, with finite ends."""
    return [min(max(mean + z * sd, -MAX_PREDICTION), MAX_PREDICTION) for z in (-Z80, Z80)]
