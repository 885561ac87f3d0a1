"""Calibration of past predictions: how well they match the observations. For the Sweep's status and the report.

`protein.analysis.calibration` has the formula. Here it is applied to the intervals in the specs of the runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from protein.analysis.calibration import Z80, log_density
from protein.analysis.conformal import Side, side_of
from sweep_operator.api.status import Calibration
from sweep_operator.api.sweeprun import SweepRun

Quantity = Literal["score", "cost"]
Compared = tuple[Side, float]
"""Where the observed value lies relative to the predicted interval, and the logarithm of its predicted density."""


def calibration(runs: Iterable[SweepRun], quantity: Quantity) -> Calibration | None:
    """Coverage and mean natural log score of the predictions of ``quantity``. None if no run can be compared. O(runs).

    The prediction is a normal distribution with the central 80% interval [low, high]: its mean is (low + high) / 2 and
    its standard deviation (high - low) / (2 Z80). For a cost, it is the distribution of the logarithm. See Gneiting and
    Raftery, Strictly Proper Scoring Rules, JASA 102 (2007), section 4.1.
    """
    found = [one for one in (compare(run, quantity) for run in runs) if one is not None]
    return calibration_of(len(found), sum(side == 0 for side, _ in found), math.fsum(score for _, score in found))


def calibration_of(runs: int, inside: int, scores: float) -> Calibration | None:
    """The calibration from sums. ``scores``: the exact sum, rounded once.

    The values are rounded to three decimals and do not depend on the order of the runs, so that the status changes only
    with new results.
    """
    if not runs:
        return None
    return Calibration(runs=runs, coverage80=round(inside / runs, 3), mean_log_score=round(scores / runs, 3))


def compare(run: SweepRun, quantity: Quantity) -> Compared | None:
    """One run's part of the calibration; None for a run that is not compared."""
    found = compared(run, quantity)
    if found is None:
        return None
    low, high, observed = found
    return side_of((low, high), observed), _log_density(*(map(math.log, found) if quantity == "cost" else found))


def compared(run: SweepRun, quantity: Quantity) -> tuple[float, float, float] | None:
    """Ends of the predicted 80% interval, and the observed value. None for a run that is not compared.

    Compared are succeeded runs of origin model with an interval of positive width. Costs must be positive.
    """
    prediction = run.spec.prediction
    if prediction is None or run.spec.origin != "model" or not run.succeeded:
        return None
    if quantity == "score":
        low, high, observed = prediction.score_low, prediction.score_high, run.status.score
    else:
        low, high, observed = prediction.cost_low, prediction.cost_high, run.status.cost
    if low is None or high is None or observed is None or not low < high:
        return None
    if quantity == "cost" and not (min(low, observed) > 0 and math.log(low) < math.log(high)):
        return None
    return low, high, observed


def _log_density(low: float, high: float, observed: float) -> float:
    # halves first: the difference of two large numbers of opposite signs would overflow
    half = high / 2 - low / 2
    sd = max(half / Z80, 5e-324)
    return log_density(2 * (abs(observed / 2 - low / 4 - high / 4) / sd), sd)
