"""The budget of a search: what all runs together may cost, and how many there may be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any


class BudgetExhausted(Exception):
    """No further run is predicted to be payable. The message contains the forecast."""


class NotWorthIt(BudgetExhausted):
    """Further runs are expected to gain less than ``Budget.min_gain``. The message contains the forecast."""


@dataclass(frozen=True)
class Budget:
    """The limits of a search. None: no limit.

    Raises:
        ValueError: a negative value, or one that is not a number.

    Example:
        >>> Budget(cost=3600.0).left(observed=3000.0)
        600.0
    """

    cost: float | None = None
    """Total cost of all runs, in the unit of the observed costs."""
    runs: int | None = None
    """Number of runs, including pending ones."""
    run_cost: float | None = None
    """Cost of a single run: for example the seconds left until a deadline."""
    spent: float | None = None
    """Cost of all runs so far. None: the sum of the observed costs. Set it if runs were observed that this budget did
    not pay for."""
    share: float | None = None
    """Share of a larger budget, from 0 to 1, that ``cost`` or ``run_cost`` was when this budget began: for example the
    share of the time that is left until a deadline. The smaller it is, the less the search saves. None: 1 for ``cost``,
    and no saving for ``run_cost`` alone."""
    min_gain: float | None = None
    """End the search when spending as much again is expected to improve the best score by less than this share of what
    was gained so far, which is its difference from the score of a typical configuration. If the budget leaves less to
    spend, a proportionally smaller improvement is enough. None: never."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not number or value < 0 or (field.name == "runs" and not isinstance(value, int)):
                kind = "an integer" if field.name == "runs" else "a finite number"
                raise ValueError(f"budget.{field.name}: {value!r} is not {kind} of 0 or more; use None for no limit")
        if self.share is not None and self.share > 1:
            raise ValueError(f"budget.share: {self.share!r} is above 1; use a number between 0 and 1")

    @classmethod
    def from_config(cls, config: Budget | Mapping[str, Any] | None) -> Budget:
        """A budget from its fields. None: no limits. Raises ValueError for an unknown field."""
        if isinstance(config, Budget):
            return config
        known = [field.name for field in fields(cls)]
        given = dict(config or {})
        unknown = [str(key) for key in given if key not in known]
        if unknown:
            raise ValueError(f"budget.{unknown[0]}: unknown field; use {', '.join(known)}")
        return cls(**given)

    @property
    def limits_cost(self) -> bool:
        """Whether there is a limit of a cost."""
        return self.cost is not None or self.run_cost is not None

    def check(self, costs: Sequence[float | None], pending: int) -> None:
        """Raises BudgetExhausted if there are as many runs as allowed or, whatever a run costs, nothing is left.

        costs: the observed ones, None if unknown. pending: number of pending runs.
        """
        count = len(costs) + pending
        if self.runs is not None and count >= self.runs:
            raise BudgetExhausted(f"{count} runs are observed or pending, of budget.runs={self.runs}")
        if self.left(math.fsum(cost for cost in costs if cost is not None)) <= 0:
            raise BudgetExhausted("nothing is left")

    def left_of_cost(self, observed: float, pending: float = 0.0) -> float | None:
        """What is left for all further runs; None without a limit.

        observed: sum of the observed costs. pending: predicted cost of the pending runs.
        """
        return None if self.cost is None else self.cost - (observed if self.spent is None else self.spent) - pending

    def left(self, observed: float, pending: float = 0.0) -> float:
        """The largest cost that one more run may have; inf without a limit. Arguments as in `left_of_cost`."""
        limits = (self.left_of_cost(observed, pending), self.run_cost)
        return min((limit for limit in limits if limit is not None), default=math.inf)

    def share_left(self, observed: float, pending: float = 0.0) -> float | None:
        """The share of the budget that is left, from 0 to 1. None if it does not limit all runs together."""
        left = self.left_of_cost(observed, pending)
        if left is None or self.cost is None:
            return self.share
        return (1.0 if self.share is None else self.share) * (max(left, 0.0) / self.cost if self.cost > 0 else 0.0)
