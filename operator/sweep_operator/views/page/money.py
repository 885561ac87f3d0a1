"""Where the cost of a sweep went."""

from __future__ import annotations

from collections.abc import Iterable

from sweep_operator.api.early_stopping import EarlyStoppingStatus
from sweep_operator.api.sweep import Sweep
from sweep_operator.views.figures import finite
from sweep_operator.views.page.models import Money, PrunedCost, WastedCost
from sweep_operator.views.page.run_models import RunRow


def money_of(sweep: Sweep, rows: Iterable[RunRow]) -> Money:
    """The sums are those of the status, which knows all prices; the rows tell them apart by failure class."""
    cost, stopping = sweep.status.cost, sweep.status.early_stopping or EarlyStoppingStatus()
    own = [row for row in rows if not row.imported and row.ended is not None]
    pruned = [row for row in own if row.group == "pruned"]
    return Money(
        unit=cost.unit,
        spent=cost.spent,
        useful=finite(sum(row.cost or 0.0 for row in own if row.group == "succeeded")),
        wasted=_wasted(cost.wasted, [row for row in own if row.group != "pruned"]),
        pruned=PrunedCost(cost=cost.pruned, saved=stopping.saved_cost, runs=len(pruned), wrong=stopping.wrong),
        budget=sweep.spec.limits.total_cost,
    )


def _wasted(total: float, rows: list[RunRow]) -> list[WastedCost]:
    """What failed runs cost, and the rest of ``total``: the failed attempts of succeeded runs, by their seconds."""
    costs: dict[str, float] = {}
    counts: dict[str, int] = {}
    lost: dict[str, float] = {}
    for row in rows:
        if row.failure is None:
            shares = row.lost_seconds
            for name, seconds in shares.items():
                lost[name] = lost.get(name, 0.0) + seconds
        else:
            shares = row.lost_seconds or {row.failure.class_: 1.0}
            whole = finite(sum(shares.values()))
            for name, seconds in shares.items():
                costs[name] = costs.get(name, 0.0) + (row.cost or 0.0) * seconds / whole
        for name in shares:
            counts[name] = counts.get(name, 0) + 1
    rest, whole = total - sum(costs.values()), finite(sum(lost.values()))
    if rest > 0 and whole > 0:
        for name, seconds in lost.items():
            costs[name] = costs.get(name, 0.0) + rest * seconds / whole
    ordered = sorted(counts, key=lambda name: (-costs.get(name, 0.0), name))
    return [WastedCost(class_=name, cost=finite(costs.get(name, 0.0)), runs=counts[name]) for name in ordered]
