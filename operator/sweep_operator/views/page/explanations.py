"""What the optimizer's model says about a sweep: the questions, and the models of the answers.

All values are in the user's units and directions. An interval from ``low`` to ``high`` contains one measurement with a
probability of 80%, calibrated by the sweep's earlier predictions. ``note`` says what the reader must know, such as that
there are too few runs; it is empty otherwise.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from sweep_operator.api.model import Model, Scalar
from sweep_operator.views.page.run_models import Forecast

MAX_OUTLOOK_RUNS = 200


class AskImportance(Model):
    """Which parameters matter?"""

    what: Literal["importance"] = "importance"


class AskSlices(Model):
    """What does each parameter do, if the others stay as they are?"""

    what: Literal["slices"] = "slices"
    at: dict[str, Scalar] | None = None
    """The configuration that the slices go through. Missing parameters, or null: those of the best run."""
    parameters: list[str] | None = None
    """Paths of the parameters to slice; null: all."""


class AskContour(Model):
    """What do two parameters do together?"""

    what: Literal["contour"] = "contour"
    x: str
    y: str
    at: dict[str, Scalar] | None = None
    """As in AskSlices."""


class AskOutlook(Model):
    """What are the next runs expected to buy?"""

    what: Literal["outlook"] = "outlook"
    runs: int = Field(default=10, ge=1, le=MAX_OUTLOOK_RUNS)
    parallel: int | None = Field(default=None, ge=1)
    """Number of runs at a time; null: limits.maxParallelRuns."""


class AskWhy(Model):
    """Why did the optimizer suggest this run?"""

    what: Literal["why"] = "why"
    run: str
    """Name of the run, as the user knows it or that of its object."""


class AskPredict(Model):
    """What would a run with these parameters score and cost?"""

    what: Literal["predict"] = "predict"
    parameters: dict[str, Scalar]
    """Missing parameters take their search center, as in a manual run."""


class AskForecast(Model):
    """What will the runs in progress score?"""

    what: Literal["forecast"] = "forecast"


Ask = AskImportance | AskSlices | AskContour | AskOutlook | AskWhy | AskPredict | AskForecast
ASK: TypeAdapter[Ask] = TypeAdapter(Annotated[Ask, Field(discriminator="what")])
"""Validates a question."""


class Range(Model):
    """An expected value with its 80% interval."""

    expected: float
    low: float
    high: float


class Importance(Model):
    """The share of each parameter in the variance of the predicted score."""

    shares: dict[str, float]
    """By path, largest first; they sum to 1. Empty without an answer."""
    note: str = ""


class MetricSlice(Model):
    """A further objective along a slice."""

    mean: list[float]
    low: list[float]
    high: list[float]


class ParameterSlice(Model):
    """The model along one parameter. All lists have one entry per value of the grid."""

    path: str
    grid: list[Scalar]
    """Values of the parameter, in its order: numbers rise."""
    mean: list[float]
    """Predicted score without noise."""
    low: list[float]
    high: list[float]
    cost: list[float] | None = None
    """Predicted median cost; null as long as no cost is known."""
    cost_low: list[float] | None = None
    cost_high: list[float] | None = None
    success: list[float] | None = None
    """Probability that a run does not fail because of its parameters; null without such failures."""
    allowed: list[bool] | None = None
    """Whether the constraints allow the configuration; null without constraints."""
    metrics: dict[str, MetricSlice] = {}
    """Further objectives by metric."""
    assumed: dict[str, Scalar] = {}
    """Values that differ from ``at``, because the parameter is present only with them."""


class Slices(Model):
    """What each parameter does, if the others stay as they are."""

    at: dict[str, Scalar]
    """The configuration that the slices go through: every active parameter."""
    run: str | None = None
    """Name of the run with this configuration; null if there is none."""
    goal: Literal["maximize", "minimize"] = "maximize"
    parameters: list[ParameterSlice]
    note: str = ""


class Contour(Model):
    """What two parameters do together. Rows of the tables belong to ``grid_y``, columns to ``grid_x``."""

    x: str
    y: str
    grid_x: list[Scalar]
    grid_y: list[Scalar]
    mean: list[list[float]]
    """Predicted score without noise."""
    sd: list[list[float]]
    """Its standard deviation: how well the model knows it."""
    cost: list[list[float]] | None = None
    """Predicted median cost; null as long as no cost is known."""
    allowed: list[list[bool]] | None = None
    """Whether the parameters are present and the constraints allow the configuration; null if all are."""
    at: dict[str, Scalar]
    run: str | None = None
    """Name of the run with this configuration; null if there is none."""
    note: str = ""


class Outlook(Model):
    """What the next runs are expected to buy."""

    runs: int
    """Number of further runs, besides those that have no result yet."""
    payable_runs: float | None = None
    """How many of them the limits of the sweep pay for, on average."""
    best_now: float | None = None
    """The best score so far of a run that reaches the thresholds."""
    best: Range | None = None
    """The best score after these runs."""
    probability_better: float | None = None
    """Probability that the best score gets better."""
    cost: Range | None = None
    """Total cost of these runs."""
    front_gain: Range | None = None
    """Growth of the area under the front of score over log-cost, as a share of the area now: 0.1 is 10% more."""
    cost_unit: str = ""
    assumptions: list[str] = []
    """What the answer assumes, one sentence each."""
    note: str = ""


class Nearest(Model):
    """The run nearest to a configuration, among those that the optimizer knew."""

    run: str | None = None
    """Name of the run, if it exists."""
    distance: float
    """Distance in the unit box of the parameters: 1 is the whole range of one parameter."""
    score: float | None = None
    cost: float | None = None


class ParameterReason(Model):
    """A parameter of a run compared with the best run that the optimizer knew."""

    path: str
    value: Scalar
    best: Scalar | None = None
    """Its value in that run; null if it has none."""
    distance: float | None = None
    """Distance as a share of the parameter's range; 1 for another category."""
    text: str
    """The comparison in words."""


class Why(Model):
    """Why the optimizer suggested a run."""

    run: str
    origin: str
    observations: int | None = None
    """How many results it knew."""
    pending: int | None = None
    """How many runs had no result yet."""
    cost_power: float | None = None
    """The gain was divided by the cost to this power: 0 if the cost does not matter, 1 if the gain per cost counts."""
    acquisition: str | None = None
    """Kind of gain: ei (expected improvement), ucb (upper confidence bound) or protein."""
    nearest: Nearest | None = None
    best: str | None = None
    """Name of the best run that the optimizer knew; null without one."""
    score: Range | None = None
    """Predicted score, before the result was known."""
    cost: Range | None = None
    """Predicted cost, before the result was known."""
    success: float | None = None
    """Predicted probability that the run does not fail because of its parameters."""
    parameters: list[ParameterReason] = []
    sentences: list[str] = []
    """The reason in words."""
    note: str = ""


class Predicted(Model):
    """What a configuration is predicted to score and cost."""

    parameters: dict[str, Scalar]
    """The complete configuration."""
    score: Range | None = None
    cost: Range | None = None
    success: float | None = None
    cost_unit: str = ""
    allowed: bool = True
    """Whether the constraints allow it."""
    note: str = ""


class Forecasts(Model):
    """The final scores of the runs in progress, as their learning curves suggest. The intervals contain 80%."""

    items: dict[str, Forecast]
    """By name of the run. Missing: a run without a report."""
    note: str = ""


Explanation = Importance | Slices | Contour | Outlook | Why | Predicted | Forecasts
