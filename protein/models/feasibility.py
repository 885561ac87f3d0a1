"""The feasibility model: the probability that a run with given parameters succeeds. Used from the first failure on.

It is a Gaussian process without a constant, on targets 0 (success) and -1 (failure). Far from every failure it returns
to 0, that is, to success. P(success) = Phi((0.5 + mean) / 0.25): 0.98 without data and 0.02 at a failure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from protein.arrays import Array
from protein.history import History
from protein.models.device import CPU, Capacity
from protein.models.posterior import Posterior, fit_posterior
from protein.models.surrogate import KernelSpec
from protein.models.transfer import WeightedMeans

SPEC = KernelSpec(constant=False, noise=0.03, noise_log_sd=1.0)


class FeasibilityModel:
    """P(success) given which rows of a history failed. A timeout is not a failure."""

    def __init__(
        self, history: History, capacity: Capacity = CPU, sources: Sequence[tuple[float, FeasibilityModel]] = ()
    ) -> None:
        """`sources`: the weight and the model of other tasks, of which those with failures count."""
        target = np.where(history.failed, -1.0, 0.0)
        parts = tuple((w, s.posterior) for w, s in sources if w > 0 and s.posterior is not None)
        self.posterior: Posterior | None = None
        if history.failed.any() or parts:
            prior = WeightedMeans(parts) if parts else None
            self.posterior = fit_posterior(history.x, target, -target, SPEC, capacity, prior)

    def log_probability(self, x: Tensor) -> Tensor:
        """log P(success) (m,) at rows of `x` (m, d); differentiable in `x`."""
        if self.posterior is None:
            return x.new_zeros(len(x))
        out: Tensor = torch.special.log_ndtr((0.5 + self.posterior.mean(x)[:, 0]) / 0.25)
        return out

    def predict(self, x: Array) -> Array:
        """P(success) (m,) at rows of an array (m, d)."""
        with torch.no_grad():
            out: Array = self.log_probability(torch.tensor(x)).exp().numpy()
        return out
