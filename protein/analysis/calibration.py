"""Calibration: forecasts of past observations beside what came, by coverage and by log score.

A forecast is of an OBSERVATION: a normal whose variance is the posterior's at that point plus the variance of the
noise of one measurement. The noise-free function's own interval is narrower and holds too few observations.
A suggestion's info carries both: details["score_forecast"] and details["cost_forecast"] are of observations.

    sure = [(i.details["score_forecast"], score) for i, score in past]
    calibrate([f["mean"] for f, _ in sure], [f["sd"] for f, _ in sure], [score for _, score in sure])

Forecasts that are too sure of themselves have a coverage below 0.8, timid ones a coverage above it. Of two models of
the same observations the one with the higher mean log score forecasts better: the log score is strictly proper, that
is, no forecast has a higher expected score than the distribution the observations come from.

Source: Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, JASA 102 (2007), section 4.1
(the logarithmic score) and 6.2 (intervals).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Values = Sequence[float] | Array

Z80 = 1.2815515655446004
"""Half-width of a central 80% interval of a normal, in standard deviations."""
FARTHEST = 1e150
"""Standard deviations beyond which a miss counts as this many, so that the log score stays a number."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well `count` forecasts fitted what was observed."""

    count: int
    coverage80: float
    """Share of observations inside the central 80% interval of their forecast, its ends included; 0.8 is ideal."""
    mean_log_score: float
    """Mean natural log density of the observations under their forecasts; higher is better."""


def calibrate(mean: Values, sd: Values, observed: Values) -> Calibration | None:
    """Coverage and log score of normal forecasts N(mean_i, sd_i^2) of `observed` y_i, all (n,); None when n is 0.

        coverage80 = 1/n sum_i [ |z_i| <= Z80 ],  z_i = (y_i - mean_i) / sd_i
        mean_log_score = -1/n sum_i ( z_i^2 / 2 + ln sd_i + ln(2 pi) / 2 )

    The density has the inverse unit of the observations: log scores compare forecasts of the same quantity only.
    Raises ValueError for lengths that differ, values that are not finite and an sd that is not positive.
    """
    y, center, spread = (np.asarray(v, dtype=np.float64) for v in (observed, mean, sd))
    if not y.shape == center.shape == spread.shape or y.ndim != 1:
        raise ValueError(f"mean, sd, observed: have shapes {center.shape}, {spread.shape}, {y.shape}; give n of each")
    for name, values in (("mean", center), ("sd", spread), ("observed", y)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: holds a value that is not finite; leave that forecast out")
    if not (spread > 0).all():
        raise ValueError(f"sd: {float(spread.min())!r} is not positive; a forecast needs a spread")
    if len(y) == 0:
        return None
    with np.errstate(over="ignore"):  # a miss beyond all numbers is the farthest one
        z = np.minimum(np.abs(y - center) / spread, FARTHEST)
    scores = -0.5 * z * z - np.log(spread) - 0.5 * math.log(2 * math.pi)
    # fsum: the order of the forecasts changes nothing, down to the last bit
    return Calibration(len(y), float(np.mean(z <= Z80)), math.fsum(scores) / len(y))


def calibrate_cost(median: Values, log_sd: Values, observed: Values) -> Calibration | None:
    """`calibrate` for log-normal forecasts of cost: ln cost_i ~ N(ln median_i, log_sd_i^2).

    The interval is [median exp(-Z80 log_sd), median exp(Z80 log_sd)]. The log score is that of ln cost: it does not
    depend on the unit of the cost, and is the log-normal's own plus the mean of ln cost_i, the same for every model.
    Raises ValueError as `calibrate` does, and for a cost that is not positive.
    """
    center, y = np.asarray(median, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    for name, values in (("median", center), ("observed", y)):
        if not (values > 0).all():
            raise ValueError(f"{name}: holds a cost that is not positive; leave that forecast out")
    return calibrate(np.log(center), log_sd, np.log(y))
