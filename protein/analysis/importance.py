"""Parameter importance: shares of the variance of the predicted score over the search space.

First-order Sobol indices of the posterior mean, by the estimator of Saltelli et al. 2010 (Computer Physics
Communications 181, table 2 b) on scrambled Sobol points, normalized to sum to 1. A parameter that matters only in
combination with others gets a small share. The one-hot columns of one parameter are exchanged together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from protein.arrays import Array, sobol
from protein.space import SearchSpace


class Model(Protocol):
    """A fitted model, such as Protein."""

    space: SearchSpace

    def posterior_mean(self, x: Array) -> Array:
        """Posterior mean (m,) of the score at rows (m, dim) of the unit box, in any unit."""
        ...


def parameter_importance(protein: Model, *, samples: int = 512) -> dict[str, float]:
    """Importance of each parameter by its path, largest first; non-negative, summing to 1.

    Deterministic given the observations. Without a scored observation, or if the predicted score is constant, every
    parameter gets the same share.

    Args:
        protein: an optimizer with observations.
        samples: base points, rounded up to a power of two. The posterior mean is computed at samples x (d + 2) points.

    Raises:
        ValueError: the settings require a GPU and there is none.

    Example:
        >>> parameter_importance(protein)  # doctest: +SKIP
        {'trainer.lr': 0.7, 'trainer.batch_size': 0.3}
    """
    return first_order_shares(protein.space, protein.posterior_mean, samples)


def first_order_shares(space: SearchSpace, mean: Callable[[Array], Array], samples: int) -> dict[str, float]:
    """Shares for the function `mean`, which maps rows of the unit box (m, dim) to values (m,)."""
    names = list(space.names)
    drawn = sobol(2 * space.dim, 2 ** math.ceil(math.log2(max(samples, 2))), np.random.default_rng(0))
    a, b = space.snap(drawn[:, : space.dim]), space.snap(drawn[:, space.dim :])
    f_a, f_b = mean(a), mean(b)
    variance = float(np.var(np.concatenate([f_a, f_b])))
    first = np.zeros(len(names))
    if variance > 1e-24:
        for k in range(len(names)):
            mixed = np.where(space.owner == k, b, a)
            first[k] = max(float(np.mean(f_b * (mean(mixed) - f_a))) / variance, 0.0)
    total = first.sum()
    shares = first / total if total > 0 else np.full(len(names), 1 / max(len(names), 1))
    order = np.argsort(-shares, kind="stable")
    return {names[k]: float(shares[k]) for k in order}
