"""Question and answer about the runs of a W&B sweep: one JSON document each."""

from __future__ import annotations

from typing import Literal

from sweep_operator.api.model import JsonObject, Model
from sweep_operator.exchange.learner import Learned, Learner
from sweep_operator.tracking.delivery.messages import Patience, Trouble


class HistoryQuestion(Model):
    """Asks for the runs of W&B sweep ``sweep_id``, or of the newest one whose name or id is ``sweep_name``."""

    entity: str | None = None
    project: str
    sweep_id: str | None = None
    sweep_name: str | None = None
    metric: str | None = None
    """Name of the score of runs that report none themselves, if the W&B sweep has no metric of its own."""
    objective: str | None = None
    """Name of the score of all runs."""
    cost: str | None = None
    limit: int | None = None
    """Stop reading when so many runs have a result; None: read all."""
    learner: Learner | None = None
    """Answer with what this learner learns, instead of the runs."""
    patience: Patience = Patience(request=30.0)


class PastRun(Model):
    """One run, as protein.integrations.wandb_history interprets it."""

    id: str
    name: str
    state: Literal["success", "failure", "running", "defunct", "unscored"]
    parameters: JsonObject
    """Its suggestion, or else its config; flat."""
    suggested: bool
    config: JsonObject = {}
    """The rest of its config; flat."""
    objective: float | None = None
    metric: str | None = None
    """Name of the objective, if known."""
    cost: float | None = None
    last_report: float | None = None
    """The last objective that a failed run reported while it ran, if known."""
    cost_is_runtime: bool = False
    metrics: dict[str, float] = {}
    error: str = ""
    failure_class: str = ""
    origin: str | None = None
    """Why it was suggested, if known."""
    created: str | None = None


class PastSweep(Model):
    """One W&B sweep."""

    id: str
    name: str
    description: str = ""
    config: str = ""
    """Its configuration, in YAML."""


class HistoryAnswer(Model):
    """The sweep and its runs, newest first, or what was learned from them, or why they cannot be read."""

    entity: str = ""
    sweep: PastSweep | None = None
    older: list[str] = []
    """Ids of older sweeps with the same name."""
    runs: list[PastRun] = []
    learned: Learned | None = None
    trouble: Trouble | None = None
