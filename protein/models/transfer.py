"""What other tasks say about this one: the weights of sources, and the prior mean that they make.

A source is a task of its own: its scores have their own mean and scale, and it has its own Gaussian process, whose
posterior mean is g_i. The process of this task has the prior mean

    m(x) = r sum_i w_i (g_i(x) - mean of g_i at the observed points)

and learns the difference from it. So before the first result the sources decide, and every result corrects them.

Weights (ranking-weighted ensemble, Feurer et al. 2018, arXiv 1802.02219): w_i is the share of posterior samples in
which source i ranks the results of this task better than all others do. Its opponents are the other sources, the model
of this task alone (each result is predicted from the others), and the predictions of each source in random order. The
last ones dilute: a source that knows nothing about this task is not better than they are, however many sources there
are. What is missing to a sum of 1 is the weight of the model of this task alone.

The slope r is the regression of the results on the sources' mean, with 1 as its prior guess: a factor between the
scales of both tasks, and close to 0 if the sources' ranking is right by chance only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protein.arrays import Array
from protein.history import select_rows
from protein.models.posterior import Posterior, PriorMean, gram
from protein.models.surrogate import KernelSpec, fit

RANKED = 64
"""Maximum number of results that are ranked: half of them are the best ones."""
SAMPLES = 256
"""Posterior samples of each ranking."""
LEAST_RANKED = 2
"""With fewer scores, all sources have the same weight."""
GUESS = 1.0
"""The prior guess of the slope counts like this many results at one standard deviation from their mean."""


@dataclass(frozen=True, slots=True)
class WeightedMeans:
    """A prior mean: posterior means of other processes, each times a factor, and a shift."""

    parts: tuple[tuple[float, Posterior], ...]
    shift: float = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        """Values (m, 1) at rows of `x` (m, d); differentiable in `x`."""
        total = x.new_full((len(x), 1), self.shift)
        for factor, posterior in self.parts:
            total = total + factor * posterior.mean(x)
        return total


def ranking_weights(
    sources: Sequence[Posterior], x: Array, y: Array, spec: KernelSpec, least: int = LEAST_RANKED
) -> Array:
    """Weights (k,) of the sources, given the results `y` (n,) of this task at rows of `x` (n, d).

    spec: of the model of this task alone. least: with fewer results, all sources have the same weight. All draws are
    the same for each source, so that their order does not matter.
    """
    rows = select_rows(y, RANKED)
    x, y = x[rows], y[rows]
    count = len(y)
    if count < least or float(np.ptp(y)) == 0.0:
        return np.full(len(sources), 1.0 / max(len(sources), 1))
    rng = np.random.default_rng(count)
    own, normals = rng.standard_normal((2, count, SAMPLES))
    shuffled = rng.permuted(np.repeat(np.arange(count)[:, None], SAMPLES, axis=1), axis=0)
    left_out = _left_out(x, y, spec, own)
    losses = [_misranked(left_out[:, None, :], y[None, :, None], y)]
    for source in sources:
        ranked = source.joint(torch.tensor(x)).sample(torch.tensor(normals)).numpy()
        random = np.take_along_axis(ranked, shuffled, axis=0)
        losses += [_misranked(values[:, None, :], values[None, :, :], y) for values in (ranked, random)]
    table = np.array(losses)
    best = table == table.min(axis=0)
    share: Array = (best / best.sum(axis=0)).mean(axis=1)
    return share[1::2]


def _misranked(one: Array, other: Array, y: Array) -> Array:
    """Number of pairs (s,) whose order in the samples `one` (n, 1, s) and `other` (1, n, s) is not that of `y` (n,)."""
    less, different = y[:, None] < y[None, :], y[:, None] != y[None, :]
    wrong = ((one < other) != less[:, :, None]) & different[:, :, None]
    out: Array = wrong.sum(axis=(0, 1))
    return out


def _left_out(x: Array, y: Array, spec: KernelSpec, normals: Array) -> Array:
    """Samples (n, s) of each result given all others (Rasmussen and Williams 2006, equations 5.10 to 5.12)."""
    surrogate = fit(x, y, spec)
    covariance = gram(surrogate, torch.tensor(x)).numpy() + surrogate.noise * np.eye(len(y))
    inverse = np.linalg.inv(covariance)
    precision = np.diagonal(inverse)
    variance = np.maximum(1.0 / precision - surrogate.noise, 1e-12)
    out: Array = (y - inverse @ y / precision)[:, None] + np.sqrt(variance)[:, None] * normals
    return out


def prior_mean(
    sources: Sequence[Posterior], weights: Array, scales: Sequence[float], x: Array, y: Array
) -> PriorMean | None:
    """The prior mean of a process, given its targets `y` (n,) with mean 0 at rows of `x` (n, d). None without weight.

    weights: (k,). scales: a difference of 1 in the means of a source, in units of the targets.
    """
    rows = zip(weights.tolist(), scales, sources, strict=True)
    parts = tuple((weight * scale, source) for weight, scale, source in rows if weight > 0)
    if not parts or len(y) == 0:
        return WeightedMeans(parts) if parts else None
    with torch.no_grad():
        values = WeightedMeans(parts)(torch.tensor(x))[:, 0].numpy()
    center = math.fsum(values) / len(values)
    away = (values - center) / math.fsum(weights)
    slope = max(float((y @ away + GUESS) / (away @ away + GUESS)), 0.0)
    return WeightedMeans(tuple((slope * factor, source) for factor, source in parts), -slope * center)
