"""The types of the answers. Everything is in the user's units and directions. Needs numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protein.arrays import Array, Mask
from protein.searchspace.coordinates import Value

Interval = tuple[float, float]
"""Ends of a central 80% interval."""


@dataclass(frozen=True, slots=True)
class Curves:
    """The models at m configurations. Each array is (m,).

    An interval from `low` to `high` contains one measurement with a probability of 80%, noise included. Those of score
    and cost are calibrated by the results of earlier suggestions, as the forecasts of `suggest` are.
    """

    mean: Array
    """Score without noise."""
    sd: Array
    """Standard deviation of the score without noise: how well the model knows it."""
    low: Array
    high: Array
    cost: Array
    """Median of the cost; NaN as long as no cost is known, like its interval."""
    cost_low: Array
    cost_high: Array
    success: Array
    """Probability that the parameters work; 1 as long as no run has failed."""
    metrics: Mapping[str, tuple[Array, Array, Array]]
    """Mean, low and high of each additional outcome, by name."""

    def part(self, rows: slice) -> Curves:
        """Some of the configurations."""

        def cut(array: Array) -> Array:
            return array[rows]

        metrics = {name: (cut(mean), cut(low), cut(high)) for name, (mean, low, high) in self.metrics.items()}
        score = cut(self.mean), cut(self.sd), cut(self.low), cut(self.high)
        return Curves(*score, cut(self.cost), cut(self.cost_low), cut(self.cost_high), cut(self.success), metrics)


@dataclass(frozen=True, slots=True)
class Slice:
    """The models along one parameter, the others staying as they are."""

    values: Sequence[Value]
    """k values of the parameter in its order, including that of the configuration that the slice goes through."""
    curves: Curves
    """At these values."""
    allowed: Mask
    """(k,): whether the constraints allow the configuration."""
    assumed: Mapping[str, Value]
    """Values of other parameters that differ from the configuration: with its own ones, the parameter is absent."""


@dataclass(frozen=True, slots=True)
class Slices:
    """One slice by the path of its parameter, all through one configuration."""

    at: Mapping[str, Value]
    """The configuration: flat, within the bounds, every active parameter."""
    parameters: Mapping[str, Slice]


@dataclass(frozen=True, slots=True)
class Contour:
    """The models over two parameters. Rows of the tables (ky, kx) belong to `y_values`, columns to `x_values`."""

    x: str
    y: str
    x_values: Sequence[Value]
    y_values: Sequence[Value]
    mean: Array
    """Score without noise."""
    sd: Array
    """Its standard deviation."""
    cost: Array
    """Median of the cost; NaN as long as no cost is known."""
    allowed: Mask
    """Whether both parameters are present, and the constraints allow the configuration."""
    at: Mapping[str, Value]
    """The configuration with the other parameters."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What further runs are expected to buy. An expectation is the median of the simulated searches."""

    runs: int
    """Number of runs, besides the pending ones."""
    payable_runs: float
    """Mean number of these runs that the budget pays for."""
    best_now: float | None
    """The best observed score that reaches all thresholds; None without one."""
    best: float
    """The best observed score after these runs."""
    best_interval: Interval
    probability_better: float
    """Probability that one of them is observed to be better than `best_now`; 1 without one."""
    cost: float | None
    """Total cost of these runs; None as long as no cost is known."""
    cost_interval: Interval | None
    front_gain: float | None
    """Growth of the area under the front of score over log-cost, as a share of the area now. It lies above the worst
    observed score, and ends at the most expensive run. None if the cost is unknown or constant, or the area is 0."""
    front_gain_interval: Interval | None
