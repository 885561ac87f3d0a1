"""What the budget leaves for the next run, and how much its cost matters.

The gain of a run is divided by its cost to the power of the share of the budget that is left: early runs are cheap, and
the last ones as expensive as the rest allows. Without a budget, a constant share is assumed. A limit of the number of
runs makes cost matter less: if the runs that are left would not spend the budget at the average cost so far, more
expensive ones can be paid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protein.budget import Budget
from protein.history import History

if TYPE_CHECKING:
    from protein.models.model_set import Models

ASSUMED_SHARE = 1 / 3
"""The share that is assumed to be left without a limit of the total cost."""
MAX_PLAN = 256
"""Largest number of runs in a plan."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """payable: the largest cost that the next run may have, None without a limit.

    thrift: the power of the cost that divides the gain, from 0 to 1.
    """

    payable: float | None = None
    thrift: float = 0.0


def allow(budget: Budget, history: History, pending: int, pending_cost: float) -> Allowance:
    """The allowance of the next run besides `pending` runs, which are predicted to cost `pending_cost` in total."""
    payable = budget.left(history.spent, pending_cost)
    share = budget.share_left(history.spent, pending_cost)
    if share is None:
        return Allowance(None if payable == math.inf else payable, ASSUMED_SHARE)
    if budget.runs is None or payable <= 0 or len(history) == 0:
        return Allowance(payable, share)
    runs = budget.runs - len(history) - pending
    # a limit of each run holds for as many runs at a time as there are now
    rest = budget.left_of_cost(history.spent, pending_cost) or payable * (pending + 1)
    return Allowance(payable, share * min(runs * history.spent / len(history) / rest, 1.0))


@dataclass(frozen=True, slots=True)
class Horizon:
    """What a plan of further runs may cost: all of them, each of them, and their number.

    As long as no cost is known, each run costs 1. extent: all of them relative to what was spent so far, at most 1.
    """

    cost: float
    payable: float
    runs: int
    extent: float


def horizon(budget: Budget, max_cost: float | None, models: Models, pending: int, pending_cost: float) -> Horizon:
    """As much again as was spent, pending runs included, or what the budget has left if that is less."""
    history, known = models.history, models.cost.known
    spent = (history.spent if known else len(history)) + pending_cost
    left = budget.left_of_cost(history.spent, pending_cost) if known else None
    cost = spent if left is None else min(spent, max(left, 0.0))
    limits = [limit for limit in (budget.run_cost, max_cost) if known and limit is not None]
    count = len(history) + pending
    runs = MAX_PLAN if budget.runs is None else min(MAX_PLAN, max(budget.runs - count, 0))
    extent = min(cost / spent if spent > 0 else 1.0, runs / count, 1.0)
    return Horizon(cost, min([cost, *limits]), runs, extent)
