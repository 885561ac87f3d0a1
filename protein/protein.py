"""Protein: a cost-aware Bayesian optimizer for experiments whose price varies by orders of magnitude.

It fits Gaussian processes of the score, of log-cost and of failure to the observations. It proposes the point with the
largest expected improvement by cost: the improvement is divided by a power of the cost, which follows the budget.

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
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from protein.arrays import Array
from protein.budget import Budget
from protein.explanations import Explanations
from protein.history import History, build_history
from protein.models.scaling import standardize
from protein.models.threads import pinned_threads
from protein.optimizer import Constraint, Flat, Goal, SuggestionInfo
from protein.outcomes import Outcome
from protein.per_point import PerPoint
from protein.search.allowance import Allowance, allow
from protein.search.initial_design import Design, initial_design_size, select
from protein.search.observed_front import least_measured
from protein.settings import ProteinSettings
from protein.sources import Source, Sources
from protein.space import SearchSpace
from protein.worth import Worth

if TYPE_CHECKING:
    from protein.models.model_set import Models
    from protein.search.pool import Pool


TRUSTED = 0.5
"""Weight of all sources together from which on they choose points instead of the initial design."""
STREAM_MODEL, STREAM_FANTASIES, STREAM_RESAMPLE, STREAM_POOL = 2, 3, 4, 5


class Protein(Worth, Explanations):
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
            what is left, by the upper end of its 80% interval. If there is none, ``suggest()`` raises BudgetExhausted.
        sources: results of other tasks with the same parameters, such as earlier searches. They decide on the first
            points, and count as much as their ranking agrees with the results of this search (`source_weights`).
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
        budget: Budget | Mapping[str, Any] | None = None,
        sources: Sequence[Source] = (),
        comparable_curves: bool = True,
    ) -> None:
        super().__init__(space, settings, goal, seed, constraints, budget)
        self.outcomes = dict(outcomes or {})
        self.sources = Sources(self.space, sources, self.goal)
        self.comparable_curves = comparable_curves
        self._pending_rows = PerPoint(self.space.encode)
        chosen = self.settings
        if chosen.prior_weight is None and any(outcome.objective for outcome in self.outcomes.values()):
            chosen = replace(chosen, prior_weight=0.0)
        self._design = Design(self.space, chosen, self.seed, self._allowed)

    _table: History | None = None
    _fitted: tuple[bytes, Models] | None = None
    _candidates: tuple[Models, Pool] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """State for pickle, without the caches, which do not affect results."""
        caches = ("_table", "_fitted", "_candidates", "_forecaster", "_estimates")
        return {name: value for name, value in vars(self).items() if name not in caches}

    def _history(self) -> History:
        """The observations as arrays. Rebuilt when their number grows: observations are never changed or removed."""
        if self._table is None or len(self._table) != len(self._observations):
            self._table = build_history(self.space, self._observations, self.goal, self.outcomes)
        return self._table

    def models(self) -> Models:
        """The models fitted to the observations so far."""
        return self._fit(self._history())

    def source_weights(self) -> dict[str, float]:
        """The weight of each source in the model of the score, by name, from 0 to 1.

        It is the share of posterior samples in which the source ranks the results of this search better than the other
        sources and than the model of this search alone. What is missing to a sum of 1 is the weight of the latter.
        """
        return self.sources.weights(self.models())

    def _fit(self, history: History) -> Models:
        """The fitted models, cached as long as the observations stay the same."""
        from protein.models.model_set import build_models

        digest = history.digest()
        if self._fitted is None or self._fitted[0] != digest:
            with pinned_threads():
                models = build_models(history, self.goal, self.settings.device, self.sources.histories)
            self._fitted = digest, models
        return self._fitted[1]

    def needs_model(self, pending: int) -> bool:
        """The initial design needs none, unless its points are selected by what is known about them."""
        history = self._history()
        may_ask_sources = bool(self.sources) and _is_turn_of_sources(history, pending)
        return not self._in_design(history, pending) or may_ask_sources or self._selects(history)

    def _selects(self, history: History) -> bool:
        """Whether points of the initial design are selected by their predicted cost or probability of success."""
        limited = self.settings.max_suggestion_cost is not None or self.budget.limits_cost
        return history.mixed or (limited and self._predicts_cost(history))

    def _predicts_cost(self, history: History) -> bool:
        return history.predicts_cost or self.sources.predicts_cost

    def _asks_sources(self, history: History, pending: int) -> bool:
        """Whether the sources choose the next point, and not the initial design.

        They take turns, and the sources begin. They lose their turn when the results contradict them.
        """
        if not self.sources or not _is_turn_of_sources(history, pending):
            return False
        return math.fsum(self._fit(history).score.weights) >= TRUSTED

    def _in_design(self, history: History, pending: int) -> bool:
        """Whether the next point belongs to the initial design, which goes on until two scores differ.

        Until then a model would see only which points are far from all others: those on the edges of the box.
        """
        started = len(history) + pending >= initial_design_size(self.space, self.settings)
        return not started or self._undecided(history)

    def _undecided(self, history: History) -> bool:
        """Whether no two scores differ."""
        return standardize(history.utility[history.scored], clip=True).constant

    def _propose(self, pending: Sequence[Flat], index: int) -> tuple[Flat, SuggestionInfo]:
        """One suggestion given flat pending points, at position `index` of the random stream."""
        history = self._history()
        waiting = self._rows(pending)
        allowance = self._allowance(history, waiting)
        if self._in_design(history, len(waiting)) and not self._asks_sources(history, len(waiting)):
            initial = self._propose_initial(history, waiting, pending, allowance)
            if initial is not None:
                return initial
        every = self.settings.resample_frequency
        if every > 0 and index % every == 0:
            repeated = self._propose_resample(history, index, allowance)
            if repeated is not None:
                return repeated
        proposed = self._propose_model(history, waiting, pending, index, allowance)  # or nothing is payable
        self._require_worth(history, waiting)
        return proposed

    def _rows(self, points: Sequence[Flat]) -> Array:
        """The sorted rows (p, dim) of points."""
        rows = np.array(self._pending_rows.all(points)).reshape(-1, self.space.dim)
        return rows[np.lexsort(rows.T[::-1])]

    def _allowance(self, history: History, waiting: Array) -> Allowance:
        """What the budget leaves for the next run besides the pending rows. No limit without costs to predict from."""
        if not self._predicts_cost(history):
            return Allowance()
        if not self.budget.limits_cost:
            return allow(self.budget, history, len(waiting), 0.0)
        models = self.models()
        with pinned_threads():
            return allow(self.budget, history, len(waiting), math.fsum(models.predict_cost(waiting)))

    def _propose_initial(
        self, history: History, waiting: Array, pending: Sequence[Flat], allowance: Allowance
    ) -> tuple[Flat, SuggestionInfo] | None:
        """The next point of the initial design. None if none of its points is payable."""
        taken = self.space.snap(np.concatenate([history.x, waiting]))
        options = self._design.untaken(taken, every=self._selects(history))
        options = options or [self._any_allowed(self._taken(pending), [len(taken)])]
        chosen, over = options[0], False
        if self._selects(history):
            models = self.models()
            with pinned_threads():
                found = select(options, self.space.encode_many(options), models, self.settings, allowance.payable)
            if found is None:
                return None
            chosen, over = found
        is_center = self.space.key(chosen) == self.space.key(self.space.center())
        first = is_center and self.settings.seed_with_search_center
        return chosen, SuggestionInfo(origin="center" if first else "random", over_max_cost=over)

    def _propose_resample(
        self, history: History, index: int, allowance: Allowance
    ) -> tuple[Flat, SuggestionInfo] | None:
        """A random one of the least often measured points of the observed Pareto front. None if it is not payable."""
        row = least_measured(history, np.random.default_rng([self.seed, STREAM_RESAMPLE, index]))
        if row is None:
            return None
        x, models = history.x[row][None, :], self.models()
        with pinned_threads():
            if allowance.payable is not None and not models.payable(x, allowance.payable)[0]:
                return None
            score, cost = models.predict_score(x)[0], models.predict_cost(x)
        info = SuggestionInfo(origin="resample", score=float(score[0]), cost=_finite(cost[0]))
        return self._observations[int(history.source[row])].params, info

    def _propose_model(
        self, history: History, waiting: Array, pending: Sequence[Flat], index: int, allowance: Allowance
    ) -> tuple[Flat, SuggestionInfo]:
        """The point with the highest acquisition; `waiting` are the sorted rows (p, dim) of `pending`.

        Raises BudgetExhausted.
        """
        from protein.models.model_set import describe
        from protein.search.pool import Turn
        from protein.search.proposal import propose

        def fallback() -> Flat:
            return self._any_allowed(self._taken(pending), [index])

        models = self._fit(history)
        rng = np.random.default_rng([self.seed, STREAM_MODEL, index])
        turn = Turn(waiting, fallback, allowance, rng, np.random.default_rng([self.seed, STREAM_FANTASIES]))
        with pinned_threads():
            models.score.forecasts = self._expected(models)
            chosen = propose(self.space, self.settings, self._pool(models), turn)
            details = describe(models, chosen.row, self._calibrator)
        nearest = history.nearest(chosen.row, self._observations)
        details |= {**nearest, "acquisition": chosen.kind}
        by_cost = chosen.kind in ("ei", "ucb") and not models.cost.constant
        details["cost_power"] = allowance.thrift if by_cost else 0.0
        if self.sources.names:
            details["sources"] = self.sources.weights(models)
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
        from protein.search.pool import candidate_constraints
        from protein.search.proposal import build_pool

        if self._candidates is None or self._candidates[0] is not models:
            rng = np.random.default_rng([self.seed, STREAM_POOL, len(models.history)])
            constraints = None
            if self.constraints:
                constraints = candidate_constraints(self.space, models.history, self._allowed, self._any_allowed)
            self._candidates = models, build_pool(self.space, self.settings, models, constraints, rng)
        return self._candidates[1]


def _is_turn_of_sources(history: History, pending: int) -> bool:
    return (len(history) + pending) % 2 == 0


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
