"""Gaussian processes given data: means, variances, joint samples, and conditioning on additional rows.

Only the mean and the variance at each point are computed, never a joint posterior over candidates: memory is
O(points x rows), in chunks. Targets may have several columns (fantasies of the same rows): they share the
variance, which does not depend on the targets.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from protein.arrays import Array
from protein.history import select_rows
from protein.models.device import Capacity
from protein.models.surrogate import KernelSpec, Surrogate, cholesky, fit

CHUNK = 256
"""Rows of a kernel matrix computed at once. A kernel allocates about ten temporaries of this size (3 MB each)."""


FIT_ROWS = 256
"""Maximum number of rows in a fit of hyperparameters, whose time is cubic in them."""


def fit_posterior(x: Array, y: Array, priority: Array, spec: KernelSpec, capacity: Capacity) -> Posterior:
    """Posterior of targets `y` (n,) at rows of `x` (n, d). Rows with a high `priority` (n,) come first.

    Hyperparameters are fitted on at most FIT_ROWS rows. The posterior is conditioned on at most `capacity.rows`.
    """
    fitted, rows = select_rows(priority, FIT_ROWS), select_rows(priority, capacity.rows)
    surrogate = fit(x[fitted], y[fitted], spec)
    return Posterior(surrogate, torch.tensor(x[rows]), torch.tensor(y[rows])[:, None], device=capacity.device)


class Posterior:
    """A surrogate conditioned on rows `x` (n, d) with targets `y` (n, s)."""

    def __init__(
        self, model: Surrogate, x: Tensor, y: Tensor, factor: Tensor | None = None, *, device: str = "cpu"
    ) -> None:
        """`device`: the device for computations. Arguments and results stay on the CPU."""
        self.device = device
        self.model = model if device == "cpu" else copy.deepcopy(model).to(device)
        self.x, self.y = x.to(device), y.to(device)
        if factor is None:
            covariance = gram(self.model, self.x)
            covariance.diagonal().add_(model.noise)
            factor = cholesky(covariance)
        self.factor = factor
        self.weights = torch.cholesky_solve(self.y, factor)

    def mean(self, x: Tensor) -> Tensor:
        """Posterior means (m, s) at rows of `x` (m, d); differentiable in `x`."""
        return (self.model.covariance(x.to(self.device), self.x) @ self.weights).to(x.device)

    def mean_and_sd(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior means (m, s) and the standard deviation (m,) of f at rows of `x` (m, d); differentiable in `x`."""
        at = x.to(self.device)
        cross = self.model.covariance(at, self.x)
        half = torch.linalg.solve_triangular(self.factor, cross.transpose(0, 1), upper=False)
        variance = self.model.variance(at) - half.square().sum(0)
        return (cross @ self.weights).to(x.device), variance.clamp_min(1e-12).sqrt().to(x.device)

    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`mean_and_sd` without gradients, in chunks of rows."""
        with torch.no_grad():
            parts = [self.mean_and_sd(x[i : i + CHUNK]) for i in range(0, max(len(x), 1), CHUNK)]
        return torch.cat([mean for mean, _ in parts]), torch.cat([sd for _, sd in parts])

    def sample(self, x: Tensor, normals: Tensor) -> Tensor:
        """Joint samples (p, s) of f at the few rows of `x` (p, d) from standard normals (p, s).

        The mean is that of the first target column.
        """
        with torch.no_grad():
            at = x.to(self.device)
            cross = self.model.covariance(at, self.x)
            half = torch.linalg.solve_triangular(self.factor, cross.transpose(0, 1), upper=False)
            covariance = self.model.covariance(at, at) - half.transpose(0, 1) @ half
            covariance.diagonal().add_(1e-8)
            sampled = cross @ self.weights[:, :1] + cholesky(covariance) @ normals.to(self.device)
            return sampled.to(x.device)

    def condition(self, x: Tensor, y: Tensor) -> Posterior:
        """The posterior after additional rows `x` (p, d) with targets `y` (p, s), hyperparameters unchanged.

        Exact: the Cholesky factor grows by a block, O(n^2 p). A posterior of one target column is broadcast to s.
        """
        with torch.no_grad():
            x, y = x.to(self.device), y.to(self.device)
            cross = self.model.covariance(self.x, x)
            off = torch.linalg.solve_triangular(self.factor, cross, upper=False)
            corner = self.model.covariance(x, x)
            corner.diagonal().add_(self.model.noise)
            corner = cholesky(corner - off.transpose(0, 1) @ off)
            n, p = len(self.x), len(x)
            factor = torch.zeros(n + p, n + p, dtype=self.factor.dtype, device=self.device)
            factor[:n, :n], factor[n:, :n], factor[n:, n:] = self.factor, off.transpose(0, 1), corner
            columns = max(self.y.shape[1], y.shape[1])
            targets = torch.cat([self.y.expand(n, columns), y.expand(p, columns)])
            return Posterior(self.model, torch.cat([self.x, x]), targets, factor, device=self.device)


def gram(model: Surrogate, x: Tensor) -> Tensor:
    """Prior covariance (n, n) of the rows of `x` (n, d), without gradients, computed in blocks of rows."""
    out = torch.empty(len(x), len(x), dtype=x.dtype)
    with torch.no_grad():
        for i in range(0, len(x), CHUNK):
            out[i : i + CHUNK] = model.covariance(x[i : i + CHUNK], x)
    return out
