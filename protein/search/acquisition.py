"""Acquisition functions, in log space and additive: no sign and no mask can turn the worst candidate into the best.

    a(x) = gain(x) + log P(success | x) + log Phi((L - mu_c) / sigma_c) + log Phi((M - mu_c) / sigma_c)

with the gain log expected improvement, an upper confidence bound of the standardized score or the log of the area that
the front is expected to gain (protein.search.staircase), mu_c and sigma_c of log-cost at x, L the level of log-cost
drawn for this suggestion and M the log of max_suggestion_cost; for each further outcome (protein.outcomes) with a
level another log P(outcome >= level). Dividing the improvement by the cost instead makes the search creep in the
cheap corner (arXiv 2406.20062).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from protein.models.cost import CostModel
from protein.models.feasibility import FeasibilityModel
from protein.models.outcomes import OutcomeModel
from protein.models.posterior import CHUNK, Posterior
from protein.search.log_improvement import log_expected_improvement
from protein.search.staircase import Staircase

Array = npt.NDArray[np.float64]

UCB_BETA = 1.5
LEAST_COST_SD = 0.05
"""Floor of sigma_c in log-cost: a level is a wish, not a wall."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """The acquisition of one suggestion: models, the kind of gain, the level and the incumbents drawn for it.

    score: posterior with s fantasies of the pending runs (s = 1 without any). incumbents: (s,) standardized.
    level and limit: log-cost, None where cost plays no part. kind: "ei", "ucb" or, with a staircase, "area".
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
    """Models of further outcomes, each with the standardized level to be reached."""

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
            log_sd = log_sd.clamp_min(LEAST_COST_SD)
            for bound in (self.cost_level, self.cost_limit):
                if bound is not None:
                    value = value + torch.special.log_ndtr((bound - log_cost) / log_sd)
        return value

    def values(self, x: Array) -> Array:
        """Values (m,) at rows of an array, in chunks and without gradients; what is not finite counts as worst."""
        with torch.no_grad():
            parts = [self(torch.tensor(x[i : i + CHUNK])) for i in range(0, len(x), CHUNK)]
        out: Array = np.nan_to_num(torch.cat(parts).numpy(), nan=-np.inf, posinf=-np.inf)
        return out


@dataclass(frozen=True, slots=True)
class AncestralAcquisition:
    """The ancestors' rule with its defects mended: the predicted score, weighted by closeness to a drawn cost.

    score in [0, 1] over the candidates times 1 - |target - cost|, cost in [0, 1] over the costs observed. Both factors
    are kept non-negative and inadmissible candidates are removed before, so that no sign can invert the choice.
    target: (1 + expansion_rate) u with u uniform in [0, 1], which lets the search expand beyond the dearest run.
    """

    score: Posterior
    cost: CostModel
    feasibility: FeasibilityModel
    target: float
    cheapest: float
    dearest: float

    def values(self, x: Array) -> Array:
        """Values (m,) in [0, 1] at the candidates `x` (m, d); relative to this set of candidates."""
        mean = self.score.predict(torch.tensor(x))[0].mean(1).numpy()
        value: Array = (mean - mean.min()) / max(float(np.ptp(mean)), 1e-12) * self.feasibility.predict(x)
        if self.dearest - self.cheapest > 1e-9:
            cost = (self.cost.predict(x)[0] - self.cheapest) / (self.dearest - self.cheapest)
            value = value * np.maximum(1 - np.abs(self.target - cost), 0.0)
        return value
