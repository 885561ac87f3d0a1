"""The states of one attempt, and what they depend on besides its Job and its pods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sweep_operator.api.failures import AttemptEnd
from sweep_operator.api.limits import FailureRule
from sweep_operator.api.sweeprun import Stage
from sweep_operator.decide.observed import PodView
from sweep_operator.decide.result import Result
from sweep_operator.domain.curve import Point


@dataclass(frozen=True)
class LogRequest:
    """Patterns to find in the log of a finished container."""

    pod: str
    uid: str
    value_pattern: str | None
    rule_patterns: tuple[str, ...]


@dataclass(frozen=True)
class LogReading:
    """The last match of the value pattern, the rule patterns that matched, or why the log is unreadable."""

    value: str | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)
    """The last matches of its other groups, by name."""
    matched: frozenset[str] = frozenset()
    error: str | None = None


@dataclass(frozen=True)
class LogFollow:
    """The log of a running container that is read now and then, for reports and for silence."""

    pod: str
    uid: str
    attempt: int
    reports: bool
    """Whether to find reports in it."""
    pattern: str | None
    """Regular expression of reports. None: only SWEEP_REPORT lines."""
    metric: str
    needed: str
    """The metric that each report should contain."""
    others: tuple[str, ...]
    """Further metrics to keep."""
    every: float
    started: datetime
    earlier: float
    """Seconds of earlier pods of the stage."""
    position: str
    """Where to begin; empty: at the beginning."""
    silence: float | None
    """Seconds without output after which the attempt ends."""
    last: bool
    """The container has ended: read the rest, once."""
    curve: bool = True
    """Whether its reports are the learning curve."""
    tracked: bool = False
    """Whether the experiment tracker gets every report."""


@dataclass(frozen=True)
class LogProgress:
    """What was found in a log that is followed."""

    points: Sequence[Point] = ()
    """The learning curve of the attempt."""
    latest: Point | None = None
    position: str = ""
    problem: tuple[str, str] | None = None
    """Reason and message."""
    silent: bool = False
    """There was no output for ``silence`` seconds."""
    complete: bool = False
    """The rest of the log of the ended container was read, as far as possible."""


@dataclass(frozen=True)
class AttemptPolicy:
    """The settings that determine the state of an attempt and its failure class."""

    stage: Stage
    reports: bool
    """Whether the result of this stage contains the score."""
    metric: str | None
    cost_required: bool
    value_pattern: str | None
    failure_rules: Sequence[FailureRule]
    pending_deadline: timedelta
    deadline: timedelta | None
    """Deadline of main, from its start."""
    lost_after: timedelta
    """How long after its deletion is due a pod may exist before its node counts as lost."""
    proven: bool = True
    """False: the program has not run to its end yet, so that it may be unable to start."""


@dataclass(frozen=True)
class Waiting:
    """Main has not started."""

    reason: str
    message: str
    until: datetime | None


@dataclass(frozen=True)
class Running:
    """Main runs."""

    pod: PodView
    until: datetime | None


@dataclass(frozen=True)
class NeedsLog:
    """Main has ended, and its log decides how."""

    request: LogRequest


@dataclass(frozen=True)
class Absent:
    """Neither Job nor pod exists."""


@dataclass(frozen=True)
class Ended:
    """The attempt is over."""

    class_: AttemptEnd
    reason: str
    message: str = ""
    pod: PodView | None = None
    result: Result = field(default_factory=Result)
    seconds: float = 0.0
    """Duration of an attempt without a pod."""


State = Waiting | Running | NeedsLog | Absent | Ended
