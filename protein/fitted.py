"""What is known about a search, as a part of Protein: its results, the models fitted to them, and its best points.

What needs torch is imported inside functions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from protein.arrays import Array
from protein.explanations import Explanations
from protein.history import History, build_history
from protein.models.threads import pinned_threads
from protein.optimizer import Flat, Observation
from protein.outcomes import Outcome
from protein.prospect import Prospects
from protein.search.observed_front import front_positions
from protein.sources import Sources

if TYPE_CHECKING:
    from protein.models.model_set import Models


class Fitted(Prospects, Explanations):
    """The results of a search and its models."""

    outcomes: Mapping[str, Outcome]
    sources: Sources
    _table: History | None = None
    _fitted: tuple[bytes, Models] | None = None

    def best(
        self, by: str = "posterior", max_cost: float | None = None
    ) -> tuple[dict[str, Any], float, float | None] | None:
        """The best point observed: (flat parameters, score, cost or None), or None without a scored observation.

        Only observations that reach the thresholds of all outcomes count.

        Args:
            by: "posterior" ranks the observed points by the posterior mean and returns that mean as the score.
                "observed" ranks by the measured score, which under noise favors lucky measurements.
            max_cost: only points with a measured cost of at most this value.

        Raises:
            ValueError: an unknown ``by``.
        """
        if by not in ("posterior", "observed"):
            raise ValueError(f"by: {by!r} must be 'posterior' or 'observed'")
        history = self._history()
        eligible = history.scored & history.outcomes.reach(history.outcomes.least)
        rows = np.flatnonzero(eligible if max_cost is None else eligible & (history.cost <= max_cost))
        if len(rows) == 0:
            return None
        if by == "observed":
            row = int(rows[int(np.argmax(history.utility[rows]))])
            score = float(history.utility[row]) * (1.0 if self.goal == "maximize" else -1.0)
        else:
            mean = self.posterior_mean(history.x[rows])
            row = int(rows[int(np.argmax(mean))])
            score = float(self._predict_rows(history.x[row][None, :])[0][0])
        cost = float(history.cost[row])
        params = dict(self._observations[int(history.source[row])].params)
        return params, score, cost if math.isfinite(cost) else None

    def front(self) -> list[Observation]:
        """The Pareto-optimal observations in score, cost and every objective, by rising cost.

        Only observations that reach the thresholds of all outcomes count. As long as none does, all count.
        """
        history = self._history()
        rows = front_positions(history)
        rows = rows[np.argsort(history.cost[rows], kind="stable")]
        return [self._observations[int(history.source[row])] for row in rows]

    def predict(self, points: Sequence[Flat]) -> tuple[Array, Array, Array]:
        """Score mean, its standard deviation and median cost, (m,) each, at flat points, in the user's units.

        The score is the noise-free one, in the user's direction. The cost is NaN as long as no cost is known.
        """
        return self._predict_rows(self.space.encode_many(list(points)))

    def posterior_mean(self, x: Array) -> Array:
        """Standardized posterior mean (m,) of the utility (to be maximized) at rows (m, dim) of the unit box."""
        models = self.models()
        with pinned_threads():
            return models.score.predict(x)[0]

    def source_weights(self) -> dict[str, float]:
        """The weight of each source in the model of the score, by name, from 0 to 1.

        It is the share of posterior samples in which the source ranks the results of this search better than the other
        sources and than the model of this search alone. What is missing to a sum of 1 is the weight of the latter.
        """
        return self.sources.weights(self.models())

    def _predict_rows(self, x: Array) -> tuple[Array, Array, Array]:
        models = self.models()
        with pinned_threads():
            mean, sd = models.predict_score(x)
            return mean, sd, models.predict_cost(x)

    def _history(self) -> History:
        """The observations as arrays. Rebuilt when their number grows: observations are never changed or removed."""
        if self._table is None or len(self._table) != len(self._observations):
            self._table = build_history(self.space, self._observations, self.goal, self.outcomes)
        return self._table

    def models(self) -> Models:
        """The models fitted to the observations so far."""
        return self._fit(self._history())

    def _fit(self, history: History) -> Models:
        """The fitted models, cached as long as the observations stay the same."""
        from protein.models.model_set import build_models

        digest = history.digest()
        if self._fitted is None or self._fitted[0] != digest:
            with pinned_threads():
                models = build_models(history, self.goal, self.settings.device, self.sources.histories)
            self._fitted = digest, models
        return self._fitted[1]
