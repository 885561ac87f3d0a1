"""What the engine remembers of one Sweep between passes. All of it can be lost: it is found or asked for again."""

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
    """By Job name: when its missing pod was asked about last."""
    foreign_jobs: set[str] = field(default_factory=set)
    burnt: set[int] = field(default_factory=set)
    raised: set[tuple[str, Stage, int]] = field(default_factory=set)
    """(run uid, stage, attempt) that this process raised: their Jobs need no live look at the run first."""
    runs: Reader[SweepRun | None] = field(default_factory=lambda: Reader(_read_run))
    jobs: Reader[JobView | None] = field(default_factory=lambda: Reader(view_job))
    pods: Reader[PodView | None] = field(default_factory=lambda: Reader(view_pod))
    suggesting: asyncio.Task[None] | None = None
    suggested: tuple[int, Suggested] | None = None
    """(generation it was made for, answer)"""
    suggest_seconds: float | None = None
    warm_start: WarmStartState = field(default_factory=WarmStartState)
    warm_start_since: datetime | None = None
    warming: asyncio.Task[None] | None = None
    """Reads the sources of the warm start."""
    run_limit: int | None = None
    status_waits_since: float | None = None
    """Monotonic: since when the Sweep's status has a change that is not written."""

    def suggested_for(self, generation: int) -> Suggested | None:
        """The optimizer's answer, unless the spec has changed since it was asked."""
        if self.suggested is None or self.suggested[0] != generation:
            return None
        return self.suggested[1]

    def forget(self) -> None:
        """End what is under way."""
        for task in (self.suggesting, self.warming):
            if task is not None:
                task.cancel()


def _read_run(obj: Object) -> SweepRun | None:
    """None for a run that the models cannot read (made before its field had a schema, say): it is left alone."""
    try:
        return parse(SweepRun, obj)
    except InvalidObject as error:
        log.warning("SweepRun %s/%s: %s", obj["metadata"].get("namespace"), obj["metadata"]["name"], error)
        return None
