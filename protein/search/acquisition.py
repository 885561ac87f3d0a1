"""Acquisition functions, as sums in log space, so that no sign and no mask can make the worst candidate the best.

    a(x) = gain(x) + log P(success | x) + log Phi((L - mu_c) / sigma_c) + log Phi((M - mu_c) / sigma_c)

The gain is the log expected improvement, an upper confidence bound of the standardized score, or the log of the
expected increase of the area under the front (protein.search.staircase). mu_c and sigma_c are the mean and standard
deviation of log-cost at x. L is the cost level drawn for this suggestion and M is the log of max_suggestion_cost. Each
additional outcome (protein.outcomes) with a level adds log P(outcome >= level). Dividing the improvement by the cost
instead would keep the search in the cheap region (arXiv 2406.20062).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protein.arrays import Array
from protein.models.cost import CostModel
from protein.models.feasibility import FeasibilityModel
from protein.models.outcomes import OutcomeModel
from protein.models.posterior import CHUNK, Posterior
from protein.search.log_improvement import log_expected_improvement
from protein.search.staircase import Staircase

UCB_BETA = 1.5
MIN_COST_SD = 0.05
"""Floor of sigma_c in log-cost. The cost level is a soft constraint; this floor keeps its gradient finite."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """The acquisition of one suggestion: the models, and the kind of gain, cost level and incumbents drawn for it.

    score: posterior with s fantasies of the pending runs (s = 1 without any). incumbents: (s,) standardized.
    cost_level and cost_limit: log-cost, None if the cost is ignored. kind: "ei", "ucb" or, with a staircase, "area".
    """

    score: Posterior
    cost: CostModel
    feasibility: FeasibilityModel
    incumbents: Tensor
    kind: str
    cost_level: float | None
    cost_limit: float | None
    staircase: Staircase | None = None
    outcomes: tuple[tuple[OutcomeModel, float], ...] = ()
    """Models of additional outcomes, each with the standardized level that a point should reach."""

    def __call__(self, x: Tensor) -> Tensor:
        """Values (m,) at rows of `x` (m, d); differentiable in `x`."""
        mean, sd = self.score.mean_and_sd(x)
        priced = self.cost_level is not None or self.cost_limit is not None or self.staircase is not None
        log_cost, log_sd = self.cost.log_cost(x) if priced else (sd, sd)
        if self.kind == "ucb":
            value = mean.mean(1) + UCB_BETA * sd
        elif self.staircase is not None:
            value = self.staircase.log_gain(mean, sd, log_cost)
        else:
            gains = log_expected_improvement(mean, sd[:, None], self.incumbents)
            value = torch.logsumexp(gains, 1) - math.log(gains.shape[1])
        value = value + self.feasibility.log_probability(x)
        for model, reached in self.outcomes:
            value = value + model.log_probability(x, reached)
        if priced:
            log_sd = log_sd.clamp_min(MIN_COST_SD)
            for bound in (self.cost_level, self.cost_limit):
                if bound is not None:
                    value = value + torch.special.log_ndtr((bound - log_cost) / log_sd)
        return value

    def values(self, x: Array) -> Array:
        """Values (m,) at rows of an array, in chunks and without gradients; a non-finite value counts as the worst."""
        with torch.no_grad():
            parts = [self(torch.tensor(x[i : i + CHUNK])) for i in range(0, len(x), CHUNK)]
        out: Array = np.nan_to_num(torch.cat(parts).numpy(), nan=-np.inf, posinf=-np.inf)
        return out


@dataclass(frozen=True, slots=True)
class AncestralAcquisition:
    """The acquisition "protein": the predicted score, weighted by the distance from a random target cost.

    The value is the score, scaled to [0, 1] over the candidates, times 1 - |target - cost|, with the cost scaled to
    [0, 1] over the observed costs. Both factors are non-negative and inadmissible candidates are removed before, so
    that no sign can invert the ranking. target: (1 + expansion_rate) u with u uniform in [0, 1], so that the search can
    go beyond the most expensive run. cheapest and most_expensive: log-costs.
    """

    score: Posterior
    cost: CostModel
    feasibility: FeasibilityModel
    target: float
    cheapest: float
    most_expensive: float

    def values(self, x: Array) -> Array:
        """Values (m,) in [0, 1] at the candidates `x` (m, d); relative to this set of candidates."""
        mean = self.score.predict(torch.tensor(x))[0].mean(1).numpy()
        value: Array = (mean - mean.min()) / max(float(np.ptp(mean)), 1e-12) * self.feasibility.predict(x)
        if self.most_expensive - self.cheapest > 1e-9:
            cost = (self.cost.predict(x)[0] - self.cheapest) / (self.most_expensive - self.cheapest)
            value = value * np.maximum(1 - np.abs(self.target - cost), 0.0)
        return value
