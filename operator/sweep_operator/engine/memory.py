"""The engine's state of one Sweep between passes. All of it can be rebuilt after a restart."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime

from sweep_operator.api.errors import FieldError, InvalidObject, parse
from sweep_operator.api.sweeprun import Stage, SweepRun
from sweep_operator.decide.observed import JobView, PodView, view_job, view_pod
from sweep_operator.decide.outcome import LogReading
from sweep_operator.decide.refusal import Refusal
from sweep_operator.decide.snapshot import Suggested, WarmStartState
from sweep_operator.engine.reader import Reader
from sweep_operator.kube.protocol import Object

log = logging.getLogger(__name__)


@dataclass
class Memory:
    """Per Sweep (by uid)."""

    uid: str
    checked_generation: int | None = None
    problems: tuple[FieldError, ...] = ()
    logs: dict[str, LogReading] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    """By Job name."""
    asked: dict[str, datetime] = field(default_factory=dict)
    """By Job name: time of the last dry run for its missing pod."""
    foreign_jobs: set[str] = field(default_factory=set)
    burnt: set[int] = field(default_factory=set)
    raised: set[tuple[str, Stage, int]] = field(default_factory=set)
    """(run uid, stage, attempt) that this process started: their Jobs are created without a live read of the run."""
    runs: Reader[SweepRun | None] = field(default_factory=lambda: Reader(_read_run))
    jobs: Reader[JobView | None] = field(default_factory=lambda: Reader(view_job))
    pods: Reader[PodView | None] = field(default_factory=lambda: Reader(view_pod))
    suggesting: asyncio.Task[None] | None = None
    suggested: tuple[int, Suggested] | None = None
    """(generation of the spec, suggestions for it)"""
    suggest_seconds: float | None = None
    warm_start: WarmStartState = field(default_factory=WarmStartState)
    warm_start_since: datetime | None = None
    warming: asyncio.Task[None] | None = None
    """Reads the sources of the warm start."""
    run_limit: int | None = None
    status_waits_since: float | None = None
    """Monotonic time since which the Sweep's status has an unwritten change."""

    def suggested_for(self, generation: int) -> Suggested | None:
        """The optimizer's suggestions, unless the spec has changed since the request."""
        if self.suggested is None or self.suggested[0] != generation:
            return None
        return self.suggested[1]

    def forget(self) -> None:
        """Cancel the background tasks."""
        for task in (self.suggesting, self.warming):
            if task is not None:
                task.cancel()


def _read_run(obj: Object) -> SweepRun | None:
    """None for a run that cannot be parsed (created before its field had a schema, for example): it is ignored."""
    try:
        return parse(SweepRun, obj)
    except InvalidObject as error:
        log.warning("SweepRun %s/%s: %s", obj["metadata"].get("namespace"), obj["metadata"]["name"], error)
        return None
