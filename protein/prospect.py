"""The prospect: a forecast of what further runs are expected to gain."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prospect:
    """The expected improvement of the best score by further runs, in the user's units.

    The score of a configuration is its predicted score without noise. ``cost`` is None as long as no cost is known.
    """

    runs: int
    """Number of runs that it would take."""
    cost: float | None
    """What they would cost."""
    gain: float
    """By how much the best score is expected to improve, at least 0."""
    gained: float
    """By how much the best score so far is better than that of a typical configuration, at least 0."""
    extent: float = 1.0
    """What may be spent, relative to what was spent so far: 1, or less if the budget leaves less."""

    @property
    def share(self) -> float:
        """The gain relative to what was gained so far; infinite if that is nothing."""
        return self.gain / self.gained if self.gained > 0 else math.inf

    def describe(self) -> str:
        """The forecast in words."""
        cost = "" if self.cost is None else f", which would cost {self.cost:.3g},"
        return (
            f"{self.runs} more runs{cost} are expected to improve the best score by {self.gain:.2g}, "
            f"{self.share:.2%} of the {self.gained:.2g} by which it is better than a typical configuration"
        )
