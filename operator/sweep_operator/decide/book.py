"""The facts of all runs of a Sweep with their sums, kept current by the run that has changed."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sweep_operator.decide.facts import RunFacts
from sweep_operator.decide.plan import Observation, PendingRun
from sweep_operator.decide.totals import Goal, Totals, totals_of


class RunBook:
    """Facts by the name of the run. A LIST of the runs gives the same book as any order of their changes."""

    def __init__(self, goal: Goal, runs: Iterable[RunFacts] = ()) -> None:
        self._goal = goal
        self._facts = {run.name: run for run in runs}
        self._totals: Totals | None = None
        """None: to be built from scratch."""
        self._ended = sorted((run for run in self._facts.values() if run.ended is not None), key=_order)
        self._live = {run.name: run for run in self._facts.values() if run.ended is None}
        self._observations: tuple[Observation, ...] | None = None
        """None: to be collected."""

    @property
    def facts(self) -> Mapping[str, RunFacts]:
        """The facts of each run."""
        return self._facts

    @property
    def live(self) -> Iterable[str]:
        """Names of the runs that have not ended."""
        return self._live.keys()

    @property
    def totals(self) -> Totals:
        """Their sums."""
        if self._totals is None:
            self._totals = totals_of(self._facts.values(), self._goal)
        return self._totals

    def put(self, run: RunFacts) -> None:
        """Add a run, or replace its facts."""
        old = self._facts.get(run.name)
        if old == run:
            return
        if self._totals is not None:
            if old is None:
                self._totals.add(run)
            elif not self._totals.replace(old, run):
                self._totals = None
        self._unlist(old)
        self._facts[run.name] = run
        if run.ended is None:
            self._live[run.name] = run
        else:
            insort(self._ended, run, key=_order)
            self._observations = None

    def drop(self, name: str) -> None:
        """Remove a run, if it is there."""
        old = self._facts.pop(name, None)
        if old is not None and self._totals is not None and not self._totals.remove(old):
            self._totals = None
        self._unlist(old)

    def after(self, runs: Iterable[RunFacts]) -> Outlook:
        """The runs when these have these facts. The book does not change."""
        changed = [run for run in runs if self._facts.get(run.name) != run]
        if not changed:
            if self._observations is None:
                self._observations = _observations(self._ended)
            return Outlook(self.totals, self._ended, self._live, self._observations)
        totals, ended, live = self.totals.copy(), list(self._ended), dict(self._live)
        valid = True
        for run in changed:
            old = self._facts[run.name]
            valid = valid and totals.replace(old, run)
            live.pop(run.name, None)
            if old.ended is not None:
                del ended[bisect_left(ended, old.order, key=_order)]
            if run.ended is None:
                live[run.name] = run
            else:
                insort(ended, run, key=_order)
        if not valid:
            totals = totals_of((*ended, *live.values()), self._goal)
        return Outlook(totals, ended, live)

    def _unlist(self, run: RunFacts | None) -> None:
        if run is None:
            return
        if self._live.pop(run.name, None) is None:
            del self._ended[bisect_left(self._ended, run.order, key=_order)]
            self._observations = None


@dataclass(frozen=True)
class Outlook:
    """The runs of a Sweep as they are after a pass."""

    totals: Totals
    _ended: list[RunFacts]
    """In the order in which they started."""
    _live: Mapping[str, RunFacts]
    _observations: tuple[Observation, ...] | None = None
    """None: to be collected."""

    def observations(self) -> tuple[Observation, ...]:
        """What the optimizer learns from, in the order in which the runs started."""
        return _observations(self._ended) if self._observations is None else self._observations

    def pending(self) -> tuple[PendingRun, ...]:
        """The runs that have not ended."""
        live = sorted(self._live.values(), key=_order)
        return tuple(PendingRun(run.name, run.index, run.parameters, run.curve) for run in live)


def _order(run: RunFacts) -> tuple[int, str]:
    return run.order


def _observations(ended: Iterable[RunFacts]) -> tuple[Observation, ...]:
    return tuple(run.observation for run in ended if run.observation is not None)
