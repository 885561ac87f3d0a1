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
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from protein.arrays import Array
from protein.base import Optimizer
from protein.budget import Budget
from protein.history import History, build_history
from protein.models.scaling import standardize
from protein.optimizer import Constraint, Flat, Goal, Observation, SuggestionInfo
from protein.outcomes import Outcome
from protein.per_point import PerPoint
from protein.search.candidates import row_key
from protein.search.initial_design import Design, initial_design_size, likely, within_cap
from protein.settings import ProteinSettings
from protein.space import SearchSpace

if TYPE_CHECKING:
    from protein.models.model_set import Models
    from protein.search.proposal import CandidateConstraints


STREAM_MODEL, STREAM_FANTASIES, STREAM_RESAMPLE = 2, 3, 4
ANCHORS = 64
"""Number of best observed points that serve as anchors for the repair of candidates."""


class Protein(Optimizer):
    """Cost-aware Bayesian optimizer.

    Args:
        space: the search space, or its configuration.
        settings: the settings, or their configuration. Default: ``ProteinSettings()``.
        goal: "maximize" or "minimize" the score.
        seed: seed of all random draws.
        constraints: functions of a flat configuration. Only configurations for which all return True are suggested.
        outcomes: additional metrics by name, which ``observe(metrics=...)`` reports. Each is an objective, has a
            threshold, or both.
        budget: limits of the total cost and of the number of runs. No run is suggested whose predicted cost exceeds
            what is left, by the upper end of its 80% interval: then ``suggest()`` raises BudgetExhausted.

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
        budget: Budget | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(space, settings, goal, seed, constraints, budget)
        self.outcomes = dict(outcomes or {})
        self._pending_rows = PerPoint(self.space.encode)
        self._design = Design(self.space, self.settings, self.seed, self._allowed)

    _table: History | None = None
    _fitted: tuple[bytes, Models] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """State for pickle, without the caches, which do not affect results."""
        return {name: value for name, value in vars(self).items() if name not in ("_table", "_fitted")}

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
        waiting = waiting[np.lexsort(waiting.T[::-1])]
        payable = self._payable(history, waiting)
        if self._in_design(history, len(waiting)):
            initial = self._propose_initial(history, waiting, pending, payable)
            if initial is not None:
                return initial
        every = self.settings.resample_frequency
        if every > 0 and index % every == 0:
            repeated = self._propose_resample(history, index)
            if repeated is not None and (payable is None or (repeated[1].cost or 0.0) <= payable):
                return repeated
        return self._propose_model(history, waiting, pending, index, payable)

    def _payable(self, history: History, waiting: Array) -> float | None:
        """The largest cost that the next run may have. None: no limit, or too few costs for a prediction."""
        if not self.budget.limits_cost or not self._predicts_cost(history):
            return None
        pending = float(self._predict_rows(waiting)[2].sum()) if len(waiting) else 0.0
        return self.budget.left(history.spent, pending)

    def _propose_initial(
        self, history: History, waiting: Array, pending: Sequence[Flat], payable: float | None
    ) -> tuple[Flat, SuggestionInfo] | None:
        """The first point of the initial design that is new, satisfies the constraints and is payable, if any is."""
        taken = self.space.snap(np.concatenate([history.x, waiting]))
        mixed = self._mixed(history)
        options = self._design.untaken(taken, every=mixed or self._caps(history))
        options = options or [self._any_allowed(self._taken(pending), [len(taken)])]
        if payable is not None or mixed:
            options = self._promising(options, payable, mixed=mixed)
            if not options:
                return None
        cap, chosen, over = self.settings.max_suggestion_cost, options[0], False
        if cap is not None and self._predicts_cost(history):
            chosen, over = within_cap(options, self.predict(options)[2], cap)
        is_center = self.settings.seed_with_search_center and self.space.key(chosen) == self.space.key(
            self.space.center()
        )
        return chosen, SuggestionInfo(origin="center" if is_center else "random", over_max_cost=over)

    def _promising(self, options: list[Flat], payable: float | None, *, mixed: bool) -> list[Flat]:
        """The options that are payable and, if some runs failed, those that are drawn by their success."""
        from protein.models.threads import pinned_threads

        models = self.models()
        with pinned_threads():
            if payable is not None:
                within = models.payable(self.space.encode_many(options), payable)
                options = [flat for flat, fits in zip(options, within, strict=True) if fits]
            if mixed and options:
                rows = self.space.encode_many(options)
                options = likely(options, rows, models.feasibility.predict(rows))
        return options

    def _mixed(self, history: History) -> bool:
        """Whether some runs failed and others did not, so that points of the design are chosen by their success."""
        return bool(history.failed.any() and history.scored.any())

    def _caps(self, history: History) -> bool:
        """Whether points of the initial design are chosen by their predicted cost."""
        limited = self.settings.max_suggestion_cost is not None or self.budget.limits_cost
        return limited and self._predicts_cost(history)

    def _predicts_cost(self, history: History) -> bool:
        """Whether enough costs are known to predict others."""
        return int(history.priced.sum()) >= 2

    def _propose_resample(self, history: History, index: int) -> tuple[Flat, SuggestionInfo] | None:
        """A random one of the least often measured points of the observed Pareto front."""
        from protein.search.observed_front import front_rows

        rows = front_rows(history)
        if len(rows) == 0:
            return None
        keys = [row_key(row) for row in history.x]
        counts = np.array([keys.count(row_key(row)) for row in rows])
        least = np.flatnonzero(counts == counts.min())
        rng = np.random.default_rng([self.seed, STREAM_RESAMPLE, index])
        row = rows[int(least[int(rng.integers(len(least)))])]
        source = next(int(i) for i, key in zip(history.source, keys, strict=True) if key == row_key(row))
        flat = self._observations[source].params
        score, _, cost = self.predict([flat])
        info = SuggestionInfo(origin="resample", score=float(score[0]), cost=_finite(cost[0]))
        return flat, info

    def _propose_model(
        self, history: History, waiting: Array, pending: Sequence[Flat], index: int, payable: float | None
    ) -> tuple[Flat, SuggestionInfo]:
        """The point with the highest acquisition; `waiting` are the sorted rows (p, dim) of `pending`.

        payable: the largest cost that the run may have. Raises BudgetExhausted.
        """
        from protein.models.model_set import describe
        from protein.models.threads import pinned_threads
        from protein.search.proposal import propose

        models = self._fit(history)
        rng = np.random.default_rng([self.seed, STREAM_MODEL, index])
        fantasies = np.random.default_rng([self.seed, STREAM_FANTASIES])
        with pinned_threads():
            constraints = self._candidate_constraints(history, pending, index, payable)
            chosen = propose(self.space, self.settings, models, waiting, constraints, rng, fantasies)
            details = {**describe(models, chosen.row, self._calibrator), **self._nearest(history, chosen.row)}
        details["cost_level"] = chosen.cost_level
        details["acquisition"] = chosen.kind
        info = SuggestionInfo(
            origin="model",
            score=details.get("score_forecast", {}).get("mean"),
            cost=details.get("cost_forecast", {}).get("median"),
            rating=chosen.value if math.isfinite(chosen.value) else None,
            over_max_cost=chosen.over_max_cost,
            details=details,
        )
        return chosen.params, info

    def _nearest(self, history: History, row: Array) -> dict[str, Any]:
        """The observed run nearest to a row (dim,) of the unit box: its distance there, parameters and results."""
        if len(history) == 0:
            return {}
        distance = np.sqrt(((history.x - row) ** 2).sum(axis=1))
        nearest = int(np.argmin(distance))
        run = self._observations[int(history.source[nearest])]
        found = {"distance": float(distance[nearest]), "params": dict(run.params), "score": run.score, "cost": run.cost}
        return {"nearest": found}

    def _candidate_constraints(
        self, history: History, pending: Sequence[Flat], index: int, payable: float | None
    ) -> CandidateConstraints:
        """The constraints in the form that `propose` needs."""
        from protein.search.proposal import CandidateConstraints

        def fallback() -> Flat:
            return self._any_allowed(self._taken(pending), [index])

        if not self.constraints:
            return CandidateConstraints(fallback, payable=payable)
        best = np.argsort(-np.nan_to_num(history.utility, nan=-np.inf), kind="stable")[:ANCHORS]
        known = [*history.x[best], self.space.center_unit]
        passing = [row for row in self.space.snap(np.array(known)) if self._allowed(self.space.decode(row))]
        anchors = np.array(passing or [self.space.encode(self._any_allowed(set(), [index]))])
        return CandidateConstraints(fallback, self._allowed, anchors, payable)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
