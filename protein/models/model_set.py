"""The models of one history (score, cost, feasibility, additional outcomes), and predictions in the user's units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from protein.analysis.calibration import Z80
from protein.history import History
from protein.models.cost import CostModel, cost_of
from protein.models.device import capacity_for
from protein.models.feasibility import FeasibilityModel
from protein.models.outcomes import OutcomeModel, fit_outcomes
from protein.models.score import ScoreModel

Array = npt.NDArray[np.float64]

MAX_PREDICTION = 1e308
"""Bound of reported predictions, which must stay finite."""


@dataclass(frozen=True, slots=True)
class Models:
    """Fitted models of `history`; `sign` is 1 to maximize, -1 to minimize."""

    history: History
    score: ScoreModel
    cost: CostModel
    feasibility: FeasibilityModel
    sign: float
    outcomes: tuple[OutcomeModel, ...] = ()

    def predict_score(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (m,) of the noise-free score at rows of `x` (m, dim), in the user's direction."""
        mean, sd = self.score.predict(x)
        scaling = self.score.standardization
        center = np.array([self.sign * scaling.backward(float(m)) for m in mean])
        return center, np.minimum(sd * scaling.scale, MAX_PREDICTION)

    def predict_cost(self, x: Array) -> Array:
        """Median cost (m,) at rows of `x` (m, dim); NaN as long as no cost is known."""
        if not self.cost.known:
            return np.full(len(x), math.nan)
        return np.array([cost_of(float(value)) for value in self.cost.predict(x)[0]])

    def forecast_score(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (m,) of one OBSERVATION of the score at rows of `x` (m, dim).

        The variance is that of the noise-free score plus the noise of one measurement; in the user's direction.
        """
        center, _ = self.predict_score(x)
        sd = np.hypot(self.score.predict(x)[1], math.sqrt(self.score.noise))
        with np.errstate(over="ignore"):
            return center, np.minimum(sd * self.score.standardization.scale, MAX_PREDICTION)

    def forecast_cost(self, x: Array) -> tuple[Array, Array]:
        """Median cost, and standard deviation of log-cost, (m,) each, of one OBSERVATION at rows of `x` (m, dim).

        NaN as long as no cost is known. A constant cost has the model's spread, without noise.
        """
        if not self.cost.known:
            return np.full(len(x), math.nan), np.full(len(x), math.nan)
        mean, sd = self.cost.predict(x)
        surrogate = self.cost.surrogate
        noise = math.sqrt(surrogate.noise) * self.cost.standardization.scale if surrogate is not None else 0.0
        return np.array([cost_of(float(value)) for value in mean]), np.hypot(sd, noise)


def build_models(history: History, goal: str, device: str = "cpu") -> Models:
    """Fit the models. A pure function of its arguments; call it with threads pinned.

    device: as in ProteinSettings. Raises ValueError for cuda without a GPU.
    """
    capacity = capacity_for(device, len(history))
    return Models(
        history,
        ScoreModel(history, capacity=capacity),
        CostModel(history, capacity=capacity),
        FeasibilityModel(history, capacity=capacity),
        1.0 if goal == "maximize" else -1.0,
        fit_outcomes(history, capacity),
    )


def describe(models: Models, row: Array) -> dict[str, Any]:
    """Predictions at one row (dim,): score and cost with 80% intervals, and the probability of success.

    `*_interval` describes the noise-free function, `*_forecast` an observation, which includes noise.
    """
    out: dict[str, Any] = {}
    x = row[None, :]
    mean, sd = models.predict_score(x)
    low, high = float(mean[0] - Z80 * sd[0]), float(mean[0] + Z80 * sd[0])
    if models.history.scored.any():
        out["score_interval"] = [low, high]
        out["score_forecast"] = _score_forecast(models, x)
    if models.cost.known:
        log_cost, log_sd = models.cost.predict(x)
        half = Z80 * float(log_sd[0])
        out["cost_interval"] = [cost_of(float(log_cost[0]) - half), cost_of(float(log_cost[0]) + half)]
        out["cost_forecast"] = _cost_forecast(models, x)
    out["success_probability"] = float(models.feasibility.predict(x)[0])
    for (name, outcome), model in zip(models.history.outcomes.outcomes.items(), models.outcomes, strict=True):
        center, spread = (float(v[0]) for v in model.predict(x))
        ends = (outcome.sign * (center - Z80 * spread), outcome.sign * (center + Z80 * spread))
        out[f"metrics.{name}"] = outcome.sign * center
        out[f"metrics.{name}_interval"] = [min(ends), max(ends)]
    return out


def _score_forecast(models: Models, x: Array) -> dict[str, Any]:
    mean, sd = (float(v[0]) for v in models.forecast_score(x))
    ends = [min(max(mean + z * sd, -MAX_PREDICTION), MAX_PREDICTION) for z in (-Z80, Z80)]
    return {"mean": mean, "sd": sd, "interval": ends}


def _cost_forecast(models: Models, x: Array) -> dict[str, Any]:
    median, log_sd = (float(v[0]) for v in models.forecast_cost(x))
    ends = [cost_of(math.log(median) + z * log_sd) for z in (-Z80, Z80)]
    return {"median": median, "log_sd": log_sd, "interval": ends}
