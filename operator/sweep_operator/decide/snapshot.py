"""Everything that a decision may look at, gathered at one moment. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sweep_operator.api.errors import FieldError
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.model import Scalar
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Origin, Prediction, SweepRun
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.outcome import LogReading
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.refusal import Refusal
from sweep_operator.decide.tracking import TrackingReport
from sweep_operator.domain.revisions import RunTemplate


@dataclass(frozen=True)
class Suggestion:
    """One proposal of the optimizer for one index."""

    index: int
    parameters: dict[str, Scalar]
    origin: Origin
    prediction: Prediction | None = None


@dataclass(frozen=True)
class Suggested:
    """The optimizer's answer: suggestions, or why there are none."""

    suggestions: tuple[Suggestion, ...] = ()
    infeasible: str | None = None
    """No configuration passes the constraints."""
    error: str | None = None
    """The optimizer failed; the suggestions are random ones."""
    seconds: float = 0.0


@dataclass(frozen=True)
class WarmStartState:
    """What is known of the sources: None before they were read."""

    observations: tuple[Observation, ...] | None = None
    problem: str | None = None
    """Why they could not be read (so far, or for good when observations is not None)."""
    notes: tuple[str, ...] = ()
    """What of them was of no use."""


@dataclass(frozen=True)
class Snapshot:
    """One Sweep with everything that belongs to it."""

    sweep: Sweep
    runs: tuple[SweepRun, ...]
    jobs: tuple[JobView, ...]
    pods: tuple[PodView, ...]
    revisions: Mapping[str, RunTemplate]
    now: datetime
    config: OperatorConfig
    problems: tuple[FieldError, ...] = ()
    """What is wrong with the spec: Accepted is False."""
    claims: frozenset[str] = frozenset()
    """Names of the runs' claims that exist."""
    logs: Mapping[str, LogReading] = field(default_factory=dict)
    """By pod uid."""
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """By Job name: what the API server has against the Job, its claim or its pod."""
    foreign_jobs: frozenset[str] = frozenset()
    """Job names that objects of other owners hold."""
    burnt: frozenset[int] = frozenset()
    """Indices whose names objects of other owners hold."""
    suggested: Suggested | None = None
    suggest_seconds: float | None = None
    """Of the newest suggestion."""
    warm_start: WarmStartState = WarmStartState()
    tracking: TrackingReport | None = None
    """None: nobody delivers anything here."""
    run_limit: int | None = None
    """New runs are made only up to this many existing ones (one iteration at a time)."""
