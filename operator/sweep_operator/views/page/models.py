"""The data of one sweep on the page. `make generate` writes ``web/src/api.ts`` from the models of this room.

Times are RFC 3339 text in UTC. Costs are in the sweep's unit. What is unknown is null.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from protein.searchspace.distributions import Axis
from sweep_operator.api.model import Model, Scalar, VisibleText
from sweep_operator.views.page.run_models import Condition, RunRow

Goal = Literal["maximize", "minimize"]


class Server(Model):
    """What serves the page, and what it can do."""

    mode: Literal["machine", "kubectl", "cluster", "report"]
    write: bool
    """Whether actions are possible."""
    version: str
    command: Literal["sweep", "kubectl sweep"]
    """The beginning of equivalent commands."""
    models: bool
    """Whether questions about the model are answered."""


class Best(Model):
    """The best run of a sweep."""

    run: str
    label: str
    score: float
    cost: float | None


class Counts(Model):
    """Runs by state."""

    finished: int
    succeeded: int
    failed: int
    pruned: int
    running: int
    waiting: int
    max_runs: int | None


class SweepRow(Model):
    """One sweep in the list."""

    namespace: str
    name: str
    display_name: str
    state: VisibleText
    """As in the column STATUS."""
    message: VisibleText
    """Message of the state's condition, which says what the sweep waits for or why it ended."""
    ended: bool
    suspended: bool
    interrupted: bool
    goal: Goal
    metric: str
    best: Best | None
    counts: Counts
    spent: float
    budget: float | None
    cost_unit: str
    eta_seconds: float | None
    created: str
    completed: str | None


class Parameter(Model):
    """One searched parameter."""

    path: str
    label: str
    """The end of the path, long enough to be unique."""
    kind: Literal["number", "integer", "category"]
    axis: Axis
    min: float | None
    max: float | None
    values: list[Scalar] | None
    mean: Scalar | None
    when: str | None
    """The condition under which it is present, such as optimizer.name: sgd."""


class Objective(Model):
    """One metric that the sweep optimizes. The first one is the score."""

    metric: str
    goal: Goal
    threshold: float | None


class Limits(Model):
    """When the sweep ends."""

    max_runs: int | None
    max_parallel_runs: int
    total_cost: float | None
    deadline_seconds: int | None


class Calibration(Model):
    """How many observed values lie within their predicted 80% intervals."""

    count: int
    within: int
    share: float
    text: str


class Calibrations(Model):
    """Calibration of the optimizer."""

    score: Calibration | None
    cost: Calibration | None


class WastedCost(Model):
    """Cost of the runs and attempts of one failure class."""

    class_: str = Field(alias="class")
    cost: float
    runs: int


class PrunedCost(Model):
    """What early stopping has cost and saved."""

    cost: float
    """Cost of the runs that it ended."""
    saved: float
    """Estimated cost of the rest of these runs."""
    runs: int
    wrong: int
    """Runs that continued for comparison and are Pareto-optimal now."""


class Money(Model):
    """Where the cost went. Spent is the sum of useful, wasted and pruned, and of the runs that have not ended."""

    unit: str
    spent: float
    useful: float
    """Cost of the succeeded runs' results."""
    wasted: list[WastedCost]
    pruned: PrunedCost
    budget: float | None


class BestParams(Model):
    """The best parameters in the forms in which they are used."""

    yaml: str
    overrides: str
    """Command-line overrides. Empty: the program does not take any."""
    patch: str | None
    """The Hydra patch of `best-params`. Null: the program is not Hydra's."""
    command: str
    notes: list[str]
    """What the user has to provide for the command."""


class SweepHead(Model):
    """One sweep without its runs."""

    row: SweepRow
    parameters: list[Parameter]
    fixed: dict[str, Scalar]
    objectives: list[Objective]
    target: float | None
    method: str
    early_stopping: str
    """The rule; none: no run is stopped."""
    limits: Limits
    conditions: list[Condition]
    front: list[str]
    """Names of the Pareto-optimal runs, the cheapest first."""
    ranking: list[str]
    """Names of the runs with a score, the best first."""
    calibration: Calibrations
    money: Money
    best_params: BestParams | None


class SweepPage(SweepHead):
    """One sweep with its runs."""

    runs: list[RunRow]
