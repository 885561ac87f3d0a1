"""What a SweepRun records of its suggestion: what was expected of it, and what it was computed from."""

from __future__ import annotations

from pydantic import Field

from sweep_operator.api.model import Model


class Prediction(Model):
    """What the optimizer expected when it proposed the run."""

    score: float | None = None
    """Expected score."""
    score_low: float | None = None
    """The score was expected to lie between scoreLow and scoreHigh with a probability of 80%, the noise of one
    measurement included. Only with origin model."""
    score_high: float | None = None
    """Upper end of that interval, see scoreLow."""
    cost: float | None = None
    """Expected cost, in the Sweep's status.cost.unit."""
    cost_low: float | None = None
    """The cost was expected to lie between costLow and costHigh with a probability of 80%, the noise of one measurement
    included. Only with origin model."""
    cost_high: float | None = None
    """Upper end of that interval, see costLow."""
    rating: float | None = None
    """Value of the acquisition function, comparable within one suggestion only."""


class BudgetLeft(Model):
    """What the limits of the sweep leave for the runs that have no result yet."""

    cost: float | None = Field(default=None, ge=0)
    """What is left of limits.totalCost."""
    seconds: float | None = Field(default=None, ge=0)
    """Seconds left until limits.activeDeadlineSeconds. Only with cost.source WallClock."""
    share: float = Field(ge=0, le=1)
    """Share of the limits that is left: of totalCost or of activeDeadlineSeconds, whichever is less."""
    runs: int = Field(ge=0)
    """Number of results, active runs and further runs that limits.maxRuns allows in total."""


class Provenance(Model):
    """What the optimizer computed the suggestion from. `sweep replay` and `kubectl sweep replay` compute it again."""

    observations: int = Field(ge=0)
    """Number of results that it knew, including those of warmStart. Of the runs up to throughIndex, these are all that
    were not pending."""
    pending: str = ""
    """Indices up to throughIndex of the runs that had no result yet, such as 3,7-9."""
    pending_runs: list[str] = []
    """Names of the manual runs that had no result yet."""
    through_index: int = Field(ge=-1)
    """Highest index when the suggestion was requested; -1: none. Runs between it and this run come from the same
    request, and had no result yet either."""
    curve_points: str | None = None
    """How many points of learning curves it knew of pending runs, such as 2:4,7-8;5:9 for two points of the runs 4, 7
    and 8, and five of run 9. Of finished runs it knew all points. Absent: it knew no curve."""
    left: BudgetLeft | None = None
    """What was left of the sweep's limits. Absent if they do not limit the cost."""
    digest: str | None = None
    """SHA-256, shortened to 128 bits, of everything that it was computed from. Absent for the search center."""
    version: str
    """Versions of the operator and of the packages that compute. On one machine, the same version computes the same
    suggestion."""
