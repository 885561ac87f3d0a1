"""What the engine needs from its shell besides Kube: the optimizer, histories, the clock, the right to create."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.warm_start import WarmStart
from sweep_operator.decide.plan import Observation, SuggestRequest, TrackRequest
from sweep_operator.decide.snapshot import Suggested
from sweep_operator.decide.tracking import TrackingReport


class Suggester(Protocol):
    """The optimizer behind a process boundary."""

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> Suggested:
        """Suggestions for consecutive indices from ``request.index``. A pure function of its arguments.

        Never raises for what the optimizer does: a failure gives fallback suggestions and ``error``.
        """
        ...


class HistoryUnreadable(Exception):
    """A warm-start source cannot be read: now, or (``lasting``) ever. ``readable``: what the other sources gave."""

    def __init__(self, message: str, *, readable: Sequence[Observation] = (), lasting: bool = False) -> None:
        super().__init__(message)
        self.readable, self.lasting = tuple(readable), lasting


@dataclass(frozen=True)
class History:
    """What the sources gave, newest first, at most ``maxObservations``; and what of them was of no use."""

    observations: tuple[Observation, ...]
    notes: tuple[str, ...] = ()


class HistoryReader(Protocol):
    """Reads the sources of a warm start."""

    async def read(self, sweep: Sweep, warm_start: WarmStart) -> History:
        """All sources. Takes as long as they take: never awaited by a pass. Raises HistoryUnreadable."""
        ...


class Tracker(Protocol):
    """Delivers finished runs to where they are shown, beside the passes: none of its methods waits for anything."""

    def report(self, key: tuple[str, str], uid: str) -> TrackingReport:
        """What it has found out about the Sweep ``key`` with that uid."""
        ...

    def offer(self, key: tuple[str, str], sweep: Sweep, request: TrackRequest | None) -> None:
        """What is to be delivered of a Sweep now, in place of what was before; None: nothing."""
        ...

    def forget(self, key: tuple[str, str]) -> None:
        """The Sweep is gone."""
        ...


class NotLeading(Exception):
    """The lease has run out: nothing may be created any more."""


@dataclass(frozen=True)
class Settings:
    """How the engine runs."""

    config: OperatorConfig
    now: Callable[[], datetime]
    """Wall time, UTC: what is compared with times that Kubernetes wrote."""
    monotonic: Callable[[], float]
    require_image: bool = True
    dry_run_pods: bool = False
    """Ask the server about the pods of a Sweep before it is accepted (an embedded Kube has no opinion of them)."""
    workers: int = 4
    tracker: Tracker | None = None
    """None: nothing is tracked."""
    status_delay: float = 0.0
    """Seconds for which changes of a Sweep's counters may be collected into one write."""
    component: str = "sweep-operator"
    check_leading: Callable[[], None] = lambda: None
    """Called before each create and each status write, on any Kube; raises NotLeading. (The cluster's client may hold a
    create back for its rate limit, and asks once more when it sends it.)"""
    on_pass: Callable[[float, str], None] = lambda seconds, outcome: None
    """Called after each pass with its seconds and "done", "again" (a conflict) or "failed"."""
