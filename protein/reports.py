"""Reports of running runs, as a part of every optimizer, and forecasts, as a part of Protein.

What needs torch is imported inside functions, as in protein.protein.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from protein.curves import Curve, Forecast, RunningRun, dial_of, make_point
from protein.optimizer import Flat, Goal, Observation
from protein.outcomes import Outcome
from protein.searchspace import paths
from protein.searchspace.parameters import plain
from protein.space import SearchSpace

if TYPE_CHECKING:
    from protein.forecasts import Forecaster
    from protein.models.curves import Estimate
    from protein.models.model_set import Models


class Reports:
    """What runs without a result have reported, by the key of their parameters."""

    space: SearchSpace
    _running: dict[Hashable, RunningRun]
    _changes: int = 0
    """Number of changes of the reports."""

    def report(
        self, params: Flat, *, step: float, score: float, cost: float | None = None, max_step: float | None = None
    ) -> None:
        """Record the score of a running run. Reports may come in any order; a repeated one changes nothing.

        Args:
            params: the configuration of the run, nested or flat.
            step: how far the run is, in any unit above 0.
            score: the score at this step.
            cost: the cost of the run so far, in the unit of `observe`. None: unknown.
            max_step: the step of the complete run. Default: the value of the only parameter with ``scale: time``.

        Raises:
            SpaceError: an unknown parameter, or a value of another type.
            ValueError: a number that is not finite, a step above ``max_step``, or no ``max_step``.
        """
        flat = self.space.complete(paths.flatten(params))
        dial = dial_of(self.space.parameters)
        if max_step is None and dial is None:
            raise ValueError("max_step: is missing; give the step of a complete run, or a parameter with scale: time")
        end = flat[dial] if max_step is None and dial is not None else max_step
        point = make_point(plain(step), plain(score), plain(cost), plain(end))
        self._running.setdefault(self.space.key(flat), RunningRun(flat)).reported.add(point)
        self._changes += 1

    def running(self, params: Flat) -> Curve:
        """What a run without a result has reported, by rising fraction."""
        run = self._running.get(self._run_key(paths.flatten(params)))
        return run.curve if run is not None else ()

    def _forget(self, flat: Flat) -> None:
        """Forget what a run has reported: it has ended."""
        if self._running.pop(self._run_key(flat), None) is not None:
            self._changes += 1

    def _run_key(self, flat: Flat) -> Hashable:
        return self.space.key(self.space.complete(flat))


class Forecasts(Reports):
    """Forecasts of running runs. Suggestions take them into account."""

    goal: Goal
    outcomes: Mapping[str, Outcome]
    comparable_curves: bool
    _observations: list[Observation]
    _forecaster: tuple[int, Forecaster] | None = None
    _estimates: tuple[tuple[int, int], Mapping[bytes, Estimate]] | None = None

    def forecast(self, params: Flat) -> Forecast:
        """The forecast of one running run, from what was reported of it and from finished runs."""
        return self.forecast_many([params])[0]

    def forecast_many(self, points: Sequence[Flat]) -> list[Forecast]:
        """The forecasts of running runs, given by their parameters, nested or flat."""
        from protein.models.threads import pinned_threads

        runs = []
        for point in points:
            flat = self.space.complete(paths.flatten(point))
            running = self._running.get(self.space.key(flat))
            runs.append((flat, running.curve if running is not None else ()))
        with pinned_threads():
            return self._forecasts().forecast(runs)

    def _forecasts(self) -> Forecaster:
        """The forecaster of the observations so far, cached like the models. Call it with threads pinned."""
        from protein.forecasts import Forecaster

        count = len(self._observations)
        if self._forecaster is None or self._forecaster[0] != count:
            made = Forecaster(
                self.space, self.goal, self._observations, self.outcomes, comparable=self.comparable_curves
            )
            self._forecaster = count, made
        return self._forecaster[1]

    def _expected(self, models: Models) -> Mapping[bytes, tuple[float, float]]:
        """Standardized mean and standard deviation of the scores that curves predict, by the bytes of the row.

        Of runs without a result: those that are running, and those that were stopped. None with a cost dial, where
        these forecasts have not been shown to help the search.
        """
        if dial_of(self.space.parameters) is not None:
            return {}
        from protein.forecasts import estimates_by_row

        key = len(self._observations), self._changes
        if self._estimates is None or self._estimates[0] != key:
            runs = [*self._running.values()]
            runs += [RunningRun(o.params, set(o.curve)) for o in self._observations if o.score is None and o.curve]
            found = estimates_by_row(self._forecasts(), self.space, runs) if runs else {}
            self._estimates = key, found
        scaling = models.score.standardization
        return {
            row: (float(scaling.forward(np.array([at.utility]))[0]), at.sd / scaling.scale)
            for row, at in self._estimates[1].items()
            if math.isfinite(at.utility) and math.isfinite(at.sd)  # without finished runs, nothing is expected
        }
