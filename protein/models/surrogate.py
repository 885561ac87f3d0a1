"""Exact Gaussian process regression: the kernel, its priors and the fit of its hyperparameters.

Model, on inputs in the unit box and standardized targets::

    y = f(x) + e,   f ~ GP(0, s^2 Matern52(ARD) [+ 1] [+ 9 (x - 1/2).(x' - 1/2)]),   e ~ N(0, noise)

The constant of variance 1 models an unknown mean and the linear part a trend that extrapolates (for log-cost,
arXiv 2011.11456). Both are marginalized instead of fitted. Priors, with d model columns:

    ls       LogNormal(sqrt(2) + ln(d)/2, sqrt(3)) as a density in ls (arXiv 2402.02229): its mode is
             exp(sqrt(2) + ln(d)/2 - 3), 0.5 at d = 6. As a density in ln ls its mode would be 10, and the
             optimizer would propose the same point repeatedly.
    ln s^2   N(0, 1)
    ln noise N(ln 1e-3, 2) unless the KernelSpec overrides it, within [1e-6, 1]

The kernels, constraints and priors are gpytorch's modules with raw parameter = log(value). The maximum a posteriori is
found by scipy's L-BFGS-B on the closed form of protein.models.likelihood. All arithmetic is float64. Importing this
module imports torch and gpytorch.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from protein.arrays import Array
from protein.models.likelihood import JITTERS, LENGTHSCALE_LOG_SD, LogPosterior, lengthscale_loc

with warnings.catch_warnings():
    # linear_operator, which gpytorch brings, uses torch.jit.script: nothing that a user of ours can change.
    warnings.filterwarnings("ignore", message=".*torch.jit.script")
    import gpytorch


LOG_BOUNDS_LENGTHSCALE = (math.log(0.01), math.log(100.0))
LOG_BOUNDS_SIGNAL = (math.log(1e-3), math.log(1e3))
LOG_BOUNDS_NOISE = (math.log(1e-6), 0.0)
SLOPE_VARIANCE = 9.0


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """The differences between the models: fixed parts of the kernel and the prior of the noise."""

    constant: bool = True
    linear: bool = False
    noise: float = 1e-3  # median of the noise variance under its prior
    noise_log_sd: float = 2.0


def _log_positive() -> gpytorch.constraints.Positive:
    return gpytorch.constraints.Positive(transform=torch.exp, inv_transform=torch.log)


class ScaledMatern(gpytorch.kernels.MaternKernel):  # type: ignore[misc]  # gpytorch has no types
    """s^2 Matern52(ARD). Replaces gpytorch's ScaleKernel, whose constructor imports sympy (0.5 s, 40 MB)."""

    def __init__(self, dim: int) -> None:
        super().__init__(nu=2.5, ard_num_dims=dim, lengthscale_constraint=_log_positive())
        self.register_parameter("raw_outputscale", torch.nn.Parameter(torch.zeros(())))
        self.register_constraint("raw_outputscale", _log_positive())

    @property
    def outputscale(self) -> Tensor:
        """Signal variance s^2, a scalar."""
        value: Tensor = self.raw_outputscale_constraint.transform(self.raw_outputscale)
        return value

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: object) -> Tensor:
        """Covariance (m, n) of rows of `x1` (m, d) and `x2` (n, d), or its diagonal."""
        value: Tensor = super().forward(x1, x2, diag=diag, **params) * self.outputscale
        return value


def matern(a: Tensor, b: Tensor, signal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """s^2 Matern52 (m, n) between rows (m, d) and (n, d) in units of the lengthscales, the distance u, s^2 exp(-u)."""
    squares = torch.addmm(b.square().sum(1), a, b.transpose(0, 1), alpha=-2.0)
    return matern_of_squares(squares.add_(a.square().sum(1, keepdim=True)).clamp_min_(0.0), signal)


def matern_of_squares(squares: Tensor, signal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`matern` from squared distances, which it overwrites."""
    u = squares.mul_(5.0).sqrt_()
    decay = torch.exp(-u).mul_(signal)
    return (u / 3.0).add_(1.0).mul_(u).add_(1.0).mul_(decay), u, decay


class Surrogate(gpytorch.models.ExactGP):  # type: ignore[misc]  # gpytorch has no types
    """The gpytorch model of one target: kernel, Gaussian likelihood and priors over `dim` columns."""

    def __init__(self, dim: int, spec: KernelSpec) -> None:
        likelihood = gpytorch.likelihoods.GaussianLikelihood(noise_constraint=_log_positive())
        super().__init__(None, None, likelihood)
        self.spec = spec
        self.mean_module = gpytorch.means.ZeroMean()
        self.signal = ScaledMatern(dim)
        self.double()
        ls_prior = _log_normal_density(lengthscale_loc(dim), LENGTHSCALE_LOG_SD)
        self.signal.register_prior("lengthscale_prior", ls_prior, "lengthscale")
        self.signal.register_prior("signal_prior", _normal(0.0, 1.0), _log_of("outputscale"))
        likelihood.register_prior("noise_prior", _normal(math.log(spec.noise), spec.noise_log_sd), _log_of("noise"))

    @property
    def noise(self) -> float:
        """Noise variance in standardized units."""
        return float(self.likelihood.noise.detach())

    def trend(self, a: Tensor, b: Tensor) -> Tensor | float:
        """Covariance of the fixed parts between rows of `a` (m, d) and `b` (n, d): (m, n), or a number."""
        value: Tensor | float = 1.0 if self.spec.constant else 0.0
        if self.spec.linear:
            value = value + SLOPE_VARIANCE * ((a - 0.5) @ (b - 0.5).transpose(-1, -2))
        return value

    def trend_of(self, x: Array) -> Array:
        """`trend` between the rows of an array `x` (n, d), (n, n)."""
        at = torch.tensor(x, dtype=torch.float64)
        value: Array = (self.trend(at, at) + torch.zeros(len(x), len(x), dtype=torch.float64)).numpy()
        return value

    def covariance(self, a: Tensor, b: Tensor) -> Tensor:
        """Prior covariance (m, n) of f between rows of `a` (m, d) and `b` (n, d)."""
        if a.requires_grad or b.requires_grad:
            out: Tensor = self.signal.forward(a, b)
        else:
            out, _, _ = matern(self.scaled(a), self.scaled(b), self.signal.outputscale)
        return out + self.trend(a, b)

    def scaled(self, x: Tensor) -> Tensor:
        """Rows of `x` (m, d) from the center of the box, in units of the lengthscales."""
        out: Tensor = (x - 0.5) / self.signal.lengthscale
        return out

    def variance(self, x: Tensor) -> Tensor:
        """Prior variance (m,) of f at rows of `x` (m, d)."""
        value = self.signal.outputscale + (1.0 if self.spec.constant else 0.0)
        out: Tensor = value.expand(x.shape[0])
        if self.spec.linear:
            out = out + SLOPE_VARIANCE * ((x - 0.5) ** 2).sum(-1)
        return out

    def forward(self, x: Tensor) -> gpytorch.distributions.MultivariateNormal:
        """The prior at rows of `x` (m, d), as gpytorch's ExactGP requires it."""
        covariance = self.signal.forward(x, x) + self.trend(x, x)
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), covariance)

    def log_prior(self) -> Tensor:
        """Sum of the log prior densities at the current hyperparameters."""
        total = torch.zeros((), dtype=torch.float64)
        for _, module, prior, closure, _ in self.named_priors():
            total = total + prior.log_prob(closure(module)).sum()
        return total

    def read(self) -> Array:
        """Log hyperparameters (d + 2,): lengthscales, signal variance, noise variance."""
        with torch.no_grad():
            return torch.cat([p.reshape(-1) for p in self._raw()]).numpy().copy()

    def write(self, theta: Array) -> None:
        """Set the log hyperparameters (d + 2,), in the order of `read`."""
        start = 0
        with torch.no_grad():
            for p in self._raw():
                p.copy_(torch.tensor(theta[start : start + p.numel()], dtype=torch.float64).reshape(p.shape))
                start += p.numel()

    def _raw(self) -> list[Tensor]:
        noise = self.likelihood.noise_covar.raw_noise
        return [self.signal.raw_lengthscale, self.signal.raw_outputscale, noise]


def _normal(loc: float, scale: float) -> gpytorch.priors.Prior:
    return gpytorch.priors.NormalPrior(*torch.tensor([loc, scale], dtype=torch.float64))


def _log_normal_density(loc: float, scale: float) -> gpytorch.priors.Prior:
    return gpytorch.priors.LogNormalPrior(*torch.tensor([loc, scale], dtype=torch.float64))


class _log_of:
    """A prior's closure: the log of a module's property. A class, because models are deep-copied and pickled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: torch.nn.Module) -> Tensor:
        value: Tensor = getattr(module, self.name)
        return value.log()


def cholesky(matrix: Tensor) -> Tensor:
    """Lower Cholesky factor (n, n) of a covariance, with the smallest sufficient jitter.

    The jitter is relative to the mean of the diagonal, so that it suits both small and large covariances. Raises
    ValueError if the largest jitter is not sufficient.
    """
    if len(matrix) == 0:
        return matrix
    mean = matrix.diagonal().mean()
    for jitter in JITTERS:
        shifted = matrix if jitter == 0.0 else matrix + torch.diag_embed((jitter * mean).expand(len(matrix)))
        factor: Tensor
        factor, info = torch.linalg.cholesky_ex(shifted)
        if int(info) == 0:
            return factor
    raise ValueError(f"covariance of {len(matrix)} points is not positive definite with relative jitter {JITTERS[-1]}")


def fit(x: Array, y: Array, spec: KernelSpec, *, iterations: int = 40) -> Surrogate:
    """Maximum a posteriori model of targets `y` (n,) at rows of `x` (n, d), n >= 1.

    Two starts (ls 0.5 sqrt(d), noise 1e-3; ls 0.2 sqrt(d), noise 1e-2), `iterations` L-BFGS steps each; the better
    result wins, the first on a tie. The starts are constant, so that the result depends only on the data.
    """
    dim = x.shape[1]
    model = Surrogate(dim, spec)
    bounds = [LOG_BOUNDS_LENGTHSCALE] * dim + [LOG_BOUNDS_SIGNAL, LOG_BOUNDS_NOISE]
    best: tuple[float, Array] | None = None
    if len(y) < 2 or float(np.ptp(y)) == 0.0:  # no information: use the modes of the priors
        model.write(np.array([lengthscale_loc(dim) - LENGTHSCALE_LOG_SD**2] * dim + [0.0, math.log(spec.noise)]))
        return _frozen(model)
    objective = LogPosterior(x, y, model.trend_of(x), spec.noise, spec.noise_log_sd)
    for lengthscale, noise in ((0.5, 1.0), (0.2, 10.0)):
        start = np.full(dim + 2, math.log(lengthscale * math.sqrt(dim)))
        start[dim:] = 0.0, min(math.log(spec.noise * noise), -0.1)
        result = minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": iterations, "maxfun": int(1.5 * iterations), "ftol": 1e-6, "gtol": 1e-3, "maxcor": 10},
        )
        if math.isfinite(result.fun) and (best is None or result.fun < best[0] - 1e-9):
            best = float(result.fun), np.asarray(result.x, dtype=np.float64)
    if best is not None:
        model.write(best[1])
    return _frozen(model)


def _frozen(model: Surrogate) -> Surrogate:
    model.requires_grad_(False)
    model.eval()
    return model
