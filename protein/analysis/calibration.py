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
from collections.abc import Iterable
from dataclasses import dataclass

Values = Iterable[float]

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
    y, center, spread = ([float(value) for value in values] for values in (observed, mean, sd))
    if not len(y) == len(center) == len(spread):
        raise ValueError(f"mean, sd, observed: have lengths {len(center)}, {len(spread)}, {len(y)}; give n of each")
    for name, values in (("mean", center), ("sd", spread), ("observed", y)):
        if not all(map(math.isfinite, values)):
            raise ValueError(f"{name}: contains a value that is not finite; omit that forecast")
    if not y:
        return None
    if min(spread) <= 0:
        raise ValueError(f"sd: {min(spread)!r} is not positive; a forecast needs a spread")
    z = [abs(value - mid) / width for value, mid, width in zip(y, center, spread, strict=True)]
    # fsum: the order of the forecasts does not change the result, down to the last bit
    score = math.fsum(log_density(distance, width) for distance, width in zip(z, spread, strict=True)) / len(y)
    return Calibration(len(y), sum(distance <= Z80 for distance in z) / len(y), score)


def log_density(z: float, sd: float) -> float:
    """Natural log density of a normal at ``z`` standard deviations ``sd`` from its mean; finite for every ``z``."""
    z = min(z, FARTHEST)
    return -0.5 * z * z - math.log(sd) - 0.5 * math.log(2 * math.pi)


def calibrate_cost(median: Values, log_sd: Values, observed: Values) -> Calibration | None:
    """`calibrate` for log-normal forecasts of cost: ln cost_i ~ N(ln median_i, log_sd_i^2).

    The interval is [median exp(-Z80 log_sd), median exp(Z80 log_sd)]. The log score is that of ln cost: it does not
    depend on the unit of the cost, and is the log-normal's own plus the mean of ln cost_i, the same for every model.
    Raises ValueError as `calibrate` does, and for a cost that is not positive.
    """
    center, y = [float(value) for value in median], [float(value) for value in observed]
    for name, values in (("median", center), ("observed", y)):
        if not all(value > 0 for value in values):
            raise ValueError(f"{name}: contains a cost that is not positive; omit that forecast")
    return calibrate(map(math.log, center), log_sd, map(math.log, y))
