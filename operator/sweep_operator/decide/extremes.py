"""The best runs, the Pareto front, the latest failures and the failures in a row, run by run instead of from scratch.

Adding runs in any order gives the same as adding them in another. What cannot be taken away again reports so: the
caller then starts from scratch.
"""

from __future__ import annotations

import copy
import math
import operator
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sweep_operator.decide.facts import Moment, RunFacts


class Top:
    """The first ``size`` runs by ``key``, or the last ones."""

    def __init__(self, size: int, key: Callable[[RunFacts], Any], *, last: bool = False) -> None:
        self._key, self._surplus = key, slice(0, -size) if last else slice(size, None)
        self.runs: list[RunFacts] = []

    def add(self, run: RunFacts) -> None:
        """Add a run."""
        insort(self.runs, run, key=self._key)
        del self.runs[self._surplus]

    def copy(self) -> Top:
        """An independent copy."""
        twin = copy.copy(self)
        twin.runs = list(self.runs)
        return twin


class Front:
    """The Pareto-optimal runs by rising cost, as `protein.analysis.pareto` defines them.

    Of score and cost, the scores rise too, so that a run is compared with its neighbors only. With more objectives, it
    is compared with all of them.
    """

    def __init__(self, sign: float) -> None:
        """``sign``: 1 if higher scores are better, otherwise -1."""
        self._sign = sign
        self.runs: list[RunFacts] = []

    def add(self, run: RunFacts) -> None:
        """Add a run, which may remove others."""
        if run.score is None or run.cost is None or not math.isfinite(run.score) or not math.isfinite(run.cost):
            return
        if run.columns is None:
            return
        if run.columns:
            self._add(run)
            return
        cost, score = run.cost, self._score(run)
        at = bisect_right(self.runs, cost, key=_cost)
        best = self.runs[at - 1] if at else None  # of those that cost at most as much
        if best is not None and self._score(best) >= score:
            if (_cost(best), self._score(best)) == (cost, score) and run.order < best.order:
                self.runs[at - 1] = run
            return
        begin = end = bisect_left(self.runs, cost, key=_cost)
        while end < len(self.runs) and self._score(self.runs[end]) <= score:
            end += 1
        self.runs[begin:end] = [run]

    def _add(self, run: RunFacts) -> None:
        values = self._values(run)
        for other in self.runs:
            theirs = self._values(other)
            if all(map(operator.ge, theirs, values)) and (theirs != values or other.order < run.order):
                return
        self.runs = [other for other in self.runs if not all(map(operator.ge, values, self._values(other)))]
        insort(self.runs, run, key=lambda r: (_cost(r), r.order))

    def _values(self, run: RunFacts) -> tuple[float, ...]:
        return (self._score(run), -_cost(run), *(run.columns or ()))

    def copy(self) -> Front:
        """An independent copy."""
        twin = copy.copy(self)
        twin.runs = list(self.runs)
        return twin

    def _score(self, run: RunFacts) -> float:
        return self._sign * (run.score or 0.0)


def _cost(run: RunFacts) -> float:
    return run.cost or 0.0


@dataclass(frozen=True)
class Streak:
    """The runs of one template that failed after its last success.

    After the first success, failures of class parameters do not count: the search avoids such parameters.
    """

    success: Moment | None = None
    """When the last success ended."""
    failures: tuple[RunFacts, ...] = ()
    """Those that count."""

    def plus(self, run: RunFacts) -> Streak:
        """With another run that has ended."""
        if run.failure is None:
            success = run.moment if self.success is None else max(self.success, run.moment)
            return Streak(success, tuple(f for f in self.failures if _counts(f, success)))
        return replace(self, failures=(*self.failures, run)) if _counts(run, self.success) else self

    def minus(self, run: RunFacts) -> Streak | None:
        """Without a run. None: start from scratch."""
        if run.failure is None:
            return None if run.moment == self.success else self
        return replace(self, failures=tuple(f for f in self.failures if f.name != run.name))

    def count(self, since: datetime | None) -> int:
        """The number of failures, recorded at ``since`` or later."""
        if since is None:
            return len(self.failures)
        return sum(f.decided is not None and f.decided >= since for f in self.failures)


def _counts(run: RunFacts, success: Moment | None) -> bool:
    """Whether a failed run counts. ``success``: when the last success of its template ended."""
    if run.failure is None:
        return False
    if success is None:
        return run.failure.counts != "never"
    return run.failure.counts == "always" and run.moment > success
