"""The cost model: a Gaussian process of log-cost with a linear trend. Censored runs are lower bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from protein.arrays import Array
from protein.history import History, select_rows
from protein.models.device import CPU, Capacity
from protein.models.posterior import CHUNK, Posterior, PriorMean, fit_posterior
from protein.models.scaling import Standardization, standardize
from protein.models.surrogate import KernelSpec
from protein.models.transfer import prior_mean, ranking_weights

CONSTANT_SPREAD = 0.02
"""Standard deviation of log-cost below which the cost counts as constant. 2% is typical timing jitter."""
FEW = 5
"""With fewer costs, those of the sources count fully: hardly any task has costs of its own kind."""
SPEC = KernelSpec(linear=True)


class CostModel:
    """Posterior over log-cost given the priced rows of a history. Costs are in the user's units; the log is natural.

    A zero or negative cost counts as half of the lowest positive cost, because the log needs a positive number. A cost
    that does not vary is `constant`: it is predicted, but the acquisition ignores it.
    """

    def __init__(self, history: History, capacity: Capacity = CPU, sources: Sequence[CostModel] = ()) -> None:
        """`sources`: the models of other tasks. Up to a factor, costs are like theirs."""
        priced = history.priced
        bounded = history.censored & np.isfinite(history.cost) & ~history.failed
        known = np.log(_positive(history.cost[priced]))
        bounds = np.log(_positive(history.cost[bounded]))
        others = [source for source in sources if source.posterior is not None]
        self.known = bool(len(known) or len(bounds) or others)
        values = np.concatenate([known, bounds])
        self.standardization: Standardization = standardize(known if len(known) else bounds, clip=False)
        if others and self.standardization.constant:
            self.standardization = _like(others, values)
        self.constant_log_cost = float(np.median(known)) if len(known) else float(bounds.max(initial=0.0))
        few = len(values) < (FEW if others else 2)
        self.constant = not others if few else float(values.std()) < CONSTANT_SPREAD
        self.posterior: Posterior | None = None
        if self.constant:
            return
        x, z = history.x[priced], self.standardization.forward(known)
        z_bounds = self.standardization.forward(bounds)
        priority = np.where(np.isfinite(history.utility[priced]), history.utility[priced], -np.inf)
        if len(known) < 2:  # too few rows to impute from: use the bounds as observations
            x, z = np.concatenate([x, history.x[bounded]]), np.concatenate([z, z_bounds])
            priority, z_bounds = np.zeros(len(x)), np.zeros(0)
        self.posterior = fit_posterior(x, z, priority, SPEC, capacity, self._prior(others, x, z))
        if len(z_bounds):
            # A censored run costs at least its lower bound. Impute the prediction of the other runs if that is higher.
            cut = select_rows(z_bounds, capacity.rows // 4)
            at = torch.tensor(history.x[bounded][cut])
            mean, _ = self.posterior.predict(at)
            imputed = torch.maximum(mean, torch.tensor(z_bounds[cut])[:, None])
            self.posterior = self.posterior.joint(at).condition(imputed)

    def _prior(self, sources: Sequence[CostModel], x: Array, z: Array) -> PriorMean | None:
        posteriors = [source.posterior for source in sources if source.posterior is not None]
        if not posteriors:
            return None
        scales = [source.standardization.scale / self.standardization.scale for source in sources]
        return prior_mean(posteriors, ranking_weights(posteriors, x, z, SPEC, FEW), scales, x, z)

    def log_cost(self, x: Tensor, *, sketch: bool = False) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, (m,) each, of log-cost at rows of `x` (m, d); differentiable in `x`.

        sketch: the faster approximation for local search.
        """
        if self.posterior is None:
            return x.new_full((len(x),), self.constant_log_cost), x.new_full((len(x),), CONSTANT_SPREAD)
        mean, sd = self.posterior.sketch(x) if sketch else self.posterior.mean_and_sd(x)
        scale, shift = self.standardization.scale, self.standardization.shift
        return mean[:, 0] * scale + shift, sd * scale

    def mean(self, x: Array) -> Array:
        """The mean of `log_cost` (m,) at rows of an array (m, d); faster."""
        if self.posterior is None:
            return np.full(len(x), self.constant_log_cost)
        with torch.no_grad():
            parts = [self.posterior.mean(part)[:, 0] for part in torch.split(torch.tensor(x), CHUNK)]
        out: Array = torch.cat(parts).numpy() * self.standardization.scale + self.standardization.shift
        return out

    def predict(self, x: Array, *, sketch: bool = False) -> tuple[Array, Array]:
        """`log_cost` at rows of an array (m, d), in chunks and without gradients."""
        with torch.no_grad():
            parts = [self.log_cost(part, sketch=sketch) for part in torch.split(torch.tensor(x), CHUNK)]
        mean, sd = (torch.cat(values).numpy() for values in zip(*parts, strict=True))
        return mean, sd

    @property
    def noise_sd(self) -> float:
        """Standard deviation of the noise of one measurement of log-cost; 0 for a constant cost."""
        return 0.0 if self.posterior is None else math.sqrt(self.posterior.model.noise) * self.standardization.scale


def _positive(cost: Array) -> Array:
    positive = cost[cost > 0]
    lowest = float(positive.min()) if len(positive) else 1.0
    out: Array = np.where(cost > 0, cost, max(lowest / 2, 1e-300))
    return out


def cost_of(log_cost: Array | float) -> Array:
    """exp without overflow. Predictions far outside the data can be huge but stay finite."""
    out: Array = np.exp(np.clip(log_cost, -700.0, 700.0))
    return out


def _like(sources: Sequence[CostModel], log_costs: Array) -> Standardization:
    """The standardization of costs that do not tell their own scale: that of the average source."""
    scalings = [source.standardization for source in sources]
    scale = math.fsum(scaling.scale for scaling in scalings) / len(scalings)
    shift = math.fsum(scaling.shift for scaling in scalings) / len(scalings)
    return Standardization(float(log_costs.mean()) if len(log_costs) else shift, scale, constant=False)
