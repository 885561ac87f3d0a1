"""The three models of one history (score, cost, feasibility), and predictions in the user's units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from protein.cost_model import CostModel, cost_of
from protein.device import capacity_for
from protein.feasibility_model import FeasibilityModel
from protein.history import History
from protein.outcome_model import OutcomeModel, fit_outcomes
from protein.score_model import ScoreModel

Array = npt.NDArray[np.float64]

Z80 = 1.2815515655446004
"""Half-width of a central 80% interval of a normal, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Models:
    """Fitted models of `history`; `sign` is 1 to maximise, -1 to minimise."""

    history: History
    score: ScoreModel
    cost: CostModel
    feasibility: FeasibilityModel
    sign: float
    outcomes: tuple[OutcomeModel, ...] = ()

    def predict_score(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (m,) of the noise-free score at rows of `x` (m, dim), in the user's direction."""
        mean, sd = self.score.predict(x)
        scaling = self.score.standardisation
        center = np.array([self.sign * scaling.backward(float(m)) for m in mean])
        return center, np.minimum(sd * scaling.scale, 1e308)

    def predict_cost(self, x: Array) -> Array:
        """Median cost (m,) at rows of `x` (m, dim); NaN while no cost was observed."""
        if not self.cost.known:
            return np.full(len(x), math.nan)
        return np.array([cost_of(float(value)) for value in self.cost.predict(x)[0]])


def build_models(history: History, goal: str, device: str = "cpu") -> Models:
    """Fit the three models; a pure function of its arguments. Call it with threads pinned.

    device: as in ProteinSettings. Raises ValueError for cuda where there is none.
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
    """Predictions at one row (dim,): score and cost with 80% intervals, and the probability of success."""
    out: dict[str, Any] = {}
    x = row[None, :]
    mean, sd = models.predict_score(x)
    low, high = float(mean[0] - Z80 * sd[0]), float(mean[0] + Z80 * sd[0])
    if models.history.scored.any():
        out["score_interval"] = [low, high]
    if models.cost.known:
        log_cost, log_sd = models.cost.predict(x)
        half = Z80 * float(log_sd[0])
        out["cost_interval"] = [cost_of(float(log_cost[0]) - half), cost_of(float(log_cost[0]) + half)]
    out["success_probability"] = float(models.feasibility.predict(x)[0])
    for (name, outcome), model in zip(models.history.outcomes.outcomes.items(), models.outcomes, strict=True):
        center, spread = (float(v[0]) for v in model.predict(x))
        ends = (outcome.sign * (center - Z80 * spread), outcome.sign * (center + Z80 * spread))
        out[f"metrics.{name}"] = outcome.sign * center
        out[f"metrics.{name}_interval"] = [min(ends), max(ends)]
    return out
