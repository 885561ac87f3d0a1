"""The cost model: a Gaussian process of log-cost with a linear trend. Censored runs are lower bounds."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from protein.history import History, select_rows
from protein.models.device import CPU, Capacity
from protein.models.posterior import Posterior
from protein.models.scaling import Standardization, standardize
from protein.models.score import FIT_ROWS
from protein.models.surrogate import KernelSpec, Surrogate, fit

Array = npt.NDArray[np.float64]

CONSTANT_SPREAD = 0.02
"""Standard deviation of log-cost below which the cost counts as constant. 2% is typical timing jitter."""


class CostModel:
    """Posterior over log-cost given the priced rows of a history. Costs are in the user's units; the log is natural.

    A zero or negative cost counts as half of the lowest positive cost, because the log needs a positive number. A cost
    that does not vary is `constant`: it is predicted, but the acquisition ignores it.
    """

    def __init__(self, history: History, model: Surrogate | None = None, capacity: Capacity = CPU) -> None:
        priced = history.priced
        bounded = history.censored & np.isfinite(history.cost) & ~history.failed
        known = np.log(_positive(history.cost[priced]))
        bounds = np.log(_positive(history.cost[bounded]))
        self.known = bool(len(known) or len(bounds))
        self.standardization: Standardization = standardize(known if len(known) else bounds, clip=False)
        self.constant_log_cost = float(np.median(known)) if len(known) else float(bounds.max(initial=0.0))
        values = np.concatenate([known, bounds])
        self.constant = len(values) < 2 or float(values.std()) < CONSTANT_SPREAD
        self.surrogate: Surrogate | None = None
        self.posterior: Posterior | None = None
        if self.constant:
            return
        x, z = history.x[priced], self.standardization.forward(known)
        z_bounds = self.standardization.forward(bounds)
        priority = np.where(np.isfinite(history.utility[priced]), history.utility[priced], -np.inf)
        if len(known) < 2:  # too few rows to impute from: use the bounds as observations
            x, z = np.concatenate([x, history.x[bounded]]), np.concatenate([z, z_bounds])
            priority, z_bounds = np.zeros(len(x)), np.zeros(0)
        self.surrogate = model or fit_cost(x, z, priority)
        rows = select_rows(priority, capacity.rows)
        self.posterior = Posterior(
            self.surrogate, torch.tensor(x[rows]), torch.tensor(z[rows])[:, None], device=capacity.device
        )
        if len(z_bounds):
            # A censored run costs at least its lower bound. Impute the prediction of the other runs if that is higher.
            cut = select_rows(z_bounds, capacity.rows // 4)
            at = torch.tensor(history.x[bounded][cut])
            mean, _ = self.posterior.predict(at)
            imputed = torch.maximum(mean, torch.tensor(z_bounds[cut])[:, None])
            self.posterior = self.posterior.condition(at, imputed)

    def log_cost(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, (m,) each, of log-cost at rows of `x` (m, d); differentiable in `x`."""
        if self.posterior is None:
            return x.new_full((len(x),), self.constant_log_cost), x.new_full((len(x),), CONSTANT_SPREAD)
        mean, sd = self.posterior.mean_and_sd(x)
        scale, shift = self.standardization.scale, self.standardization.shift
        return mean[:, 0] * scale + shift, sd * scale

    def predict(self, x: Array) -> tuple[Array, Array]:
        """`log_cost` at rows of an array (m, d), in chunks and without gradients."""
        if self.posterior is None:
            return np.full(len(x), self.constant_log_cost), np.full(len(x), CONSTANT_SPREAD)
        mean, sd = self.posterior.predict(torch.tensor(x))
        scale, shift = self.standardization.scale, self.standardization.shift
        return mean[:, 0].numpy() * scale + shift, sd.numpy() * scale


def fit_cost(x: Array, z: Array, priority: Array) -> Surrogate:
    """Hyperparameters for standardized log-cost `z` (n,) at `x` (n, d), on at most FIT_ROWS of the rows."""
    rows = select_rows(priority, FIT_ROWS)
    return fit(x[rows], z[rows], KernelSpec(linear=True))


def _positive(cost: Array) -> Array:
    positive = cost[cost > 0]
    lowest = float(positive.min()) if len(positive) else 1.0
    out: Array = np.where(cost > 0, cost, max(lowest / 2, 1e-300))
    return out


def cost_of(log_cost: float) -> float:
    """exp without overflow. Predictions far outside the data can be huge but stay finite."""
    return math.exp(min(max(log_cost, -700.0), 700.0))
