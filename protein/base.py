"""The base class of all optimizers: observations, batches, constraints, and no point twice.

pandas is imported by `to_dataframe`, because the package does not require it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from protein.analysis.conformal import Calibrator, Side
from protein.analysis.pareto import goal_sign
from protein.budget import Budget, BudgetExhausted
from protein.curves import RunningRun
from protein.dataframe import dataframe
from protein.optimizer import (
    Constraint,
    Flat,
    Goal,
    Observation,
    SearchSpaceInfeasible,
    SuggestionInfo,
    make_observation,
)
from protein.per_point import PerPoint
from protein.reports import Reports
from protein.searchspace import paths
from protein.searchspace.coordinates import Value
from protein.searchspace.parameters import SpaceError
from protein.settings import ProteinSettings
from protein.space import SearchSpace

if TYPE_CHECKING:
    import pandas

TRIES = 10_000
"""Number of random points that are tried before the constraints count as infeasible."""


class Optimizer(Reports, ABC):
    """Suggests configurations and learns from results.

    A suggestion is a function of (space, settings, goal, seed, observations, pending, index), so that a restarted
    process makes the same suggestion. The order of observations and pending does not matter. The suggestions of a batch
    differ from each other and from the pending configurations, unless a finite space is exhausted.

    Subclasses define how one point is proposed.
    """

    def __init__(
        self,
        space: SearchSpace | Mapping[str, Any],
        settings: ProteinSettings | Mapping[str, Any] | None = None,
        goal: Goal = "maximize",
        seed: int = 0,
        constraints: Sequence[Constraint] = (),
        budget: Budget | Mapping[str, Any] | None = None,
    ) -> None:
        if goal not in ("maximize", "minimize"):
            raise ValueError(f"goal: {goal!r} is neither 'maximize' nor 'minimize'")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"seed: {seed!r} is not an integer of 0 or more")
        self.space = space if isinstance(space, SearchSpace) else SearchSpace(space)
        self.settings = settings if isinstance(settings, ProteinSettings) else ProteinSettings.from_config(settings)
        self.goal: Goal = goal
        self.seed = seed
        self.constraints = tuple(constraints)
        self.budget = Budget.from_config(budget)
        self._observations: list[Observation] = []
        self._outstanding: list[dict[str, Value]] = []
        self._observed_keys: set[Hashable] = set()
        self._keyed = 0
        """Number of observations whose keys are in the set."""
        self._pending_keys = PerPoint(self.space.key)
        self._calibrator = Calibrator.of(goal)
        self._running: dict[Hashable, RunningRun] = {}
        self._predicted: dict[Hashable, Mapping[str, Any]] = {}
        """Details of the suggestions without a result, by key: they contain the forecasts."""

    def __repr__(self) -> str:
        counts = f"{len(self._observations)} observations, {len(self._outstanding)} outstanding"
        return f"{type(self).__name__}({len(self.space)} parameters, {self.goal}, seed {self.seed}, {counts})"

    @property
    def observations(self) -> Sequence[Observation]:
        """All observations, in the order in which they arrived."""
        return tuple(self._observations)

    @property
    def outstanding(self) -> Sequence[Flat]:
        """Flat parameters that ``suggest()`` returned and that were neither observed nor discarded."""
        return tuple(dict(flat) for flat in self._outstanding)

    def observe(
        self,
        params: Flat,
        *,
        score: float | None = None,
        cost: float | None = None,
        is_failure: bool = False,
        cost_is_lower_bound: bool = False,
        metrics: Mapping[str, float] | None = None,
        strict: bool = True,
    ) -> None:
        """Record a result, of a suggestion or of any other point.

        Args:
            params: the configuration, nested or flat.
            score: the result. A score that is not finite is a failure.
            cost: the cost, in any unit that is the same for all runs. None, or not positive: unknown.
            is_failure: these parameters do not work.
            cost_is_lower_bound: the run was stopped early and would have cost more.
            metrics: values of additional outcomes. Non-finite values count as not reported.
            strict: reject values outside the bounds and missing parameters. If False, values outside are accepted, and
                missing parameters get the value of the search center.

        Raises:
            SpaceError: an unknown parameter, a value of another type, or a value that ``strict`` rejects.
            ValueError: neither a score nor a failure nor a lower bound.
        """
        flat = paths.flatten(params)
        typed = self._typed(flat, strict)
        running = self._running.get(self._run_key(flat)) if self._running else None
        observation = make_observation(
            typed, score, cost, is_failure=is_failure, cost_is_lower_bound=cost_is_lower_bound, metrics=metrics,
            curve=running.curve if running is not None else (),
        )  # fmt: skip
        self._observations.append(observation)
        if self._predicted:
            details = self._predicted.pop(self.space.key(self.space.complete(flat)), {})
            self._calibrator.compare(details, observation.score, observation.cost)
        if self._running or self._outstanding:  # not for each of thousands of results after a restart
            self.discard(flat)

    def learn_forecast(self, score: Side | None = None, cost: Side | None = None) -> None:
        """Calibrate the forecasts by one that was made before a restart: where its results lay. None: unknown.

        Forecasts of this object count when their results are observed. The latest of all count most. What is suggested
        does not depend on them.
        """
        self._calibrator.learn(score, cost)

    def _typed(self, flat: Flat, strict: bool) -> Flat:
        """The values in the types of their parameters. Raises SpaceError."""
        typed = self.space.typed(flat)
        if strict:
            try:
                self.space.require_inside(flat)
            except SpaceError:
                if not self._known(flat):
                    raise
        return typed

    def discard(self, params: Flat) -> None:
        """Forget a suggestion that will not be run, so that it is no longer outstanding, and what it reported."""
        key = self._run_key(paths.flatten(params))
        self._forget(paths.flatten(params))
        place = next((i for i, flat in enumerate(self._outstanding) if self.space.key(flat) == key), None)
        if place is not None:
            del self._outstanding[place]

    def _known(self, flat: Flat) -> bool:
        """Whether exactly these parameters were suggested or observed: a run may repeat a foreign result."""
        key = self.space.key(flat)
        return any(self.space.key(o) == key for o in (*self._outstanding, *(o.params for o in self._observations)))

    @overload
    def suggest(
        self, n: None = None, *, pending: Sequence[Flat] | None = None, index: int | None = None
    ) -> tuple[dict[str, Any], SuggestionInfo]: ...

    @overload
    def suggest(
        self, n: int, *, pending: Sequence[Flat] | None = None, index: int | None = None
    ) -> list[tuple[dict[str, Any], SuggestionInfo]]: ...

    def suggest(self, n: int | None = None, *, pending: Sequence[Flat] | None = None, index: int | None = None) -> Any:
        """Suggest one configuration (nested) with its info, or a list of ``n``.

        Args:
            n: number of suggestions; None returns a single pair instead of a list.
            pending: configurations without a result yet, nested or flat. None: the optimizer tracks the configurations
                that were suggested but not observed. With a sequence, even an empty one, it tracks nothing.
            index: position in the random stream. Default: number of observations and pending points.

        Raises:
            SearchSpaceInfeasible: no configuration passes the constraints.
            BudgetExhausted: no further run is predicted to be payable.
        """
        if n is not None:
            return list(self.suggest_many(n, pending=pending, index=index))
        return next(self.suggest_many(1, pending=pending, index=index))

    def suggest_many(
        self, n: int, *, pending: Sequence[Flat] | None = None, index: int | None = None
    ) -> Iterator[tuple[dict[str, Any], SuggestionInfo]]:
        """Suggest ``n`` configurations one by one: each can be started while the next one is computed.

        The suggestions are those of ``suggest(n)``, with the same arguments. A suggestion that was not taken from the
        iterator is not outstanding.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ValueError(f"n: {n!r} is not an integer of 1 or more")
        if index is not None and (isinstance(index, bool) or not isinstance(index, int) or index < 0):
            raise ValueError(f"index: {index!r} is not an integer of 0 or more")
        asked = self._outstanding if pending is None else pending
        waiting = [self.space.complete(paths.flatten(p)) for p in asked]
        first = len(self._observations) + len(waiting) if index is None else index
        return self._suggest_each(range(first, first + n), waiting, tracked=pending is None)

    def _suggest_each(
        self, indices: range, waiting: list[dict[str, Value]], *, tracked: bool
    ) -> Iterator[tuple[dict[str, Any], SuggestionInfo]]:
        """One suggestion per index; the earlier ones are pending for the later ones."""
        for index in indices:
            self.budget.check([o.cost for o in self._observations], len(waiting))
            proposed, info = self._propose(waiting, index)
            flat = {name: proposed[name] for name in self.space.names if name in proposed}
            waiting.append(flat)
            if tracked:
                self._outstanding.append(flat)
            if info.details:
                self._predicted[self.space.key(flat)] = info.details
            yield paths.unflatten(flat), info

    def optimize(
        self, objective: Callable[[dict[str, Any]], Any], n: int, *, catch: tuple[type[Exception], ...] = ()
    ) -> Observation | None:
        """Run ``n`` suggestions one after the other, and return the best observation (None without a score).

        Ends early when no further run is predicted to be payable from the budget.

        Args:
            objective: takes the nested parameters and returns the score, a pair (score, cost), or a mapping with the
                keywords of `observe`.
            n: number of suggestions.
            catch: exceptions of the objective that count as a failure of the parameters. Others are raised.
        """
        for _ in range(n):
            try:
                params, _info = self.suggest()
            except BudgetExhausted:
                break
            try:
                result = _result(objective(params))
            except catch:
                result = {"is_failure": True}
            except BaseException:
                self.discard(params)
                raise
            self.observe(params, **result)
        sign = goal_sign(self.goal)
        scored = [(sign * o.score, o) for o in self._observations if o.score is not None]
        return max(scored, key=lambda pair: pair[0])[1] if scored else None

    def to_dataframe(self) -> pandas.DataFrame:
        """The observations as a table: one row each, with columns params.<path>, metrics.<name>, score, cost and so on.

        Raises ImportError without pandas, which the package does not require.
        """
        return dataframe(self._observations, self.space.names)

    def needs_model(self, pending: int) -> bool:
        """Whether the next suggestion besides ``pending`` points needs a model, that is, torch and seconds of CPU."""
        return False

    @abstractmethod
    def _propose(self, pending: Sequence[Flat], index: int) -> tuple[Flat, SuggestionInfo]:
        """One flat suggestion besides the pending ones, at a position of the random stream."""

    # -- for subclasses -----------------------------------------------------------------------------------------------

    def _allowed(self, flat: Flat) -> bool:
        """Whether every constraint holds."""
        return all(constraint(dict(flat)) for constraint in self.constraints)

    def _taken(self, pending: Sequence[Flat]) -> set[Hashable]:
        """Keys of what was observed or is pending."""
        for observation in self._observations[self._keyed :]:
            self._observed_keys.add(self.space.key(observation.params))
        self._keyed = len(self._observations)
        return self._observed_keys.union(self._pending_keys.all(pending))

    def _any_allowed(self, seen: set[Hashable], stream: Sequence[int] = ()) -> dict[str, Value]:
        """A random point that passes the constraints, not in ``seen`` if that can be had.

        Raises SearchSpaceInfeasible if no point passes.
        """
        rng = np.random.default_rng([self.seed, *stream, 9])
        passing: dict[str, Value] | None = None
        for row in rng.random((TRIES, self.space.dim)):
            flat = self.space.decode(row)
            if passing is not None and self.space.key(flat) in seen:
                continue
            if self._allowed(flat):
                if self.space.key(flat) not in seen:
                    return flat
                passing = flat
                if self.space.cells is not None and len(seen) >= self.space.cells:
                    return flat
        center = self.space.center()
        if passing is None and self._allowed(center):
            passing = center
        if passing is None:
            raise SearchSpaceInfeasible(f"none of {TRIES} points passes the constraints")
        return passing


def _result(returned: Any) -> dict[str, Any]:
    """What an objective returned, as keywords of ``observe``."""
    if isinstance(returned, Mapping):
        return dict(returned)
    if isinstance(returned, tuple):
        score, cost = returned
        return {"score": score, "cost": cost}
    return {"score": returned}
