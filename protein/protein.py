"""Protein: a cost-aware Bayesian optimizer for experiments whose price varies by orders of magnitude.

It learns Gaussian processes of the score, of log-cost and of failure from the observations, draws a level of cost for
each suggestion, and proposes the point that promises the largest improvement of the Pareto front (score, cost) there.

What a suggestion depends on: space, settings, goal, seed, the observations and the pending points (in any order), and
its index. Nothing else: no clock, no global generator, no state of an earlier fit. The same machine and versions give
the same suggestion, bit for bit, after any restart.

Threads. torch and every BLAS are held to one thread inside suggest(), best() and predict(); the caller's settings are
given back afterwards. The order of sums depends on the number of threads, so the pinned count is
part of the promise above, and the other cores belong to the training runs.

Memory and time. Hyperparameters are fitted on at most 256 rows, predictions are conditioned on at most 1,024 (the best
half and a sample of the rest; 8,192 on a GPU), so that beyond these sizes the cost of a suggestion grows only with
reading the observations, O(n d + n log n). The largest arrays are a few 1,024 x 1,024 matrices of 8 MB. Only means and
variances of candidates are computed, never their joint distribution. `python -m tests.bench.latency` measures both.
torch and gpytorch are imported by the first suggestion that needs a model; the start-up design does without.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from protein.base import BaseOptimizer
from protein.history import History, build_history
from protein.optimizer import Constraint, Flat, Goal, Observation, SuggestionInfo
from protein.outcomes import Outcome
from protein.search.candidates import row_key
from protein.search.initial_design import initial_design, initial_design_size
from protein.settings import ProteinSettings
from protein.space import SearchSpace

if TYPE_CHECKING:
    from protein.models.model_set import Models
    from protein.search.proposal import CandidateConstraints

Array = npt.NDArray[np.float64]

STREAM_MODEL, STREAM_FANTASIES, STREAM_RESAMPLE = 2, 3, 4
EXTRA_START_POINTS = 64
"""Further points of the start-up sequence that replace points which are taken or break a constraint."""

SAME_POINT = 1e-6
"""Largest difference of unit coordinates of two points of the start-up design that count as one."""
ANCHORS = 64
"""Best observed points that candidates which break a constraint are repaired towards."""


class Protein(BaseOptimizer):
    """The optimizer. The module's docstring says what a suggestion depends on; the protocol is in BaseOptimizer."""

    def __init__(
        self,
        space: SearchSpace | Mapping[str, Any],
        settings: ProteinSettings | Mapping[str, Any] | None = None,
        goal: Goal = "maximize",
        seed: int = 0,
        constraints: Sequence[Constraint] = (),
        *,
        outcomes: Mapping[str, Outcome] | None = None,
    ) -> None:
        """``outcomes``: further metrics that ``observe(metrics=...)`` reports, as objectives or with thresholds."""
        super().__init__(space, settings, goal, seed, constraints)
        self.outcomes = dict(outcomes or {})

    _table: History | None = None
    _fitted: tuple[bytes, Models] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: without the caches, which change no result."""
        return {name: value for name, value in vars(self).items() if name not in ("_table", "_fitted")}

    def best(
        self, by: str = "posterior", max_cost: float | None = None
    ) -> tuple[dict[str, Any], float, float | None] | None:
        """The best point observed: (flat parameters, score, cost or None), or None without a scored observation.

        by: "observed" ranks by the score as measured, which under noise finds the luckiest. "posterior" ranks the
        observed points by the posterior mean, and returns that mean as the score. max_cost: only points that were
        measured to cost at most that. Only points that were measured to reach the outcomes' thresholds count.
        """
        if by not in ("posterior", "observed"):
            raise ValueError(f"by: {by!r} is not a way to rank; use 'posterior' or 'observed'")
        history = self._history()
        fine = history.scored & history.outcomes.reach(history.outcomes.least)
        rows = np.flatnonzero(fine if max_cost is None else fine & (history.cost <= max_cost))
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
        """Observations that none beats in score, cost and every objective at once, by rising cost.

        Among those that reach the outcomes' thresholds, or among all while none does.
        """
        from protein.search.observed_front import front_positions

        history = self._history()
        rows = front_positions(history)
        rows = rows[np.argsort(history.cost[rows], kind="stable")]
        return [self._observations[int(history.source[row])] for row in rows]

    def predict(self, points: Sequence[Flat]) -> tuple[Array, Array, Array]:
        """Score mean, its standard deviation and median cost, (m,) each, at flat points, in the user's units.

        The score is the noise-free one, in the user's direction. The cost is NaN while none was observed.
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
        """The observations as arrays, built anew when there are more of them: none is ever changed or removed."""
        if self._table is None or len(self._table) != len(self._observations):
            self._table = build_history(self.space, self._observations, self.goal, self.outcomes)
        return self._table

    def models(self) -> Models:
        """The models fitted to the observations so far."""
        return self._fit(self._history())

    def _fit(self, history: History) -> Models:
        """The fitted models, kept as long as the observations stay the same: a cache, which changes no result."""
        from protein.models.model_set import build_models
        from protein.models.threads import pinned_threads

        digest = history.digest()
        if self._fitted is None or self._fitted[0] != digest:
            with pinned_threads():
                self._fitted = digest, build_models(history, self.goal, self.settings.device)
        return self._fitted[1]

    def _propose(self, pending: Sequence[Flat], index: int) -> tuple[Flat, SuggestionInfo]:
        """One suggestion given flat pending points, at position `index` of the random stream."""
        history = self._history()
        waiting = self.space.encode_many(list(pending)) if pending else np.zeros((0, self.space.dim))
        if len(history) + len(waiting) < initial_design_size(self.space, self.settings):
            return self._propose_start(history, waiting, pending)
        every = self.settings.resample_frequency
        if every > 0 and index % every == 0:
            again = self._propose_resample(history, index)
            if again is not None:
                return again
        return self._propose_model(history, waiting[np.lexsort(waiting.T[::-1])], pending, index)

    def _propose_start(self, history: History, waiting: Array, pending: Sequence[Flat]) -> tuple[Flat, SuggestionInfo]:
        """The first point of the design that is neither observed nor pending, and passes the constraints."""
        taken = self.space.snap(np.concatenate([history.x, waiting]))
        count = initial_design_size(self.space, self.settings)
        design = initial_design(self.space, self.settings, self.seed, count + EXTRA_START_POINTS)
        # a point that was told by a program which computed the center another way differs in the last bit
        new = [len(taken) == 0 or float(np.abs(taken - row).max(axis=1).min()) > SAME_POINT for row in design]
        options = [self.space.decode(row) for row in design[new]]
        passing = [flat for flat in options if self._allowed(flat)]
        chosen, over = self._within_cap(history, passing or [self._any_allowed(self._taken(pending), [len(taken)])])
        is_center = self.settings.seed_with_search_center and self.space.key(chosen) == self.space.key(
            self.space.center()
        )
        return chosen, SuggestionInfo(origin="center" if is_center else "random", over_max_cost=over)

    def _within_cap(self, history: History, options: Sequence[Flat]) -> tuple[Flat, bool]:
        """The first option predicted to respect max_suggestion_cost, as far as two costs or more can tell.

        With the cap out of reach: the cheapest predicted option, and True.
        """
        cap = self.settings.max_suggestion_cost
        if cap is None or int(history.priced.sum()) < 2:
            return options[0], False
        _, _, costs = self.predict(options)
        below = np.flatnonzero(costs <= cap)
        if len(below):
            return options[int(below[0])], False
        return options[int(np.argmin(costs))], True

    def _propose_resample(self, history: History, index: int) -> tuple[Flat, SuggestionInfo] | None:
        """A point of the observed Pareto front, one of those measured least often."""
        from protein.search.observed_front import front_rows

        rows = front_rows(history)
        if len(rows) == 0:
            return None
        keys = [row_key(row) for row in history.x]
        times = np.array([keys.count(row_key(row)) for row in rows])
        least = np.flatnonzero(times == times.min())
        rng = np.random.default_rng([self.seed, STREAM_RESAMPLE, index])
        row = rows[int(least[int(rng.integers(len(least)))])]
        source = next(int(i) for i, key in zip(history.source, keys, strict=True) if key == row_key(row))
        flat = self._observations[source].params
        score, _, cost = self.predict([flat])
        info = SuggestionInfo(origin="resample", score=float(score[0]), cost=_finite(cost[0]))
        return flat, info

    def _propose_model(
        self, history: History, waiting: Array, pending: Sequence[Flat], index: int
    ) -> tuple[Flat, SuggestionInfo]:
        """The point of the highest acquisition; `waiting` are the sorted rows (p, dim) of `pending`."""
        from protein.models.model_set import describe
        from protein.models.threads import pinned_threads
        from protein.search.proposal import propose

        models = self._fit(history)
        rng = np.random.default_rng([self.seed, STREAM_MODEL, index])
        fantasies = np.random.default_rng([self.seed, STREAM_FANTASIES])
        with pinned_threads():
            constraints = self._candidate_constraints(history, pending, index)
            chosen = propose(self.space, self.settings, models, waiting, constraints, rng, fantasies)
            score, _ = models.predict_score(chosen.row[None, :])
            cost = models.predict_cost(chosen.row[None, :])
            details = {**describe(models, chosen.row), **self._nearest(history, chosen.row)}
        details["cost_level"] = chosen.cost_level
        details["acquisition"] = chosen.kind
        info = SuggestionInfo(
            origin="model",
            score=float(score[0]) if history.scored.any() else None,
            cost=_finite(cost[0]),
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

    def _candidate_constraints(self, history: History, pending: Sequence[Flat], index: int) -> CandidateConstraints:
        """The constraints, as the search for a maximum wants them."""
        from protein.search.proposal import CandidateConstraints

        def fallback() -> Flat:
            return self._any_allowed(self._taken(pending), [index])

        if not self.constraints:
            return CandidateConstraints(fallback)
        best = np.argsort(-np.nan_to_num(history.utility, nan=-np.inf), kind="stable")[:ANCHORS]
        known = [*history.x[best], self.space.center_unit]
        passing = [row for row in self.space.snap(np.array(known)) if self._allowed(self.space.decode(row))]
        anchors = np.array(passing or [self.space.encode(self._any_allowed(set(), [index]))])
        return CandidateConstraints(fallback, self._allowed, anchors)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
