"""The score model: a Gaussian process of clipped, standardized utility. Pending runs are fantasies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from protein.arrays import Array
from protein.history import History
from protein.models.device import CPU, Capacity
from protein.models.pending import PendingRows
from protein.models.posterior import Posterior, fit_posterior
from protein.models.scaling import Standardization, standardize
from protein.models.surrogate import KernelSpec
from protein.models.transfer import prior_mean, ranking_weights

FANTASIES = 16
"""Joint samples of the scores of pending runs."""


class ScoreModel:
    """Posterior over standardized utility given the scored rows of a history.

    Without scored rows it is the prior: mean 0 and the same uncertainty everywhere.
    """

    def __init__(self, history: History, capacity: Capacity = CPU, sources: Sequence[ScoreModel] = ()) -> None:
        """`sources`: the models of other tasks."""
        scored, others = history.scored, [source.posterior for source in sources]
        self.x, utility = history.x[scored], history.utility[scored]
        self.standardization: Standardization = standardize(utility, clip=True)
        self.z = self.standardization.forward(utility)
        self.weights = ranking_weights(others, self.x, self.z, KernelSpec()) if others else np.zeros(0)
        """Weights (k,) of the sources; what is missing to a sum of 1 is that of the own process."""
        prior = prior_mean(others, self.weights, [1.0] * len(others), self.x, self.z)
        self.posterior: Posterior = fit_posterior(self.x, self.z, self.z, KernelSpec(), capacity, prior)
        self._pending = PendingRows(self.posterior)
        self.forecasts: Mapping[bytes, tuple[float, float]] = {}
        """Standardized mean and standard deviation that learning curves predict for rows, by their bytes."""

    @property
    def noise(self) -> float:
        """Noise variance of one measurement, in standardized units."""
        return self.posterior.model.noise

    def with_pending(self, x: Array, normals: Array, ceiling: float | Array = np.inf) -> tuple[Posterior, Array]:
        """The posterior after fantasized results at pending rows `x` (p, d), and the fantasies (p, s).

        ceiling: an upper bound of the fantasies, one number or (p, 1).
        Each column of standard normals (p, s) gives one joint sample of f at `x`; conditioning on it keeps the
        information that these points will be known. The variance shrinks there and the mean follows each sample
        (Snoek et al. 2012, section 3.2).
        """
        if len(x) == 0:
            return self.posterior, np.zeros((0, 1))
        joint = self._pending.joint(x)
        sample = joint.sample(torch.tensor(normals)).clamp_max(as_tensor(np.asarray(ceiling)))
        for i, row in enumerate(x):
            if row.tobytes() in self.forecasts:
                mean, sd = self.forecasts[row.tobytes()]
                sample[i] = torch.tensor(mean + sd * normals[i])
        return joint.condition(sample), sample.numpy()

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Posterior mean and standard deviation, (m,) each, in standardized units at rows of `x` (m, d)."""
        mean, sd = self.posterior.predict(torch.tensor(x))
        return mean[:, 0].numpy(), sd.numpy()


def normals_for(count: int, rng: np.random.Generator) -> Array:
    """Standard normals (count, FANTASIES), in antithetic pairs: a point's fantasies average to its posterior mean."""
    half = rng.standard_normal((count, FANTASIES // 2))
    return np.concatenate([half, -half], axis=1)


def as_tensor(x: Array) -> Tensor:
    """A copy of `x` in memory aligned by torch. Sums over unaligned memory can differ in the last bit."""
    return torch.tensor(x, dtype=torch.float64)
