"""The models of additional outcomes: Gaussian processes like that of the score, and P(outcome >= level)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protein.arrays import Array
from protein.history import History
from protein.models.device import CPU, Capacity
from protein.models.posterior import Posterior, fit_posterior
from protein.models.scaling import Standardization, standardize
from protein.models.surrogate import KernelSpec

MIN_SD = 0.05
"""Floor of the standard deviation, in standardized units. It keeps the gradient of this soft constraint finite."""


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """Posterior over one standardized outcome (times its sign, so larger is better). Without values it is the prior."""

    standardization: Standardization
    posterior: Posterior

    def standardize(self, value: float) -> float:
        """A value of the outcome, times its sign, in the model's units."""
        return float(self.standardization.forward(np.array([value]))[0])

    def moments(self, x: Tensor, *, sketch: bool = False) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (m,) at rows of `x` (m, d), standardized; differentiable in `x`.

        sketch: the faster approximation for local search.
        """
        mean, sd = self.posterior.sketch(x) if sketch else self.posterior.mean_and_sd(x)
        return mean[:, 0], sd

    def log_probability(self, moments: tuple[Tensor, Tensor], level: float) -> Tensor:
        """log P(outcome >= level) (m,), from `moments`; level standardized."""
        mean, sd = moments
        out: Tensor = torch.special.log_ndtr((mean - level) / sd.clamp_min(MIN_SD))
        return out

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (m,) at rows of an array (m, d), in the outcome's units times its sign."""
        mean, sd = self.posterior.predict(torch.tensor(x))
        scaling = self.standardization
        return scaling.backward(mean[:, 0].numpy()), sd.numpy() * scaling.scale


def fit_outcomes(history: History, capacity: Capacity = CPU) -> tuple[OutcomeModel, ...]:
    """One model for each outcome of the history, in order."""
    return tuple(_fit(history, column, capacity) for column in history.outcomes.values.T)


def _fit(history: History, column: Array, capacity: Capacity) -> OutcomeModel:
    known = np.isfinite(column) & ~history.failed
    scaling = standardize(column[known], clip=True)
    z = scaling.forward(column[known])
    return OutcomeModel(scaling, fit_posterior(history.x[known], z, z, KernelSpec(), capacity))
