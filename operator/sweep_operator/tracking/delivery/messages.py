"""What the outbox and its child process say to each other: one JSON document per line.

A parcel goes in; lines come out while it is worked on, the last one of kind ``done``.
"""

from __future__ import annotations

from typing import Literal

from sweep_operator.api.model import JsonObject, Model, Scalar


class SweepCard(Model):
    """The sweep as W&B shall show it."""

    uid: str
    display_name: str
    known_id: str | None = None
    """W&B's id, where it is known."""
    config: JsonObject
    """W&B's sweep configuration; its description carries the uid."""


class RunCard(Model):
    """One finished run as W&B shall show it."""

    id: str
    uid: str
    """Of the SweepRun."""
    name: str
    config: dict[str, Scalar]
    summary: JsonObject
    failed: bool


class Patience(Model):
    """How long the child waits for W&B before it gives a run back to be tried again. Seconds."""

    request: float = 10.0
    """One HTTP request."""
    open: float = 20.0
    """wandb.init."""
    finish: float = 20.0
    """run.finish."""
    parallel: int = 16
    """Runs that are under way at the same time."""


class Parcel(Model):
    """What is to be in W&B: the sweep, and these runs."""

    entity: str | None = None
    project: str
    group: str
    sweep: SweepCard
    runs: list[RunCard]
    patience: Patience = Patience()
    folder: str | None = None
    """Mode offline: files are written below it, and nothing is sent."""


class Trouble(Model):
    """What W&B, or the way to it, has against a delivery."""

    reason: str
    """One word; the reason of the condition."""
    message: str
    permanent: bool
    """Whether only a person can mend it."""


class Line(Model):
    """One thing that the child says."""

    kind: Literal["sweep", "began", "left", "delivered", "trouble", "done"]
    """sweep: its id is known. began, left: a run is being written, and is no more. delivered: it was read back.
    trouble: with the run, or with everything (run is None). done: the parcel is finished."""
    run: str | None = None
    """Id of the run."""
    url: str | None = None
    sweep_id: str | None = None
    entity: str | None = None
    trouble: Trouble | None = None
