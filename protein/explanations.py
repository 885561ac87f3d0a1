"""What the observations and the models say about a search, as a part of Protein.

What needs torch is imported inside functions.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from protein.analysis.pareto import goal_sign
from protein.arrays import Array
from protein.base import Optimizer
from protein.explain.answers import Contour, Outlook, Slices
from protein.history import History
from protein.models.threads import pinned_threads
from protein.optimizer import Flat, Observation
from protein.reports import Forecasts
from protein.search.observed_front import front_positions
from protein.searchspace import paths
from protein.searchspace.parameters import SpaceError

if TYPE_CHECKING:
    from protein.explain.paths import Plan
    from protein.models.model_set import Models
    from protein.search.pool import Pool

STREAM_OUTLOOK = 6
SLICE_POINTS, CONTOUR_POINTS = 33, 25
MOST_RUNS = 200
"""Maximum number of runs in an outlook: the time grows with its square."""


class Explanations(Forecasts, Optimizer):
    """Best point, front, predictions, slices, contours and outlook of an optimizer with models."""

    @abstractmethod
    def models(self) -> Models:
        """The fitted models."""

    @abstractmethod
    def _history(self) -> History:
        """The observations as arrays."""

    @abstractmethod
    def _pool(self, models: Models) -> Pool:
        """The candidates of the next suggestion."""

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
            score = float(history.utility[row]) * goal_sign(self.goal)
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

    def _predict_rows(self, x: Array) -> tuple[Array, Array, Array]:
        models = self.models()
        with pinned_threads():
            mean, sd = models.predict_score(x)
            return mean, sd, models.predict_cost(x)

    def expected(self, params: Flat) -> dict[str, Any]:
        """What one run with this configuration is expected to score and cost, as in the details of a suggestion's info.

        `score_forecast` has mean, sd and 80% interval; `cost_forecast` median, log_sd and interval. Both predict a
        measurement, noise included, and are calibrated by earlier forecasts. `nearest` is the nearest observed run.
        Missing parameters are at their center.
        """
        from protein.models.model_set import describe

        row = self.space.encode(self.space.complete(paths.flatten(params)))
        models = self.models()
        with pinned_threads():
            found = describe(models, row, self._calibrator)
        return found | models.history.nearest(row, self._observations)

    def slices(
        self, at: Flat | None = None, *, parameters: Sequence[str] | None = None, points: int = SLICE_POINTS
    ) -> Slices:
        """The models along each parameter, the others staying as they are.

        Mean and standard deviation are those of the Gaussian process posterior (Rasmussen and Williams 2006, equations
        2.25 and 2.26), in the user's units. The intervals hold 80% of the measurements, and are calibrated by earlier
        forecasts. The result is a function of the observations.

        Args:
            at: the configuration that the slices go through, nested or flat. Missing parameters, or None: those of the
                best observed point by posterior mean; without one, the search center. Values outside the bounds move
                to the bounds.
            parameters: paths of the parameters to slice. None: all.
            points: number of values of a continuous parameter, and the most of an integer. The value of `at` is added.

        Raises:
            SpaceError: an unknown parameter, or a value of another type.
            ValueError: fewer than 2 points.

        Example:
            >>> found = protein.slices(parameters=["lr"])  # doctest: +SKIP
            >>> found.parameters["lr"].values, found.parameters["lr"].curves.mean  # doctest: +SKIP
        """
        from protein.explain.slices import slices

        names = self.space.names if parameters is None else tuple(parameters)
        self._check(names, points)
        models, base = self.models(), self._base(at)
        with pinned_threads():
            return slices(self.space, models, self._calibrator, self._allowed, base, names, points)

    def contour(self, x: str, y: str, at: Flat | None = None, *, points: int = CONTOUR_POINTS) -> Contour:
        """The models over two parameters, tables (ky, kx), the others staying as in `at`. Arguments as in `slices`.

        Raises:
            SpaceError: an unknown parameter, twice the same one, or a value of another type.
            ValueError: fewer than 2 points.
        """
        from protein.explain.slices import contour

        self._check((x, y), points)
        if x == y:
            raise SpaceError("is both x and y; give two different parameters", x)
        models, base = self.models(), self._base(at)
        with pinned_threads():
            return contour(self.space, models, self._allowed, base, (x, y), points)

    def outlook(self, n: int, *, parallel: int = 1, pending: Sequence[Flat] | None = None) -> Outlook:
        """What `n` further runs are expected to buy: the best score, the front, and the cost, each with 80% interval.

        The search is simulated 128 times on functions drawn from the posterior: choose by the acquisition, draw the
        result, condition on it, and so on (see protein.explain.outlook). The result is a function of the observations,
        the pending runs, the seed and the arguments. The budget is kept.

        Args:
            n: number of runs, besides the pending ones.
            parallel: number of runs at a time. The more, the fewer results a run can learn from.
            pending: configurations without a result yet, as in `suggest`. Their results are simulated first. They count
                for the best score and the front, not for the cost.

        Raises:
            ValueError: `n` is not an integer from 1 to 200, or `parallel` not one of 1 or more.
        """
        for name, value, most in (("n", n, MOST_RUNS), ("parallel", parallel, None)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1 or value > (most or value):
                raise ValueError(f"{name}: {value!r} is not an integer " + (f"from 1 to {most}" if most else "above 0"))
        from protein.explain.outlook import outlook_of, simulated

        with pinned_threads():
            plan = self.outlook_plan(n, parallel, pending)
            return outlook_of(simulated(plan, self.outlook_seed()), plan)

    def outlook_plan(self, n: int, parallel: int = 1, pending: Sequence[Flat] | None = None) -> Plan:
        """What `outlook` simulates."""
        from protein.explain.paths import plan

        asked = self._outstanding if pending is None else pending
        rows = self.space.encode_many([self.space.complete(paths.flatten(p)) for p in asked])
        rows = rows[np.lexsort(rows.T[::-1])]
        with pinned_threads():
            return plan(self.space, self.settings, self.budget, self._pool(self.models()), rows, n, parallel)

    def outlook_seed(self) -> list[int]:
        """The seed of the simulated searches."""
        return [self.seed, STREAM_OUTLOOK, len(self.models().history)]

    def _base(self, at: Flat | None) -> Mapping[str, Any]:
        """The configuration with the parameters of the best point where it has none."""
        given = paths.flatten(at) if at is not None else {}
        self.space.validate(given)
        found = self.best()
        best = {} if found is None else found[0]
        return {**best, **given}

    def _check(self, names: Sequence[str], points: int) -> None:
        unknown = [name for name in names if name not in self.space.parameters]
        if unknown:
            raise SpaceError(f"unknown parameter; known are {', '.join(self.space.names)}", str(unknown[0]))
        if isinstance(points, bool) or not isinstance(points, int) or points < 2:
            raise ValueError(f"points: {points!r} is not an integer of 2 or more")
