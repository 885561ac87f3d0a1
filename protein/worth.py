"""Whether further runs are worth their cost, as a part of Protein. What needs torch is imported inside functions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from protein.arrays import Array
from protein.budget import Budget, NotWorthIt
from protein.history import History
from protein.optimizer import Flat
from protein.prospect import Prospect
from protein.searchspace import paths
from protein.searchspace.coordinates import Value
from protein.space import SearchSpace

if TYPE_CHECKING:
    from protein.models.model_set import Models
    from protein.search.pool import Pool
    from protein.settings import ProteinSettings

STREAM_PROSPECT = 7
LEAST_RESULTS = 10
"""Number of results before a search may end because further runs are not worth it."""


class Worth(ABC):
    """The forecast of what further runs gain, and the end of a search that is not worth more."""

    space: SearchSpace
    settings: ProteinSettings
    budget: Budget
    seed: int
    _outstanding: list[dict[str, Value]]

    def prospect(self, pending: Sequence[Flat] | None = None) -> Prospect:
        """What spending as much again as so far, or what the budget has left if that is less, is expected to gain.

        As long as costs are unknown, runs are counted instead.

        Args:
            pending: as for ``suggest``. Their results are no gain of further runs.

        Raises:
            ValueError: fewer than two different scores.
        """
        asked = self._outstanding if pending is None else pending
        flat = [self.space.complete(paths.flatten(p)) for p in asked]
        history = self._history()
        if self._in_design(history, 0):
            raise ValueError("prospect: needs the results of the initial design, with two different scores")
        return self._prospect(history, self._rows(flat))

    def _prospect(self, history: History, waiting: Array) -> Prospect:
        from protein.models.threads import pinned_threads
        from protein.search.allowance import horizon
        from protein.search.further_runs import prospect_of

        models = self._fit(history)
        with pinned_threads():
            cost = math.fsum(models.predict_cost(waiting)) if models.cost.known else float(len(waiting))
            ahead = horizon(self.budget, self.settings.max_suggestion_cost, models, len(waiting), cost)
            rng = np.random.default_rng([self.seed, STREAM_PROSPECT, len(history) + len(waiting)])
            return prospect_of(self.space, self._pool(models), waiting, ahead, rng)

    def _require_worth(self, history: History, waiting: Array) -> None:
        """Raise NotWorthIt if further runs are expected to gain too little."""
        least = self.budget.min_gain
        if least is None or len(history) < LEAST_RESULTS or self._undecided(history):
            return
        found = self._prospect(history, waiting)
        if found.share < least * found.extent:
            raise NotWorthIt(found.describe())

    @abstractmethod
    def _history(self) -> History: ...

    @abstractmethod
    def _rows(self, points: Sequence[Flat]) -> Array: ...

    @abstractmethod
    def _in_design(self, history: History, pending: int) -> bool: ...

    @abstractmethod
    def _undecided(self, history: History) -> bool: ...

    @abstractmethod
    def _fit(self, history: History) -> Models: ...

    @abstractmethod
    def _pool(self, models: Models) -> Pool: ...
