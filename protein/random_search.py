"""Random and Sobol search: what a model has to beat, and what is left when there is none."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from protein.base import BaseOptimizer
from protein.optimizer import Flat, Origin, SuggestionInfo

ATTEMPTS = 64
"""Points of the own sequence that are tried before any other random point is."""


class Random(BaseOptimizer):
    """Uniform over the whole space; the first point is the search center."""

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
    """A scrambled Sobol sequence, addressed by index; a point that cannot be taken gives way to a random one."""

    origin: Origin = "sobol"

    def _rows(self, index: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.float64]]]:
        from scipy.stats import qmc

        sequence = qmc.Sobol(self.space.dim, scramble=True, seed=np.random.default_rng([self.seed, 8]))
        if index:
            sequence.fast_forward(index)
        yield sequence.random(1)[0]
        yield from super()._rows(index)
