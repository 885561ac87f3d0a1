"""What the budget leaves for the next run, and how much its cost matters.

Without a budget, runs are compared at a cost level (protein.search.cost_level). With one, the gain of a run is divided
by its cost to the power of the share of the budget that is left: early runs are cheap, and the last ones as expensive
as the rest allows. A limit of the number of runs makes cost matter less: if the runs that are left would not spend the
budget at the average cost so far, more expensive ones can be paid.
"""

from __future__ import annotations

from dataclasses import dataclass

from protein.budget import Budget
from protein.history import History


@dataclass(frozen=True, slots=True)
class Allowance:
    """payable: the largest cost that the next run may have, None without a limit.

    thrift: the power of the cost that divides the gain, from 0 to 1. None: the budget is no limit of all runs together.
    """

    payable: float | None = None
    thrift: float | None = None


def allow(budget: Budget, history: History, pending: int, pending_cost: float) -> Allowance:
    """The allowance of the next run besides `pending` runs, which are predicted to cost `pending_cost` in total."""
    payable = budget.left(history.spent, pending_cost)
    share = budget.share_left(history.spent, pending_cost)
    if share is None:
        return Allowance(payable)
    if budget.runs is None or payable <= 0:
        return Allowance(payable, share)
    runs = budget.runs - len(history) - pending
    # a limit of each run holds for as many runs at a time as there are now
    rest = budget.left_of_cost(history.spent, pending_cost) or payable * (pending + 1)
    return Allowance(payable, share * min(runs * history.spent / len(history) / rest, 1.0))
