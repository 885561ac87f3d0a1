"""How well past predictions fitted what came: for the Sweep's status and the report.

`protein.analysis.calibration` has the formula; here it is applied to the intervals in the specs of the runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from protein.analysis.calibration import Z80, log_density
from sweep_operator.api.status import Calibration
from sweep_operator.api.sweeprun import SweepRun

Quantity = Literal["score", "cost"]


def calibration(runs: Iterable[SweepRun], quantity: Quantity) -> Calibration | None:
    """Coverage and mean log score (natural) of the predictions of ``quantity``; None without any to compare.

    A normal with the central 80% interval [low, high], that is mean (low + high) / 2 and standard deviation
    (high - low) / (2 Z80); of a cost, the normal is that of its logarithm. Gneiting and Raftery, Strictly Proper
    Scoring Rules, JASA 102 (2007), section 4.1. Rounded to three decimals, and in any order of the runs the same, so
    that a status without new results is not written again. O(runs).
    """
    inside, scores = 0, []
    for run in runs:
        found = compared(run, quantity)
        if found is None:
            continue
        low, high, observed = found
        inside += low <= observed <= high
        scores.append(_log_density(*(map(math.log, found) if quantity == "cost" else found)))
    if not scores:
        return None
    mean = math.fsum(scores) / len(scores)
    return Calibration(runs=len(scores), coverage80=round(inside / len(scores), 3), mean_log_score=round(mean, 3))


def compared(run: SweepRun, quantity: Quantity) -> tuple[float, float, float] | None:
    """Ends of the predicted 80% interval and what was observed; None for a run that is not compared.

    Compared are succeeded runs of origin model with an interval that has a width; of costs, positive ones.
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
    # halves first: the difference of two large numbers of opposite sign would overflow
    half = high / 2 - low / 2
    sd = max(half / Z80, 5e-324)
    return log_density(2 * (abs(observed / 2 - low / 4 - high / 4) / sd), sd)
