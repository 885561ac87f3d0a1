"""Acquisition functions, as sums in log space, so that no sign and no mask can make the worst candidate the best.

    a(x) = gain(x) - t mu_c + log P(success | x) + log Phi((M - mu_c) / sigma_c)

The gain is the log expected improvement or an upper confidence bound of the standardized score. mu_c and sigma_c are
the mean and standard deviation of log-cost at x, and M is the log of max_suggestion_cost. t is the share of the budget
that is left (protein.search.allowance): dividing the improvement by the cost itself, t = 1, would keep the search in
the cheap region (arXiv 2406.20062). Each additional outcome (protein.outcomes) with a level adds log P(outcome >=
level).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from protein.arrays import Array
from protein.models.cost import CostModel
from protein.models.feasibility import FeasibilityModel
from protein.models.outcomes import OutcomeModel
from protein.models.posterior import CHUNK, Posterior
from protein.search.log_improvement import log_expected_improvement

UCB_BETA = 1.5
MIN_COST_SD = 0.05
"""Floor of sigma_c in log-cost. The limit of the cost is a soft constraint; this floor keeps its gradient finite."""


Moments = tuple[Tensor, Tensor]
"""Mean and standard deviation of a model."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The models at m rows. Pending runs change only that of the score, so that candidates keep the others.

    score: (m, s) and (m,); log_cost: (m,) each; log_success: (m,); outcomes: (m,) each, standardized.
    """

    score: Moments
    log_cost: Moments
    log_success: Tensor
    outcomes: Mapping[OutcomeModel, Moments]

    def part(self, rows: slice) -> Predictions:
        """Some of the rows."""

        def cut(moments: Moments) -> Moments:
            return moments[0][rows], moments[1][rows]

        outcomes = {model: cut(moments) for model, moments in self.outcomes.items()}
        return Predictions(cut(self.score), cut(self.log_cost), self.log_success[rows], outcomes)


@dataclass(frozen=True, slots=True)
class Acquisition:
    """The acquisition of one suggestion: the models, and the kind of gain and incumbents drawn for it.

    score: posterior with s fantasies of the pending runs (s = 1 without any). incumbents: (s,) standardized. kind: "ei"
    or "ucb". cost_limit: log-cost, None if the cost is ignored.
    """

    score: Posterior
    cost: CostModel
    feasibility: FeasibilityModel
    incumbents: Tensor
    kind: str
    cost_limit: float | None
    outcomes: tuple[tuple[OutcomeModel, float], ...] = ()
    """Models of additional outcomes, each with the standardized level that a point should reach."""
    thrift: float = 0.0
    """The power of the cost that divides the gain."""

    def near(self, x: Array) -> Acquisition:
        """The same acquisition, whose sketch is meant for use around rows of an array `x` (m, d)."""
        return replace(self, score=self.score.near(torch.tensor(x)))

    def __call__(self, x: Tensor, *, sketch: bool = False) -> Tensor:
        """Values (m,) at rows of `x` (m, d); differentiable in `x`. sketch: the faster models for local search."""
        score = self.score.sketch(x) if sketch else self.score.mean_and_sd(x)
        log_cost = self.cost.log_cost(x, sketch=sketch) if self._priced else score
        outcomes = {model: model.moments(x, sketch=sketch) for model, _ in self.outcomes}
        return self.combine(Predictions(score, log_cost, self.feasibility.log_probability(x), outcomes))

    def combine(self, at: Predictions) -> Tensor:
        """Values (m,), from the predictions."""
        (mean, sd), (log_cost, log_sd) = at.score, at.log_cost
        if self.kind == "ucb":
            value = mean.mean(1) + UCB_BETA * sd
        else:
            gains = log_expected_improvement(mean, sd[:, None], self.incumbents)
            value = torch.logsumexp(gains, 1) - math.log(gains.shape[1])
        value = value + at.log_success
        for model, level in self.outcomes:
            value = value + model.log_probability(at.outcomes[model], level)
        if self.thrift > 0:
            value = value - self.thrift * log_cost
        if self.cost_limit is not None:
            value = value + torch.special.log_ndtr((self.cost_limit - log_cost) / log_sd.clamp_min(MIN_COST_SD))
        return value

    @property
    def _priced(self) -> bool:
        return self.cost_limit is not None or self.thrift > 0

    def values(self, x: Array, *, sketch: bool = False) -> Array:
        """Values (m,) at rows of an array, in chunks and without gradients; a non-finite value counts as the worst."""
        with torch.no_grad():
            return _finite([self(part, sketch=sketch) for part in torch.split(torch.tensor(x), CHUNK)])

    def values_given(self, at: Predictions) -> Array:
        """`values` at rows whose predictions are known."""
        with torch.no_grad():
            return _finite([self.combine(at.part(slice(i, i + CHUNK))) for i in range(0, len(at.log_success), CHUNK)])


def _finite(parts: Sequence[Tensor]) -> Array:
    out: Array = np.nan_to_num(torch.cat(list(parts)).numpy(), nan=-np.inf, posinf=-np.inf)
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
    target: float
    cheapest: float
    most_expensive: float
    kind: str = "protein"

    def values_given(self, at: Predictions) -> Array:
        """Values (m,) in [0, 1] at candidates whose predictions are known; relative to this set of candidates."""
        mean = at.score[0].mean(1).numpy()
        value: Array = (mean - mean.min()) / max(float(np.ptp(mean)), 1e-12) * at.log_success.exp().numpy()
        if self.most_expensive - self.cheapest > 1e-9:
            cost = (at.log_cost[0].numpy() - self.cheapest) / (self.most_expensive - self.cheapest)
            value = value * np.maximum(1 - np.abs(self.target - cost), 0.0)
        return value
