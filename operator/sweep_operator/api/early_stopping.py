"""``spec.earlyStopping``, and what it leads to in the statuses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sweep_operator.api.model import MAX_SECONDS, OPEN, Model, Time

RuleName = Literal["model", "asha", "median"]


class EarlyStopping(Model):
    """Stops runs whose learning curve falls behind those of other runs. Only training is stopped, and no manual run.
    Needs train.reports. Changes apply to running runs, too."""

    rule: Literal[RuleName, "none"] = "none"
    """model: a run continues if it has a chance to become Pareto-optimal (or the best, if all runs cost the same), as
    the optimizer predicts from its curve and from finished runs; see confidence. Needs method bayes,
    train.reports.maxStep and no eval. asha: at the steps 1, 4, 16, 64 and so on, a run continues if its value is in the
    best quarter of all runs that have reached the step. median: at the steps 1, 2, 4, 8 and so on, a run continues if
    its best value so far is at least the median of the averages that succeeded runs had until then. none: no run is
    stopped."""
    metric: str | None = Field(default=None, min_length=1, max_length=256)
    """Metric of the reports that is compared. If it is one of spec.objectives, it has that goal; otherwise it has
    spec.goal. Default: the sweep's metric. Rule model predicts that one only."""
    min_seconds: int = Field(default=0, ge=0, le=MAX_SECONDS)
    """Seconds of training before a run may be stopped."""
    min_reports: int = Field(default=4, ge=1, le=16)
    """Number of reports before a run may be stopped."""
    min_runs: int = Field(default=4, ge=1, le=10_000)
    """Number of other runs that have reached the step before a run may be stopped there. For median and model, only
    succeeded runs count."""
    confidence: float = Field(default=0.99, gt=0.5, lt=1)
    """For model: a run is stopped if the probability that it will not be Pareto-optimal is higher than this."""
    shadow: float = Field(default=0.05, ge=0, le=1)
    """Share of the runs that continue although the rule would stop them. Their results show how often the rule is
    wrong: see status.earlyStopping."""

    @property
    def active(self) -> RuleName | None:
        """The rule; None: no run is stopped."""
        return None if self.rule == "none" else self.rule


class Verdict(Model):
    """Why early stopping ended the run. It is written before the Job is deleted."""

    rule: Annotated[RuleName, OPEN]
    """The rule that was applied."""
    step: float
    """Step at which the run was judged."""
    value: float
    """Its value there. median: its best value so far. model: its predicted score."""
    low: float | None = None
    """model: the score was predicted to lie between low and high with a probability of 80%."""
    high: float | None = None
    """Upper end of that interval, see low."""
    probability: float | None = None
    """model: the probability that the run would have become Pareto-optimal."""
    threshold: float | None = None
    """The value that it needed. model: the best score of the succeeded runs that cost at most as much; absent if there
    is none."""
    runs: int
    """Number of other runs that it was compared with, or that the prediction was learned from."""
    seconds: float
    """Seconds of training at its last report."""
    saved_cost: float | None = None
    """Estimated cost of the rest of the training, in the Sweep's status.cost.unit. Absent if it is unknown."""
    shadow: bool = False
    """Whether the run continued nevertheless, to measure how often the rule is wrong (earlyStopping.shadow)."""
    time: Time
    """When it was decided."""


class EarlyStoppingStatus(Model):
    """What early stopping has done."""

    stopped: int = 0
    """Runs that it stopped."""
    saved_cost: float = 0.0
    """Estimated cost that they would still have had, in status.cost.unit."""
    shadowed: int = 0
    """Runs that the rule would have stopped, and that continued (earlyStopping.shadow)."""
    wrong: int = 0
    """Number of these that are Pareto-optimal now: stopping them would have been wrong."""
