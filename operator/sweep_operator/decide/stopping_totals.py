"""What early stopping knows about all runs of a Sweep, run by run instead of from scratch."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence

from sweep_operator.api.early_stopping import EarlyStoppingStatus
from sweep_operator.decide.exact_sums import ExactSums
from sweep_operator.decide.facts import StoppingFacts


class StoppingTotals:
    """Counts of verdicts, and the values that running ones are compared with."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._sums = ExactSums()
        self._levels: dict[int, list[float]] = {}
        self._troubles: dict[tuple[int, str], tuple[str, str]] = {}

    def copy(self) -> StoppingTotals:
        """An independent copy."""
        twin = StoppingTotals()
        twin._counts, twin._sums = self._counts.copy(), self._sums.copy()
        twin._levels = {mark: list(values) for mark, values in self._levels.items()}
        twin._troubles = self._troubles.copy()
        return twin

    def sum(self, order: tuple[int, str], run: StoppingFacts, sign: int) -> None:
        """Add a run, or subtract it (``sign`` -1). ``order``: its place among the runs."""
        self._counts["comparable"] += sign * run.comparable
        self._counts["stopped"] += sign * (run.shadow is False)
        self._counts["shadowed"] += sign * (run.shadow is True)
        self._sums.add("saved", run.saved, sign)
        for mark, value in run.levels:
            values = self._levels.setdefault(mark, [])
            if sign > 0:
                insort(values, value)
            else:
                del values[bisect_left(values, value)]
        if sign < 0:
            self._troubles.pop(order, None)
        elif run.trouble is not None:
            self._troubles[order] = run.trouble

    def levels(self, mark: int) -> Sequence[float]:
        """What the runs have at a mark of the rule, in rising order."""
        return self._levels.get(mark, ())

    @property
    def comparable(self) -> int:
        """Runs whose curve has a value that can be compared."""
        return self._counts["comparable"]

    def report_trouble(self) -> tuple[str, str] | None:
        """Reason and message of what is wrong with the reports of the first run that has not ended."""
        return min(self._troubles.items())[1] if self._troubles else None

    def status(self, wrong: int) -> EarlyStoppingStatus:
        """What early stopping has done. ``wrong``: number of Pareto-optimal runs that it would have ended."""
        return EarlyStoppingStatus(
            stopped=self._counts["stopped"],
            saved_cost=self._sums["saved"],
            shadowed=self._counts["shadowed"],
            wrong=wrong,
        )
