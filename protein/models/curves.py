"""Forecasts of running runs from their learning curves: final score, total cost, and the chance to be on the front.

Points of curves are rows of a Gaussian process of their own. Where the space has a cost dial, a point is a row of the
same parameters with the dial at what was done by then. Otherwise the logarithm of the fraction is one more column. The
forecast is the prediction at the end of the run, given the finished runs and the run's own points.

How far off such forecasts are is measured on the finished runs: each one's score is predicted from the beginning of
its curve, without the rest of it and without its result. The inverse covariance of all rows gives that exactly (Dubrule
1983). The intervals are as wide as 80% of these errors require.

If points of different runs are not comparable, each run is extrapolated alone, and only the size of the errors is
learned from the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import stdtr

from protein.analysis.calibration import Z80
from protein.arrays import Array
from protein.curves import MOST_POINTS
from protein.history import select_rows
from protein.models.posterior import FIT_ROWS, gram
from protein.models.scaling import Standardization, standardize
from protein.models.surrogate import KernelSpec, Surrogate, cholesky, fit
from protein.run_rows import RunRows

BASE_ROWS = 512
"""Maximum number of rows of finished runs that forecasts are conditioned on."""
FREEDOM = 3.0
"""Degrees of freedom of a forecast's distribution: its tails are wider than a normal's."""
T80 = 1.6377
"""Its 90% quantile."""
DOUBT = 3.0
"""An error, in standard deviations, that counts twice before any is known."""
QUANTILE = 0.88
"""Of the errors on finished runs: hyperparameters were fitted to them, so those on new runs are larger. 80% are below
this quantile in the benchmark (tests.bench.curves.forecasts)."""
LEAST_SCALE = 0.5
"""Least factor of the standard deviations of the model."""
NEAR = 1.0
"""Errors count at fractions within this many factors of 2, if there are ENOUGH of them."""
ENOUGH = 8
DAMPING = 0.5
"""Share of its latest slope, over the logarithm of the fraction, with which a curve is extrapolated."""
COST_DOUBT = 0.5
"""As DOUBT, an error of log-cost at fractions near 0."""
LEVELS = (-1.2816, -0.5244, 0.0, 0.5244, 1.2816)
"""Standard normal quantiles of the final cost at which the front is compared."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of past forecasts, each with the log2 of the fraction at which it was made."""

    at: Array
    size: Array

    def scale(self, at: float, doubt: float) -> float:
        """A high quantile of the absolute errors near a log2 fraction. Two errors of size `doubt` are added."""
        near = self.size[np.abs(self.at - at) <= NEAR]
        known = np.sort(np.append(near if len(near) >= ENOUGH else self.size, [doubt, doubt]))
        return float(known[min(math.ceil(QUANTILE * (len(known) + 1)), len(known)) - 1])


@dataclass(frozen=True, slots=True)
class Estimate:
    """Predicted utility of the complete run with its standard deviation, and total cost with that of its logarithm."""

    utility: float
    sd: float
    cost: float
    log_sd: float


class CurveModel:
    """Forecasts from `runs`, in any order, of which those with a result are learned from."""

    def __init__(self, runs: Sequence[RunRows], *, comparable: bool = True) -> None:
        finished = sorted((r for r in runs if r.result is not None), key=RunRows.content)
        chosen = select_rows(np.array([r.result for r in finished], dtype=np.float64), BASE_ROWS // 2)
        self.runs = [finished[i] for i in chosen]
        self.comparable = comparable
        self._base = _Base(self.runs) if comparable and len(self.runs) > 1 else None
        self._score_errors = self._base.errors() if self._base is not None else _extrapolation_errors(self.runs)
        self._cost_errors = _cost_errors(self.runs)

    def estimate(self, runs: Sequence[RunRows]) -> list[Estimate]:
        """The forecast of each run. They are computed in the order of their content: BLAS rounds by the place."""
        order = sorted(range(len(runs)), key=lambda i: runs[i].content())
        ordered = [runs[i] for i in order]
        if self._base is not None:
            scores = self._base.predict(ordered)
        else:
            spread = _spread(self.runs)
            scores = [_extrapolated(run.fraction, run.utility, spread) for run in ordered]
        found = {i: self._calibrated(runs[i], *score) for i, score in zip(order, scores, strict=True)}
        return [found[i] for i in range(len(runs))]

    def _calibrated(self, run: RunRows, mean: float, sd: float) -> Estimate:
        at = math.log2(run.fraction[-1]) if len(run.fraction) else -float(MOST_POINTS)
        scale = max(self._score_errors.scale(at, DOUBT) / Z80, LEAST_SCALE)
        cost = total_cost(run.fraction, run.cost)
        left = 1.0 - (float(run.fraction[-1]) if len(run.fraction) else 0.0)
        return Estimate(mean, sd * scale, cost, self._cost_errors.scale(at, COST_DOUBT * left) / Z80)


class _Base:
    """The Gaussian process of the finished runs: their points and results."""

    def __init__(self, runs: Sequence[RunRows]) -> None:
        stride = max(math.ceil(MOST_POINTS / max(BASE_ROWS // len(runs) - 1, 1)), 1)
        kept = [[j for j in range(len(r.fraction)) if (i + j) % stride == 0] for i, r in enumerate(runs)]
        self.x = np.concatenate([r.x[[*js, -1]] for r, js in zip(runs, kept, strict=True)])
        utility = np.concatenate([[*r.utility[js], r.result] for r, js in zip(runs, kept, strict=True)])
        self.run = np.repeat(np.arange(len(runs)), [len(js) + 1 for js in kept])
        self.fraction = np.concatenate([[*r.fraction[js], 1.0] for r, js in zip(runs, kept, strict=True)])
        self.scaling: Standardization = standardize(utility, clip=True)
        z = self.scaling.forward(utility)
        fitted = select_rows((self.fraction == 1.0).astype(np.float64), FIT_ROWS)
        self.model: Surrogate = fit(self.x[fitted], z[fitted], KernelSpec())
        self.at, self.z = torch.tensor(self.x), torch.tensor(z)[:, None]
        covariance = gram(self.model, self.at)
        covariance.diagonal().add_(self.model.noise)
        self.factor = cholesky(covariance)
        self.half = torch.linalg.solve_triangular(self.factor, self.z, upper=False)

    def predict(self, runs: Sequence[RunRows]) -> list[tuple[float, float]]:
        """Mean and standard deviation of each run's utility at its end, as measured, given its own points."""
        if not runs:
            return []
        rows = torch.tensor(np.concatenate([r.x for r in runs]))
        cross = self.model.covariance(self.at, rows)
        white = torch.linalg.solve_triangular(self.factor, cross, upper=False)
        mean = (white.transpose(0, 1) @ self.half)[:, 0]
        out, start = [], 0
        for run in runs:
            part = slice(start, start + len(run.x))
            start = part.stop
            covariance = gram(self.model, rows[part]) - white[:, part].transpose(0, 1) @ white[:, part]
            covariance.diagonal().add_(self.model.noise)
            out.append(self._given_own(mean[part], covariance, run.utility))
        return out

    def _given_own(self, mean: torch.Tensor, covariance: torch.Tensor, utility: Array) -> tuple[float, float]:
        """The last of the rows given the others."""
        end, variance = mean[-1], covariance[-1, -1]
        if len(utility):
            own = torch.tensor(self.scaling.forward(utility)) - mean[:-1]
            factor = cholesky(covariance[:-1, :-1])
            pull = torch.linalg.solve_triangular(factor, covariance[:-1, -1:], upper=False)[:, 0]
            end = end + pull @ torch.linalg.solve_triangular(factor, own[:, None], upper=False)[:, 0]
            variance = variance - pull @ pull
        sd = math.sqrt(max(float(variance), 1e-12)) * self.scaling.scale
        return float(self.scaling.backward(np.array([float(end)]))[0]), sd

    def errors(self) -> Errors:
        """Errors of the end of each run, in standard deviations, given its points up to each of them."""
        inverse = torch.cholesky_inverse(self.factor).numpy()
        weighted = inverse @ self.z.numpy()[:, 0]
        at, size = [], []
        for i in range(int(self.run[-1]) + 1):
            rows = np.flatnonzero(self.run == i)
            for cut in range(1, len(rows)):
                unknown = rows[cut:]
                covariance = np.linalg.inv(inverse[np.ix_(unknown, unknown)])
                size.append(abs(float(covariance[-1] @ weighted[unknown])) / math.sqrt(covariance[-1, -1]))
                at.append(math.log2(self.fraction[rows[cut - 1]]))
        return Errors(np.array(at), np.array(size))


def _extrapolated(fraction: Array, utility: Array, spread: float) -> tuple[float, float]:
    """Mean and standard deviation of the end of one curve, from its latest slope alone."""
    if len(utility) == 0:
        return 0.0, spread
    at = np.log2(fraction[-3:])
    left = -float(at[-1])
    if len(at) < 2:
        return float(utility[-1]), spread
    slope = float(((at - at.mean()) * utility[-3:]).sum() / ((at - at.mean()) ** 2).sum())
    rough = float(np.abs(utility[-3:] - utility[-3:].mean() - slope * (at - at.mean())).max())
    return float(utility[-1]) + DAMPING * slope * left, DAMPING * abs(slope) * left + rough + 1e-3 * min(spread, 1e300)


def _spread(runs: Sequence[RunRows]) -> float:
    known = np.array([r.result for r in runs if r.result is not None])
    return float(known.std()) if len(known) > 1 else math.inf


def _extrapolation_errors(runs: Sequence[RunRows]) -> Errors:
    known = [(r, cut) for r in runs for cut in range(2, len(r.fraction) + 1)]
    spread = _spread(runs)
    at, size = [], []
    for run, cut in known:
        mean, sd = _extrapolated(run.fraction[:cut], run.utility[:cut], spread)
        at.append(math.log2(run.fraction[cut - 1]))
        size.append(abs((run.result or 0.0) - mean) / max(sd, 1e-300))
    return Errors(np.array(at), np.array(size))


def total_cost(fraction: Array, cost: Array) -> float:
    """Cost of the complete run, if the rest costs as much per step as the points so far; NaN without a cost."""
    known = np.isfinite(cost)
    f, c = fraction[known], cost[known]
    if len(f) == 0:
        return math.nan
    rate = (c[-1] - c[0]) / (f[-1] - f[0]) if len(f) > 1 else c[-1] / f[-1]
    return float(c[-1] + max(rate, 0.0) * (1.0 - f[-1]))


def _cost_errors(runs: Sequence[RunRows]) -> Errors:
    at, size = [], []
    for run in runs:
        for cut in range(1, len(run.fraction) + 1):
            predicted = total_cost(run.fraction[:cut], run.cost[:cut])
            if run.total is not None and run.total > 0 and predicted > 0:
                at.append(math.log2(run.fraction[cut - 1]))
                size.append(abs(math.log(run.total / predicted)))
    return Errors(np.array(at), np.array(size))


def front_probability(estimate: Estimate, utility: Array, cost: Array, *, by_cost: bool) -> tuple[float, float | None]:
    """The probability that the complete run is on the front of finished ones (n,), and the utility it needs there.

    by_cost: compare with finished runs that cost at most as much; otherwise with all.
    """
    if len(utility) == 0:
        return 1.0, None
    priced = by_cost and math.isfinite(estimate.cost)
    needs = []
    for level in LEVELS if priced else (0.0,):
        most = estimate.cost * math.exp(level * estimate.log_sd) if priced else math.inf
        rivals = utility[(cost <= most) | ~np.isfinite(cost)] if priced else utility
        needs.append(float(rivals.max(initial=-math.inf)))
    spread = max(estimate.sd, 1e-300) * Z80 / T80
    chances = [
        1.0 if need == -math.inf else float(stdtr(FREEDOM, (estimate.utility - need) / spread)) for need in needs
    ]
    needed = needs[len(needs) // 2]
    return float(np.mean(chances)), needed if needed > -math.inf else None
