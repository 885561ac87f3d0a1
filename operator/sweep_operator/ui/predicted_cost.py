"""The cost that is expected of a run, without a model: what similar runs have cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import quantiles

from protein.searchspace.parameters import Parameter
from sweep_operator.api.model import Scalar
from sweep_operator.api.parameters import parameters_of, search_center
from sweep_operator.api.sweep import Sweep
from sweep_operator.views.page.messages import PredictedCost
from sweep_operator.views.page.run_models import RunRow

_SIMILAR = 10
"""Number of runs that are compared."""


def cost_of_similar_runs(
    sweep: Sweep, rows: Sequence[RunRow], parameters: Mapping[str, Scalar], unit: str
) -> PredictedCost | None:
    """Median and 80% interval of the costs of the closest runs that have succeeded; None without any."""
    known = [row for row in rows if row.group == "succeeded" and row.cost is not None]
    if not known:
        return None
    complete = {**search_center(sweep.spec.parameters), **parameters}
    searched = list(parameters_of(sweep.spec.parameters).values())

    def distance(row: RunRow) -> float:
        pairs = zip(searched, row.parameters, strict=True)
        return math.fsum(_distance(parameter, complete.get(parameter.path), value) for parameter, value in pairs)

    costs = [row.cost for row in sorted(known, key=distance)[:_SIMILAR] if row.cost is not None]
    if len(costs) == 1:
        return PredictedCost(low=costs[0], median=costs[0], high=costs[0], unit=unit)
    tenths = quantiles(costs, n=10, method="inclusive")
    return PredictedCost(low=tenths[0], median=tenths[4], high=tenths[8], unit=unit)


def _distance(parameter: Parameter, here: Scalar | None, there: Scalar | None) -> float:
    """Squared distance in units of the bounds; different categories are as far apart as the bounds."""
    if parameter.coordinate is None or here is None or there is None:
        return float(here != there)
    return (parameter.coordinate.to_unit(here) - parameter.coordinate.to_unit(there)) ** 2
