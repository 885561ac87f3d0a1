"""Sources: results of other tasks, from which a search can start. See protein.models.transfer for what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from protein.history import History, build_history
from protein.optimizer import Observation, make_observation
from protein.searchspace import paths
from protein.space import SearchSpace

if TYPE_CHECKING:
    from protein.models.model_set import Models


@dataclass(frozen=True)
class Source:
    """Results of another task with the same parameters, such as an earlier search.

    They are no results of this search: they are not its best, and they cost it nothing. Scores can have another scale
    than those of this search, and costs another unit, but the goal must be the same. The order of the observations has
    no effect. Parameters that an observation does not have get the value of the search center, and values outside the
    bounds are accepted.
    """

    name: str
    observations: Sequence[Observation]


class Sources:
    """The sources of one search as histories, in an order that does not depend on theirs.

    A source without two different scores is ignored: it has no ranking.

    Raises:
        SpaceError: an unknown parameter, or a value of another type.
        ValueError: two sources with the same name, or an invalid observation.
    """

    def __init__(self, space: SearchSpace, sources: Sequence[Source], goal: str) -> None:
        counts = Counter(source.name for source in sources)
        twice = next((name for name, count in counts.items() if count > 1), None)
        if twice is not None:
            raise ValueError(f"sources: {twice!r} is the name of two sources; give each source its own name")
        self.names = tuple(source.name for source in sources)
        histories = {source.name: build_history(space, _typed(space, source), goal) for source in sources}
        ranked = {name: history for name, history in histories.items() if _ranks(history)}
        self._used = sorted(ranked, key=lambda name: (ranked[name].digest(), name))
        self.histories = tuple(ranked[name] for name in self._used)

    def __bool__(self) -> bool:
        return bool(self.histories)

    @property
    def predicts_cost(self) -> bool:
        """Whether one of them has enough costs."""
        return any(history.predicts_cost for history in self.histories)

    def weights(self, models: Models) -> dict[str, float]:
        """The weight of each source in the model of the score."""
        known = dict(zip(self._used, models.score.weights.tolist(), strict=True))
        return {name: known.get(name, 0.0) for name in self.names}


def _typed(space: SearchSpace, source: Source) -> list[Observation]:
    rows = []
    for o in source.observations:
        flat = paths.flatten(o.params)
        space.validate(flat)
        rows.append(
            make_observation(
                {name: space.parameters[name].typed(value) for name, value in flat.items()},
                o.score,
                o.cost,
                is_failure=o.is_failure,
                cost_is_lower_bound=o.cost_is_lower_bound,
            )
        )
    return rows


def _ranks(history: History) -> bool:
    scores = history.utility[history.scored]
    return len(scores) > 1 and float(np.ptp(scores)) > 0.0
