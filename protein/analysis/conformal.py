"""Online conformal prediction: 80% intervals that hold 80% of the observations, whatever the model.

A model's own forecasts of the points that it chooses are too sure, and too hopeful: points are chosen for their high
forecasts, which are high where the model is wrong. After each result, the distance of an end of the interval from the
mean of the model grows if the observation lies beyond that end, and shrinks slightly if not. In the long run, 10% of
the observations lie beyond each end.

Only the reported forecasts change. The search uses the model's own mean and standard deviation.

Source: Gibbs and Candès, Adaptive Conformal Inference Under Distribution Shift, NeurIPS 2021. Here the steps are taken
on the logarithms of the distances. `python -m tests.bench.optimizer.calibration` measures what the constants achieve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from protein.analysis.calibration import Z80

Side = Literal[-1, 0, 1]
"""Where an observation lies relative to the interval that was predicted: below (-1), inside (0), above (1)."""

BEYOND = 0.1
"""Share of the observations beyond each end of an 80% interval."""
STEP = 0.5
"""How fast an end follows its misses: the change of the logarithm of its distance for one, divided by 1 - BEYOND."""
LEAST, MOST = -2.0, 3.0
"""Bounds of that logarithm. Without them, a long time without a miss would take as long to forget."""
WORSE, BETTER, COST = 1.0, 0.2, 0.55
"""Logarithm of the distance before any miss is known, relative to the model: of the end of the score that is worse, of
the one that is better, and of both ends of the cost."""
LARGEST = 1e308
"""Bound of forecasts, which must stay finite."""
EARLY = 30.0
"""Number of observations after which that has fallen to 1 / e: the model is the less sure the less it knows."""


def side_of(interval: Sequence[float], value: float) -> Side:
    """Where `value` lies relative to an interval (low, high), whose ends are inside."""
    low, high = interval
    return -1 if value < low else 1 if value > high else 0


@dataclass
class Interval:
    """The 80% interval of the next observation. Each end has a distance from the mean of the model.

    low, high: logarithms of the distances before any observation, relative to those of the model.
    """

    low: float
    high: float
    _count: int = 0
    _steps: tuple[float, float] = (0.0, 0.0)

    def learn(self, side: Side) -> None:
        """Take one observation into account. The latest ones count most."""
        low, high = self._steps
        self._steps = _step(low, missed=side == -1), _step(high, missed=side == 1)
        self._count += 1

    def calibrated(self, mean: float, sd: float) -> tuple[float, float]:
        """Mean and standard deviation of the normal that has this interval, for the mean and sd of the model."""
        share = math.exp(-self._count / EARLY)
        ends = zip((self.low, self.high), self._steps, strict=True)
        low, high = (math.exp(step + share * start) for start, step in ends)
        center, spread = mean + Z80 * sd * (high - low) / 2, sd * (low + high) / 2
        return min(max(center, -LARGEST), LARGEST), min(spread, LARGEST)


@dataclass
class Calibrator:
    """The intervals of the two quantities that are forecast; that of the cost is in logarithms."""

    score: Interval = field(default_factory=lambda: Interval(WORSE, BETTER))
    cost: Interval = field(default_factory=lambda: Interval(COST, COST))

    @classmethod
    def of(cls, goal: str) -> Self:
        """Without any observation, for a score that is to "maximize" or "minimize"."""
        return cls(Interval(WORSE, BETTER) if goal == "maximize" else Interval(BETTER, WORSE))

    def learn(self, score: Side | None, cost: Side | None) -> None:
        """Take the observation of one run into account. None: no forecast, or no result."""
        for interval, side in ((self.score, score), (self.cost, cost)):
            if side is not None:
                interval.learn(side)

    def compare(self, details: Mapping[str, Any], score: float | None, cost: float | None) -> None:
        """As `learn`, given the results and the details of the suggestion, which contain the forecasts."""
        if score is not None:
            pairs = (details.get("score_forecast"), score), (details.get("cost_forecast"), cost)
            self.learn(*(None if f is None or v is None else side_of(f["interval"], v) for f, v in pairs))


def _step(log: float, *, missed: bool) -> float:
    return min(max(log + STEP * (missed - BEYOND), LEAST), MOST)
