"""Messages between the outbox and the delivery process: one JSON document per line.

The outbox sends a parcel. The process answers with lines; the last one is of kind ``done``.
"""

from __future__ import annotations

from typing import Literal

from sweep_operator.api.model import JsonObject, Model, Scalar
from sweep_operator.domain.curve import Point


class SweepCard(Model):
    """A sweep as W&B should show it."""

    uid: str
    display_name: str
    known_id: str | None = None
    """W&B's id, if it is known."""
    config: JsonObject
    """W&B's sweep configuration. Its description contains the uid."""


class RunCard(Model):
    """A finished run as W&B should show it."""

    id: str
    uid: str
    """Uid of the SweepRun."""
    name: str
    config: dict[str, Scalar]
    summary: JsonObject
    curve: list[Point] = []
    """The learning curve in the status."""
    reports: list[str] = []
    """Files with all reports, as far as they are known."""
    cost_per_second: float | None = None
    """Cost of a second of the stage that reports. None: the result contains the cost."""
    failed: bool
    written: bool = False
    """Whether an earlier parcel has written it. It is read before it is written again."""


class Patience(Model):
    """How long the process waits for W&B before it reports a run as failed. Seconds."""

    request: float = 10.0
    """Time limit of one HTTP request."""
    open: float = 20.0
    """Time limit of wandb.init."""
    finish: float = 20.0
    """Time limit of run.finish."""
    read_back: float = 20.0
    """How long a written run may be missing from the runs that W&B returns."""
    parallel: int = 16
    """Number of runs that are written at the same time."""


class Parcel(Model):
    """A sweep and finished runs to deliver."""

    entity: str | None = None
    project: str
    group: str
    sweep: SweepCard
    runs: list[RunCard]
    patience: Patience = Patience()
    folder: str | None = None
    """Mode offline: files are written below this directory, and nothing is sent."""


class Trouble(Model):
    """Why a request to W&B failed."""

    reason: str
    """One word; the reason of the condition."""
    message: str
    permanent: bool
    """Whether a retry cannot succeed until a person fixes the cause."""


class Line(Model):
    """One report of the process."""

    kind: Literal["sweep", "began", "left", "written", "waiting", "delivered", "trouble", "done"]
    """sweep: its id is known. began, left: a run starts or stops being written. written: W&B accepted the run. waiting:
    the process waits until W&B returns what was written. delivered: the run was read back. trouble: about the run, or
    about the whole parcel if ``run`` is None. done: the parcel is finished."""
    run: str | None = None
    """Id of the run."""
    url: str | None = None
    sweep_id: str | None = None
    entity: str | None = None
    trouble: Trouble | None = None
