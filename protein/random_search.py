"""Random and Sobol search: optimizers without a model."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property

import numpy as np

from protein.base import Optimizer
from protein.optimizer import Flat, Origin, SuggestionInfo
from protein.sobol import SobolSequence

ATTEMPTS = 64
"""Points of the sequence that are tried before an arbitrary valid point is used."""


class Random(Optimizer):
    """Uniform random search. The first suggestion is the search center.

    Args:
        space: the search space, or its configuration.
        settings: only ``seed_with_search_center`` is used.
        goal: "maximize" or "minimize" the score.
        seed: seed of all random draws.
        constraints: functions of a flat configuration. Only configurations for which all return True are suggested.
        budget: its ``runs`` and ``cost`` end the suggestions.

    Raises:
        SpaceError: an invalid space.
        ValueError: an invalid setting or goal.

    Example:
        >>> space = {"x": {"distribution": "uniform", "min": 0.0, "max": 1.0, "mean": 0.5, "scale": 0.5}}
        >>> Random(space).suggest()[0]
        {'x': 0.5}
    """

    origin: Origin = "random"

    def _propose(self, pending: Sequence[Flat], index: int) -> tuple[Flat, SuggestionInfo]:
        taken = self._taken(pending)
        if index == 0 and self.settings.seed_with_search_center:
            center = self.space.center()
            if self._free(center, taken):
                return center, SuggestionInfo("center")
        for row in self._rows(index):
            flat = self.space.decode(row)
            if self._free(flat, taken):
                return flat, SuggestionInfo(self.origin)
        flat = self._any_allowed(taken, [index])
        repeated = self.space.key(flat) in taken
        return flat, SuggestionInfo(self.origin, details={"repeated": True} if repeated else {})

    def _rows(self, index: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.float64]]]:
        rng = np.random.default_rng([self.seed, index, 7])
        yield from rng.random((ATTEMPTS, self.space.dim))

    def _free(self, flat: Flat, taken: set[Hashable]) -> bool:
        return self.space.key(flat) not in taken and self._allowed(flat)


class Sobol(Random):
    """Search along a scrambled Sobol sequence, by index. A taken or invalid point is replaced by a random one.

    The first suggestion is the search center. Arguments and errors are those of ``Random``.

    Example:
        >>> space = {"x": {"distribution": "uniform", "min": 0.0, "max": 1.0, "mean": 0.5, "scale": 0.5}}
        >>> suggestions = Sobol(space, seed=1).suggest(8)
    """

    origin: Origin = "sobol"

    def _rows(self, index: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.float64]]]:
        yield self._sequence.points(index, 1)[0]
        yield from super()._rows(index)

    @cached_property
    def _sequence(self) -> SobolSequence:
        return SobolSequence(self.space.dim, np.random.default_rng([self.seed, 8]))
