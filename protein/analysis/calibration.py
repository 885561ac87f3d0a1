"""Calibration of forecasts: compares them with the observed values, by coverage and by log score.

A forecast predicts an OBSERVATION. It is a normal distribution whose variance is the posterior variance plus the noise
variance of one measurement. The interval of the noise-free function is narrower and contains too few observations. In a
suggestion's info, details["score_forecast"] and details["cost_forecast"] predict observations.

    forecasts = [(info.details["score_forecast"], score) for info, score in past]
    calibrate([f["mean"] for f, _ in forecasts], [f["sd"] for f, _ in forecasts], [score for _, score in forecasts])

Overconfident forecasts have a coverage below 0.8, underconfident ones a coverage above it. Of two models of the same
observations, the one with the higher mean log score is better. The log score is strictly proper: no forecast has a
higher expected score than the true distribution of the observations.

Source: Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, JASA 102 (2007), section 4.1
(the logarithmic score) and 6.2 (intervals).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

Values = Iterable[float]

Z80 = 1.2815515655446004
"""Half-width of a central 80% interval of a normal, in standard deviations."""
MAX_Z = 1e150
"""Maximum distance from the mean in standard deviations. It keeps the log score finite."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well `count` forecasts matched the observations."""

    count: int
    coverage80: float
    """Share of observations inside the central 80% interval of their forecast, its ends included; 0.8 is ideal."""
    mean_log_score: float
    """Mean natural log density of the observations under their forecasts; higher is better."""


def calibrate(mean: Values, sd: Values, observed: Values) -> Calibration | None:
    """Coverage and log score of normal forecasts N(mean_i, sd_i^2) of `observed` y_i, all (n,); None when n is 0.

        coverage80 = 1/n sum_i [ |z_i| <= Z80 ],  z_i = (y_i - mean_i) / sd_i
        mean_log_score = -1/n sum_i ( z_i^2 / 2 + ln sd_i + ln(2 pi) / 2 )

    The density has the inverse unit of the observations, so log scores can only compare forecasts of the same quantity.

    Args:
        mean: means of the forecasts.
        sd: standard deviations of the forecasts, positive.
        observed: the observed values.

    Raises:
        ValueError: different lengths, a non-finite value, or an sd that is not positive.

    Example:
        >>> calibrate([0.0, 0.0], [1.0, 1.0], [0.5, 3.0]).coverage80
        0.5
    """
    y, center, spread = ([float(value) for value in values] for values in (observed, mean, sd))
    if not len(y) == len(center) == len(spread):
        raise ValueError(
            f"mean, sd, observed: lengths {len(center)}, {len(spread)}, {len(y)} differ; pass equal lengths"
        )
    for name, values in (("mean", center), ("sd", spread), ("observed", y)):
        if not all(map(math.isfinite, values)):
            raise ValueError(f"{name}: contains a value that is not finite; omit that forecast")
    if not y:
        return None
    if min(spread) <= 0:
        raise ValueError(f"sd: {min(spread)!r} must be positive")
    z = [abs(value - mid) / width for value, mid, width in zip(y, center, spread, strict=True)]
    # fsum: the result does not depend on the order of the forecasts, to the last bit.
    score = math.fsum(log_density(distance, width) for distance, width in zip(z, spread, strict=True)) / len(y)
    return Calibration(len(y), sum(distance <= Z80 for distance in z) / len(y), score)


def log_density(z: float, sd: float) -> float:
    """Natural log density of a normal at ``z`` standard deviations ``sd`` from its mean; finite for every ``z``."""
    z = min(z, MAX_Z)
    return -0.5 * z * z - math.log(sd) - 0.5 * math.log(2 * math.pi)


def calibrate_cost(median: Values, log_sd: Values, observed: Values) -> Calibration | None:
    """`calibrate` for log-normal forecasts of cost: ln cost_i ~ N(ln median_i, log_sd_i^2).

    The interval is [median exp(-Z80 log_sd), median exp(Z80 log_sd)]. The log score is that of ln cost, so it
    does not depend on the unit of the cost. It equals the log score of the log-normal plus the mean of ln cost_i, which
    is the same for every model. Raises ValueError as `calibrate` does, and for a cost that is not positive.
    """
    center, y = [float(value) for value in median], [float(value) for value in observed]
    for name, values in (("median", center), ("observed", y)):
        if not all(value > 0 for value in values):
            raise ValueError(f"{name}: contains a cost that is not positive; omit that forecast")
    return calibrate(map(math.log, center), log_sd, map(math.log, y))
