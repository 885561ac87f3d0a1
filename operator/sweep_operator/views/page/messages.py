"""What the page's server and its clients say to each other, and the data of an exported report."""

from __future__ import annotations

from typing import Literal

from sweep_operator.api.model import JsonObject, Model, Scalar
from sweep_operator.views.page.models import Server, SweepHead, SweepPage, SweepRow
from sweep_operator.views.page.run_models import Curves, LogEnd, RunDetails, RunRow


class SweepList(Model):
    """``GET /api/sweeps``."""

    items: list[SweepRow]
    unreadable: list[str]
    """Directories or namespaces that cannot be read, with the reason."""


class Snapshot(Model):
    """Event ``snapshot``: everything that a client has to know."""

    sweeps: list[SweepRow]
    page: SweepPage | None


class SweepsChange(Model):
    """Event ``sweeps``. Deleted ones are <namespace>/<name>."""

    changed: list[SweepRow]
    deleted: list[str]


class UnreadableChange(Model):
    """Event ``unreadable``: what cannot be read now. After a snapshot without this event: nothing."""

    items: list[str]


class PageChange(Model):
    """Event ``page``: the sweep, and the runs that have changed."""

    page: SweepHead
    changed: list[RunRow]
    deleted: list[str]


class ApiError(Model):
    """The body of every answer that is an error."""

    error: str
    field: str | None


class ActionRequest(Model):
    """``POST /api/actions``. A preview changes nothing."""

    action: Literal["add", "retry", "stop", "suspend", "resume", "limits"]
    namespace: str
    sweep: str
    run: str | None = None
    parameters: dict[str, Scalar] | None = None
    limits: JsonObject | None = None
    """Fields of spec.limits; null removes one."""
    preview: bool


class PredictedCost(Model):
    """Cost that is expected of an action, with an 80% interval."""

    low: float
    median: float
    high: float
    unit: str


class ActionAnswer(Model):
    """The command that does the same, and what came of it."""

    command: str
    notes: list[str]
    """Warnings, such as a value outside of its bounds."""
    predicted_cost: PredictedCost | None
    message: str | None
    """What the API server answered. Null for a preview."""


class Report(Model):
    """The data of an exported report."""

    written: str
    """When it was written, which is the time that the page shows."""
    server: Server
    sweeps: list[SweepRow]
    page: SweepPage
    curves: Curves
    runs: dict[str, RunDetails]
    logs: dict[str, LogEnd]
    """By name of the run. Empty for a sweep of a cluster; on one machine, there is not room for all."""
    explanations: JsonObject
