"""Interfaces the engine needs besides Kube: optimizer, warm-start reader, tracker, clock, leader check."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.warm_start import WarmStart
from sweep_operator.decide.plan import NOTHING_EARLIER, EarlierObservations, SuggestRequest, TrackRequest
from sweep_operator.decide.snapshot import Forecasted, Suggested
from sweep_operator.decide.tracking import TrackingReport
from sweep_operator.engine.allowance import Allowances
from sweep_operator.engine.read_run import stored_run
from sweep_operator.engine.report_files import ReportFiles
from sweep_operator.engine.store import Key, Store
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.sandbox.tasks import Evaluator, InProcess


class Suggester(Protocol):
    """The optimizer in its own processes. It has at most one request of a Sweep at a time."""

    def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
        """Suggestions for consecutive indices from ``request.index``, as they come. A function of its arguments.

        Never raises for an optimizer failure: it returns fallback suggestions for ``request.urgent`` runs and
        ``error``.
        """
        ...

    def interrupt(self, sweep: Sweep) -> None:
        """End the request of a Sweep after the suggestion that is being computed."""
        ...


class Forecaster(Protocol):
    """The optimizer's forecasts of running runs."""

    async def forecast(self, sweep: Sweep, request: SuggestRequest) -> Forecasted:
        """The forecasts of the pending runs with a curve. Never raises for an optimizer failure."""
        ...


class WarmStartUnreadable(Exception):
    """A warm-start source is unreadable, permanently if ``lasting``. ``readable``: observations of other sources."""

    def __init__(self, message: str, *, readable: EarlierObservations = NOTHING_EARLIER, lasting: bool = False) -> None:
        super().__init__(message)
        self.readable, self.lasting = readable, lasting


@dataclass(frozen=True)
class WarmStartRows:
    """Observations of the sources, at most ``maxObservations``; notes about unusable rows."""

    observations: EarlierObservations = NOTHING_EARLIER
    notes: tuple[str, ...] = ()


class WarmStartReader(Protocol):
    """Reads the sources of a warm start."""

    async def read(self, sweep: Sweep, warm_start: WarmStart) -> WarmStartRows:
        """Read all sources. May take minutes, so no pass awaits it. Raises WarmStartUnreadable."""
        ...


class Tracker(Protocol):
    """Delivers finished runs to the experiment tracker in the background: none of its methods blocks."""

    def report(self, key: tuple[str, str], uid: str) -> TrackingReport:
        """State of the delivery of the Sweep ``key`` with that uid."""
        ...

    def offer(self, key: tuple[str, str], sweep: Sweep, request: TrackRequest | None) -> None:
        """Replace the runs of a Sweep to deliver; None: nothing to deliver."""
        ...

    def forget(self, key: tuple[str, str]) -> None:
        """Drop the state of a deleted Sweep."""
        ...


class NotLeading(Exception):
    """The lease has expired: this process must not create objects."""


@dataclass(frozen=True)
class Settings:
    """How the engine runs."""

    config: OperatorConfig
    now: Callable[[], datetime]
    """Wall time in UTC, for comparison with timestamps of Kubernetes."""
    monotonic: Callable[[], float]
    require_image: bool = True
    dry_run_pods: bool = False
    """Validate the pods of a Sweep with a server-side dry run before accepting it (an embedded Kube cannot)."""
    own_kube: bool = False
    """Whether the Kube contains objects of this operator only, so that LISTs need no label."""
    workers: int = 4
    writes: int = 100
    """Runs of one Sweep whose requests are sent at the same time."""
    evaluator: Evaluator = field(default_factory=InProcess)
    """Evaluates constraints, patterns and files that users supply. The default is for tests."""
    allowances: Allowances | None = None
    """What new and changed Sweeps of a namespace may cost; None: no limit."""
    read_run: Callable[[Store, Key], SweepRun | None] = stored_run
    """Parses a stored run. Who shows the runs as well may keep what was parsed."""
    tracker: Tracker | None = None
    """None: no tracking."""
    forecaster: Forecaster | None = None
    """For rule model of earlyStopping. None: it stops no run."""
    status_delay: float = 0.0
    """Seconds for which changes of a Sweep's counters may be collected into one write."""
    report_seconds: float | None = None
    """Seconds between two reads of a log that is followed; None: as the Sweep says."""
    report_files: ReportFiles | None = None
    """Where every report is kept for the tracker. None: nowhere."""
    report_write_seconds: float = 60.0
    """Seconds between two writes of a run's progress for its own sake."""
    failures_since: datetime | None = None
    """Of a sweep that a person watches: see Snapshot."""
    component: str = "sweep-operator"
    check_leading: Callable[[], None] = lambda: None
    """Called before each create and each status write, on any Kube; raises NotLeading. (The cluster's client may hold a
    create back for its rate limit, and asks once more when it sends it.)"""
    on_pass: Callable[[float, str], None] = lambda seconds, outcome: None
    """Called after each pass with its seconds and "done", "again" (a conflict) or "failed"."""
    on_change: Callable[[Kind, Object], None] = lambda kind, obj: None
    """Called with each object that has changed in the store."""
