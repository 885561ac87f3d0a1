"""Protein: a cost-aware Bayesian optimizer for experiments whose price varies by orders of magnitude.

It fits Gaussian processes of the score, of log-cost and of failure to the observations. For each suggestion it draws a
cost level and proposes the point with the largest expected improvement of the Pareto front (score, cost) there.

Reproducibility. A suggestion depends on space, settings, goal, seed, index, and on the observations and pending points
(in any order). It depends on no clock, no global generator and no earlier fit. With the same machine and versions, a
restarted process makes the same suggestion, bit for bit.

Threads. torch and every BLAS use one thread inside suggest(), best() and predict(). The caller's settings are restored
afterwards. Reproducibility needs a fixed number of threads, because the order of sums depends on it. The other cores
stay free for the training runs.

Memory and time. Hyperparameters are fitted on at most 256 rows. Predictions are conditioned on at most 1,024 rows
(8,192 on a GPU): half are the best rows, half a sample of the rest. Beyond these sizes, the time of a suggestion grows
only with reading the observations, O(n d + n log n). The largest arrays are a few 1,024 x 1,024 matrices of 8 MB. Only
means and variances of candidates are computed, not their joint distribution. `python -m tests.bench.latency` measures
both. torch and gpytorch take seconds to import. They, and the modules that need them, are therefore imported inside the
functions that need a model; the initial design does not.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from protein.arrays import Array
from protein.base import Optimizer
from protein.history import History, build_history
from protein.models.scaling import standardize
from protein.optimizer import Constraint, Flat, Goal, Observation, SuggestionInfo
from protein.outcomes import Outcome
from protein.per_point import PerPoint
from protein.reports import Forecasts
from protein.search.candidates import row_keys
from protein.search.initial_design import Design, initial_design_size
from protein.settings import ProteinSettings
from protein.space import SearchSpace

if TYPE_CHECKING:
    from protein.models.model_set import Models
    from protein.search.pool import CandidateConstraints, Pool


STREAM_MODEL, STREAM_FANTASIES, STREAM_RESAMPLE, STREAM_POOL = 2, 3, 4, 5
ANCHORS = 64
"""Number of best observed points that serve as anchors for the repair of candidates."""


class Protein(Forecasts, Optimizer):
    """Cost-aware Bayesian optimizer.

    Args:
        space: the search space, or its configuration.
        settings: the settings, or their configuration. Default: ``ProteinSettings()``.
        goal: "maximize" or "minimize" the score.
        seed: seed of all random draws.
        constraints: functions of a flat configuration. Only configurations for which all return True are suggested.
        outcomes: additional metrics by name, which ``observe(metrics=...)`` reports. Each is an objective, has a
            threshold, or both.
        comparable_curves: whether the reports of different runs at equal steps can be compared. False for a schedule
            that depends on the length of the run: each run is then forecast from its own curve alone.

    Raises:
        SpaceError: an invalid space.
        ValueError: an invalid setting or goal.

    Example:
        >>> space = {"lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3, "scale": 0.5}}
        >>> optimizer = Protein(space, goal="maximize", seed=0)
        >>> suggestion, info = optimizer.suggest()
        >>> optimizer.observe(suggestion, score=0.87, cost=120.0)
    """

    def __init__(
        self,
        space: SearchSpace | Mapping[str, Any],
        settings: ProteinSettings | Mapping[str, Any] | None = None,
        goal: Goal = "maximize",
        seed: int = 0,
        constraints: Sequence[Constraint] = (),
        *,
        outcomes: Mapping[str, Outcome] | None = None,
        comparable_curves: bool = True,
    ) -> None:
        super().__init__(space, settings, goal, seed, constraints)
        self.outcomes = dict(outcomes or {})
        self.comparable_curves = comparable_curves
        self._pending_rows = PerPoint(self.space.encode)
        self._design = Design(self.space, self.settings, self.seed, self._allowed)

    _table: History | None = None
    _fitted: tuple[bytes, Models] | None = None
    _candidates: tuple[Models, Pool] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """State for pickle, without the caches, which do not affect results."""
        caches = ("_table", "_fitted", "_candidates", "_forecaster", "_estimates")
        return {name: value for name, value in vars(self).items() if name not in caches}

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
        from protein.search.observed_front import front_positions

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
        from protein.models.threads import pinned_threads

        models = self.models()
        with pinned_threads():
            return models.score.predict(x)[0]

    def _predict_rows(self, x: Array) -> tuple[Array, Array, Array]:
        from protein.models.threads import pinned_threads

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
        from protein.models.threads import pinned_threads

        digest = history.digest()
        if self._fitted is None or self._fitted[0] != digest:
            with pinned_threads():
                self._fitted = digest, build_models(history, self.goal, self.settings.device)
        return self._fitted[1]

    def needs_model(self, pending: int) -> bool:
        """The initial design needs none, except to keep below a cost cap once costs are known."""
        history = self._history()
        return not self._in_design(history, pending) or self._caps(history) or self._mixed(history)

    def _in_design(self, history: History, pending: int) -> bool:
        """Whether the next point belongs to the initial design, which goes on until two scores differ.

        Until then a model would see only which points are far from all others: those on the edges of the box.
        """
        started = len(history) + pending >= initial_design_size(self.space, self.settings)
        return not started or standardize(history.utility[history.scored], clip=True).constant

    def _propose(self, pending: Sequence[Flat], index: int) -> tuple[Flat, SuggestionInfo]:
        """One suggestion given flat pending points, at position `index` of the random stream."""
        history = self._history()
        waiting = np.array(self._pending_rows.all(pending)).reshape(-1, self.space.dim)
        if self._in_design(history, len(waiting)):
            return self._propose_initial(history, waiting, pending)
        every = self.settings.resample_frequency
        if every > 0 and index % every == 0:
            repeated = self._propose_resample(history, index)
            if repeated is not None:
                return repeated
        return self._propose_model(history, waiting[np.lexsort(waiting.T[::-1])], pending, index)

    def _propose_initial(
        self, history: History, waiting: Array, pending: Sequence[Flat]
    ) -> tuple[Flat, SuggestionInfo]:
        """The first point of the initial design that is new and satisfies the constraints."""
        taken = self.space.snap(np.concatenate([history.x, waiting]))
        mixed = self._mixed(history)
        options = self._design.untaken(taken, every=mixed or self._caps(history))
        options = options or [self._any_allowed(self._taken(pending), [len(taken)])]
        chosen, over = self._within_cap(history, self._likely(options) if mixed else options)
        is_center = self.settings.seed_with_search_center and self.space.key(chosen) == self.space.key(
            self.space.center()
        )
        return chosen, SuggestionInfo(origin="center" if is_center else "random", over_max_cost=over)

    def _likely(self, options: list[Flat]) -> list[Flat]:
        """The options, each kept with its probability of success; at least the most likely one.

        The draw belongs to the point: one that is not kept comes back only when its probability rises.
        """
        rows = self.space.encode_many(list(options))
        likely = self.models().feasibility.predict(rows)
        drawn = [zlib.crc32(row.tobytes()) / 2**32 for row in rows]
        kept = [flat for flat, keep in zip(options, np.array(drawn) < likely, strict=True) if keep]
        return kept or [options[int(np.argmax(likely))]]

    def _mixed(self, history: History) -> bool:
        """Whether some runs failed and others did not, so that points of the design are chosen by their success."""
        return bool(history.failed.any() and history.scored.any())

    def _caps(self, history: History) -> bool:
        """Whether points of the initial design are chosen by their predicted cost."""
        return self.settings.max_suggestion_cost is not None and int(history.priced.sum()) >= 2

    def _within_cap(self, history: History, options: Sequence[Flat]) -> tuple[Flat, bool]:
        """The first option with a predicted cost of at most max_suggestion_cost, and False.

        If there is none: the cheapest predicted option, and True. With fewer than two known costs, the first option.
        """
        cap = self.settings.max_suggestion_cost
        if cap is None or not self._caps(history):
            return options[0], False
        _, _, costs = self.predict(options)
        below = np.flatnonzero(costs <= cap)
        if len(below):
            return options[int(below[0])], False
        return options[int(np.argmin(costs))], True

    def _propose_resample(self, history: History, index: int) -> tuple[Flat, SuggestionInfo] | None:
        """A random one of the least often measured points of the observed Pareto front."""
        from protein.search.observed_front import front_rows

        rows = front_rows(history)
        if len(rows) == 0:
            return None
        keys = row_keys(history.x)
        counts = np.array([keys.count(key) for key in row_keys(rows)])
        least = np.flatnonzero(counts == counts.min())
        rng = np.random.default_rng([self.seed, STREAM_RESAMPLE, index])
        row = rows[int(least[int(rng.integers(len(least)))])]
        source = int(history.source[keys.index(row_keys(row[None, :])[0])])
        flat = self._observations[source].params
        score, _, cost = self.predict([flat])
        info = SuggestionInfo(origin="resample", score=float(score[0]), cost=_finite(cost[0]))
        return flat, info

    def _propose_model(
        self, history: History, waiting: Array, pending: Sequence[Flat], index: int
    ) -> tuple[Flat, SuggestionInfo]:
        """The point with the highest acquisition; `waiting` are the sorted rows (p, dim) of `pending`."""
        from protein.models.model_set import describe
        from protein.models.threads import pinned_threads
        from protein.search.proposal import propose

        def fallback() -> Flat:
            return self._any_allowed(self._taken(pending), [index])

        models = self._fit(history)
        rng = np.random.default_rng([self.seed, STREAM_MODEL, index])
        fantasies = np.random.default_rng([self.seed, STREAM_FANTASIES])
        with pinned_threads():
            models.score.forecasts = self._expected(models)
            chosen = propose(self.space, self.settings, self._pool(models), waiting, fallback, rng, fantasies)
            details = describe(models, chosen.row, self._calibrator)
        details |= {**self._nearest(history, chosen.row), "cost_level": chosen.cost_level, "acquisition": chosen.kind}
        info = SuggestionInfo(
            origin="model",
            score=details.get("score_forecast", {}).get("mean"),
            cost=details.get("cost_forecast", {}).get("median"),
            rating=chosen.value if math.isfinite(chosen.value) else None,
            over_max_cost=chosen.over_max_cost,
            details=details,
        )
        return chosen.params, info

    def _pool(self, models: Models) -> Pool:
        """The candidates of the observations so far, cached like the models."""
        from protein.search.proposal import build_pool

        if self._candidates is None or self._candidates[0] is not models:
            rng = np.random.default_rng([self.seed, STREAM_POOL, len(models.history)])
            constraints = self._candidate_constraints(models.history)
            self._candidates = models, build_pool(self.space, self.settings, models, constraints, rng)
        return self._candidates[1]

    def _nearest(self, history: History, row: Array) -> dict[str, Any]:
        """The observed run nearest to a row (dim,) of the unit box: its distance there, parameters and results."""
        if len(history) == 0:
            return {}
        distance = np.sqrt(((history.x - row) ** 2).sum(axis=1))
        nearest = int(np.argmin(distance))
        run = self._observations[int(history.source[nearest])]
        found = {"distance": float(distance[nearest]), "params": dict(run.params), "score": run.score, "cost": run.cost}
        return {"nearest": found}

    def _candidate_constraints(self, history: History) -> CandidateConstraints | None:
        """The constraints in the form that the candidates need; None without any."""
        from protein.search.pool import CandidateConstraints

        if not self.constraints:
            return None
        best = np.argsort(-np.nan_to_num(history.utility, nan=-np.inf), kind="stable")[:ANCHORS]
        known = [*history.x[best], self.space.center_unit]
        passing = [row for row in self.space.snap(np.array(known)) if self._allowed(self.space.decode(row))]
        anchors = np.array(passing or [self.space.encode(self._any_allowed(set(), [len(history)]))])
        return CandidateConstraints(self._allowed, anchors)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
