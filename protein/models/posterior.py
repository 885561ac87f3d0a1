"""Gaussian processes given data: means, variances, joint samples, and conditioning on additional rows.

Only the mean and the variance at each point are computed, never a joint posterior over candidates: memory is
O(points x rows), in chunks. Targets may have several columns (fantasies of the same rows): they share the
variance, which does not depend on the targets.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from protein.arrays import Array
from protein.history import select_rows
from protein.models.device import Capacity
from protein.models.sketch import MIN_VARIANCE, Sketch, SketchedMoments
from protein.models.surrogate import KernelSpec, Surrogate, cholesky, fit

CHUNK = 256
"""Rows of a kernel matrix computed at once. A kernel allocates about ten temporaries of this size (3 MB each)."""

FIT_ROWS = 256
"""Maximum number of rows in a fit of hyperparameters, whose time is cubic in them."""
NEAR_ROWS = 64
"""Maximum number of added rows in the standard deviation of a sketch for use around some rows."""

PriorMean = Callable[[Tensor], Tensor]
"""The mean (m, 1) of a process before its data, at rows (m, d); differentiable."""


def fit_posterior(
    x: Array, y: Array, priority: Array, spec: KernelSpec, capacity: Capacity, prior: PriorMean | None = None
) -> Posterior:
    """Posterior of targets `y` (n,) at rows of `x` (n, d). Rows with a high `priority` (n,) come first.

    Hyperparameters are fitted on at most FIT_ROWS rows. The posterior is conditioned on at most `capacity.rows`, and
    its sketch on the rows of the fit.
    """
    fitted, rows = select_rows(priority, FIT_ROWS), select_rows(priority, capacity.rows)
    residuals = y[fitted]
    if prior is not None:
        with torch.no_grad():
            residuals = residuals - prior(torch.tensor(x[fitted]))[:, 0].numpy()
    surrogate = fit(x[fitted], residuals, spec)
    at, targets = torch.tensor(x[rows]), torch.tensor(y[rows])[:, None]
    posterior = Posterior(surrogate, at, targets, device=capacity.device, prior=prior)
    if len(rows) > FIT_ROWS:
        posterior.sketched = torch.tensor(select_rows(priority[rows], FIT_ROWS))
    return posterior


@dataclass(frozen=True, slots=True)
class Joint:
    """The joint distribution of f at a few rows `x` (p, d) under a posterior, on its device.

    prior, covariance: (p, p), before and after the data. half: (n, p), L^-1 k(x).
    """

    posterior: Posterior
    x: Tensor
    half: Tensor
    prior: Tensor
    covariance: Tensor

    def sample(self, normals: Tensor) -> Tensor:
        """Samples (p, s) from standard normals (p, s), around the mean of the first target column; on the CPU."""
        with torch.no_grad():
            covariance = self.covariance.clone()
            covariance.diagonal().add_(1e-8)
            mean = self.posterior.mean_given(self.x, self.half)[:, :1]
            return (mean + cholesky(covariance) @ normals.to(self.x.device)).cpu()

    def condition(self, y: Tensor) -> Posterior:
        """The posterior after targets `y` (p, s) at these rows, hyperparameters unchanged.

        Exact: the Cholesky factor grows by a block, O(n p^2). A posterior of one target column is broadcast to s.
        """
        return Posterior(self.posterior.model, self.x, y, self, device=self.posterior.device)


def _noisy(model: Surrogate, covariance: Tensor) -> Tensor:
    """The covariance of measurements, from that of f."""
    covariance = covariance.clone()
    covariance.diagonal().add_(model.noise)
    return covariance


def _inverse(factor: Tensor) -> Tensor:
    return _solve(factor, torch.eye(len(factor), dtype=factor.dtype, device=factor.device)).contiguous()


def _solve(factor: Tensor, y: Tensor) -> Tensor:
    """L^-1 y (n, s) of a lower Cholesky factor."""
    out: Tensor = torch.linalg.solve_triangular(factor, y, upper=False)
    return out


class Posterior:
    """A surrogate conditioned on rows `x` (n, d) with targets `y` (n, s), and before on those of `base`.

    Everything is computed from L^-1 k(x), L being the Cholesky factor of the covariance of all rows. Conditioning adds
    a block of rows to L; the factor of the base is not copied. With a prior mean, the process is that of the
    differences from it.
    """

    sketched: Tensor | None = None
    """Positions of those of the own rows that belong to `coarse`; None: all."""

    def __init__(
        self,
        model: Surrogate,
        x: Tensor,
        y: Tensor,
        added: Joint | None = None,
        *,
        device: str = "cpu",
        prior: PriorMean | None = None,
    ) -> None:
        """`device`: the device for computations. Arguments and results stay on the CPU.

        added: the rows `x` under the base, whose prior mean stays.
        """
        self.device, self.added = device, added
        self.prior: PriorMean | None = prior if added is None else added.posterior.prior
        self.model = model if device == "cpu" or added is not None else copy.deepcopy(model).to(device)
        self.x, y = x.to(device), y.to(device)
        with torch.no_grad():
            covariance = gram(self.model, self.x) if added is None else added.covariance
            self.factor = cholesky(_noisy(self.model, covariance))
            if self.prior is not None:
                y = y - self.prior(self.x)
            if added is not None:
                y = y - added.half.transpose(0, 1) @ added.posterior.targets
            own = _solve(self.factor, y)
            above = own[:0] if added is None else added.posterior.targets.expand(-1, own.shape[1])
            self.targets: Tensor = torch.cat([above, own])
            """L^-1 y (n, s) of all rows."""

    def near(self, x: Tensor) -> Posterior:
        """The same posterior, whose sketch is meant for use around rows of `x` (m, d).

        Of more than NEAR_ROWS added rows, only the nearest ones determine its standard deviation.
        """
        if self.added is None or len(self.x) <= NEAR_ROWS:
            return self
        with torch.no_grad():
            closest = self.model.covariance(x.to(self.device), self.x).amax(0)
            _ = self._weights  # the twin shares them
        twin = copy.copy(self)
        twin.sketched = torch.sort(torch.sort(closest, descending=True, stable=True)[1][:NEAR_ROWS])[0]
        for name in ("coarse", "_sketch"):
            vars(twin).pop(name, None)
        return twin

    @functools.cached_property
    def coarse(self) -> tuple[Tensor, Tensor]:
        """The rows that determine the standard deviation in `sketch`: all, unless there are many.

        Their positions (c,), and the inverse (c, c) of their Cholesky factor.
        """
        with torch.no_grad():
            if self.added is not None:
                return _grown(self.added, self.sketched)
            if self.sketched is None:
                return torch.arange(len(self.x), device=self.x.device), _inverse(self.factor)
            index = self.sketched.to(self.x.device)
            return index, _inverse(cholesky(_noisy(self.model, gram(self.model, self.x[index]))))

    def whiten(self, x: Tensor) -> Tensor:
        """L^-1 k(x) (n, m) of all rows, for rows of `x` (m, d) on the device; differentiable in `x`."""
        cross = self.model.covariance(x, self.x).transpose(0, 1)
        if self.added is None:
            return _solve(self.factor, cross)
        above = self.added.posterior.whiten(x)
        cross = cross - self.added.half.transpose(0, 1) @ above
        return torch.cat([above, _solve(self.factor, cross)])

    def mean(self, x: Tensor) -> Tensor:
        """Posterior means (m, s) at rows of `x` (m, d); differentiable in `x`. Faster than `mean_and_sd`."""
        at = x.to(self.device)
        mean: Tensor = SketchedMoments.apply(at, self._sketch)[0]
        return self._with_prior(at, mean).to(x.device)

    def _with_prior(self, x: Tensor, mean: Tensor) -> Tensor:
        return mean if self.prior is None else mean + self.prior(x)

    @functools.cached_property
    def _sketch(self) -> Sketch:
        with torch.no_grad():
            return Sketch(self.model, self._all_rows(), self._weights, *self.coarse)

    @functools.cached_property
    def _weights(self) -> Tensor:
        return self._unwhiten(self.targets)

    def _all_rows(self) -> Tensor:
        return self.x if self.added is None else torch.cat([self.added.posterior._all_rows(), self.x])

    def _unwhiten(self, half: Tensor) -> Tensor:
        """L^-T h (n, s)."""
        own: Tensor = torch.linalg.solve_triangular(self.factor.transpose(0, 1), half[-len(self.x) :], upper=True)
        if self.added is None:
            return own
        return torch.cat([self.added.posterior._unwhiten(half[: -len(own)] - self.added.half @ own), own])

    def mean_and_sd(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior means (m, s) and the standard deviation (m,) of f at rows of `x` (m, d); differentiable in `x`."""
        at = x.to(self.device)
        mean, variance = self.from_whitened(at, self.whiten(at))
        return mean.to(x.device), root(variance).to(x.device)

    def from_whitened(self, x: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior means (m, s) and variance (m,) at rows of `x` whose L^-1 k(x) is known, on the device."""
        return self.mean_given(x, half), self.model.variance(x) - half.square().sum(0)

    def mean_given(self, x: Tensor, half: Tensor) -> Tensor:
        """Posterior means (m, s) at rows of `x` whose L^-1 k(x) is known, on the device."""
        return self._with_prior(x, half.transpose(0, 1) @ self.targets)

    def from_base(self, mean: Tensor, variance: Tensor, cross: Tensor) -> tuple[Tensor, Tensor]:
        """`mean_and_sd` at m rows, from the means (m, 1) and variance (m,) of the base, on the device.

        cross: (p, m), the base's covariance of f between the own rows and those m.
        """
        own = _solve(self.factor, cross)
        return mean + own.transpose(0, 1) @ self.targets[-len(own) :], root(variance - own.square().sum(0))

    def sketch(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`mean_and_sd` for local search: the mean is exact, the standard deviation is given the rows of `coarse`.

        The standard deviation is never too small, and exact if there are no more rows. It takes a tenth of the time
        with a thousand rows.
        """
        at = x.to(self.device)
        mean, sd = SketchedMoments.apply(at, self._sketch)
        return self._with_prior(at, mean).to(x.device), sd.to(x.device)

    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`mean_and_sd` without gradients, in chunks of rows."""
        with torch.no_grad():
            parts = [self.mean_and_sd(x[i : i + CHUNK]) for i in range(0, max(len(x), 1), CHUNK)]
        return torch.cat([mean for mean, _ in parts]), torch.cat([sd for _, sd in parts])

    def joint(self, x: Tensor) -> Joint:
        """The joint distribution of f at the few rows of `x` (p, d)."""
        with torch.no_grad():
            at = x.to(self.device)
            half = self.whiten(at)
            prior = gram(self.model, at)
            return Joint(self, at, half, prior, prior - half.transpose(0, 1) @ half)


def _grown(added: Joint, which: Tensor | None) -> tuple[Tensor, Tensor]:
    """`Posterior.coarse` after the rows of `added`, or `which` of them: the inverse factor grows by a block of rows."""
    model, (index, inverse) = added.posterior.model, added.posterior.coarse
    which = torch.arange(len(added.x), device=index.device) if which is None else which
    x, prior = added.x[which], added.prior[which][:, which]
    off = inverse @ model.covariance(added.posterior._all_rows()[index], x)
    own = _inverse(cholesky(_noisy(model, prior - off.transpose(0, 1) @ off)))
    n, p = len(inverse), len(own)
    grown = inverse.new_zeros(n + p, n + p)
    grown[:n, :n], grown[n:, n:] = inverse, own
    grown[n:, :n] = -own @ (off.transpose(0, 1) @ inverse)
    return torch.cat([index, which + len(added.posterior.targets)]), grown


def root(variance: Tensor) -> Tensor:
    """The standard deviation."""
    return variance.clamp_min(MIN_VARIANCE).sqrt()


def gram(model: Surrogate, x: Tensor) -> Tensor:
    """Prior covariance (n, n) of the rows of `x` (n, d), without gradients, computed in blocks of rows."""
    out = torch.empty(len(x), len(x), dtype=x.dtype, device=x.device)
    with torch.no_grad():
        for i in range(0, len(x), CHUNK):
            out[i : i + CHUNK] = model.covariance(x[i : i + CHUNK], x)
    return out
