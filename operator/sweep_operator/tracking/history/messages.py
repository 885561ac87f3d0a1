"""What is asked of a W&B project's past, and the answer: one JSON document each."""

from __future__ import annotations

from typing import Literal

from sweep_operator.api.model import JsonObject, Model
from sweep_operator.tracking.delivery.messages import Patience


class HistoryQuestion(Model):
    """The runs of one W&B sweep: of ``sweep_id``, or of the newest one whose name, or else id, is ``sweep_name``."""

    entity: str | None = None
    project: str
    sweep_id: str | None = None
    sweep_name: str | None = None
    metric: str | None = None
    """Summary key that is the score of runs without protein.* keys. Default: the sweep's own metric."""
    objective: str | None = None
    """Summary key that is the score of all runs."""
    cost: str | None = None
    limit: int | None = None
    """Enough, once so many runs have a result; None: all."""
    patience: Patience = Patience(request=30.0)


class PastRun(Model):
    """One run, as protein.integrations.wandb_history reads it."""

    id: str
    name: str
    state: Literal["success", "failure", "running", "defunct", "unscored"]
    parameters: JsonObject
    """Its suggestion, else its config; flat."""
    suggested: bool
    config: JsonObject = {}
    """What its config holds besides; flat."""
    objective: float | None = None
    cost: float | None = None
    cost_is_runtime: bool = False
    metrics: dict[str, float] = {}
    error: str = ""
    failure_class: str = ""
    origin: str | None = None
    """Why it was suggested, if it says so."""
    created: str | None = None


class PastSweep(Model):
    """One W&B sweep."""

    id: str
    name: str
    description: str = ""
    config: str = ""
    """Its configuration, in YAML."""


class HistoryTrouble(Model):
    """Why there is no answer. ``lasting``: only a person can mend it."""

    message: str
    lasting: bool


class HistoryAnswer(Model):
    """The sweep and its runs, the newest first; or the trouble."""

    entity: str = ""
    sweep: PastSweep | None = None
    older: list[str] = []
    """Ids of older sweeps of that name."""
    runs: list[PastRun] = []
    trouble: HistoryTrouble | None = None
