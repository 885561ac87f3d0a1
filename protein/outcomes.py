"""Additional metrics of a run beside score and cost: objectives, or thresholds that a run must reach.

An outcome has a level in the search. The log probability that a point reaches the level is added to the
acquisition, and the incumbent is the best score among the runs that reached it. This is the epsilon-constraint method
(Haimes et al. 1971) with random levels. A threshold is a level that always applies. The level of an objective is drawn
for each suggestion: half of the time from the range of the observed front and slightly beyond, so that the whole front
of (score, cost, objectives) improves. The other half of the time, the objective has no level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from protein.analysis.pareto import goal_sign
from protein.arrays import Array, Indices, Mask
from protein.optimizer import Goal

SHARE_WITH_LEVEL = 0.5
"""Share of suggestions for which an objective's level is drawn."""
BEYOND = 0.1
"""How far a level can exceed the best observed value, as a fraction of the range of the front."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One additional metric.

    Args:
        goal: "maximize" or "minimize".
        threshold: value that a run must reach: a minimum to maximize, a maximum to minimize. None: no threshold.
        objective: whether the metric is a dimension of the Pareto front. If False, only the threshold counts.

    Raises:
        ValueError: an invalid goal, a non-finite threshold, or neither an objective nor a threshold.

    Example:
        >>> Protein(space, outcomes={"latency_ms": Outcome("minimize", threshold=50.0)})  # doctest: +SKIP
    """

    goal: Goal = "maximize"
    threshold: float | None = None
    objective: bool = True

    def __post_init__(self) -> None:
        if self.goal not in ("maximize", "minimize"):
            raise ValueError(f"goal: {self.goal!r} must be 'maximize' or 'minimize'")
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise ValueError(f"threshold: {self.threshold!r} is not a finite number")
        if not self.objective and self.threshold is None:
            raise ValueError("threshold: is missing; an outcome with objective=False needs one")

    @property
    def sign(self) -> float:
        """1 to maximize, -1 to minimize; the metric times its sign is maximized."""
        return goal_sign(self.goal)

    @property
    def least(self) -> float:
        """The threshold of the metric times sign; -inf without one."""
        return -math.inf if self.threshold is None else self.sign * self.threshold


@dataclass(frozen=True)
class OutcomeTable:
    """Values of k outcomes for the n rows of a history, each times its sign; NaN if a run did not report it."""

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    values: Array = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def least(self) -> Array:
        """Thresholds (k,)."""
        return np.array([o.least for o in self.outcomes.values()])

    @property
    def objectives(self) -> Array:
        """Columns (n, j) of the outcomes that are objectives."""
        return self.values[:, [o.objective for o in self.outcomes.values()]]

    def reach(self, levels: Array) -> Mask:
        """Rows (n,) that reach every level (k,); an unknown value reaches only a level of -inf."""
        known = np.where(np.isnan(self.values), -np.inf, self.values)
        out: Mask = np.all(known >= levels, axis=1)
        return out


def draw_levels(table: OutcomeTable, front: Indices, rng: np.random.Generator) -> Array:
    """Levels (k,) of one suggestion, -inf where an outcome plays no part in it; `front`: rows of the observed front."""
    levels = table.least.copy()
    for j, outcome in enumerate(table.outcomes.values()):
        use, position = rng.random(2)
        seen = table.values[front, j]
        seen = seen[np.isfinite(seen)]
        if outcome.objective and use < SHARE_WITH_LEVEL and len(seen):
            low, high = float(seen.min()), float(seen.max())
            levels[j] = max(levels[j], low + float(position) * (1 + BEYOND) * (high - low))
    return levels
