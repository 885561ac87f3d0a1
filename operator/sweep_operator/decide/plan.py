"""What a decision may request. Actions are data; the engine executes them, and each is idempotent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sweep_operator.api.failures import FAILURES, FailureTable
from sweep_operator.api.model import Scalar
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.sweeprun import Origin, Prediction, Stage, SweepRun, SweepRunStatus
from sweep_operator.api.tracking import Destination
from sweep_operator.decide.outcome import LogRequest
from sweep_operator.decide.refusal import Probe
from sweep_operator.domain.revisions import RunTemplate


@dataclass(frozen=True)
class Event:
    """One Kubernetes Event about the Sweep (run None) or a run, written after the status that it reports."""

    reason: str
    message: str
    run: str | None = None
    type: Literal["Normal", "Warning"] = "Normal"


@dataclass(frozen=True)
class EnsureRevision:
    """The ControllerRevision that a run renders from."""

    template: RunTemplate


@dataclass(frozen=True)
class EnsureStage:
    """The claim, the Service and the Job of one attempt."""

    stage: Stage
    attempt: int
    template: RunTemplate
    deadline_seconds: int | None


@dataclass(frozen=True)
class Adopt:
    """Owner reference and labels on a manual run."""

    run: str


@dataclass(frozen=True)
class DeleteJob:
    """A Job whose attempt is over in the record, or that must end."""

    name: str
    uid: str


@dataclass(frozen=True)
class DeleteJobs:
    """Every Job of the run, in one request."""

    run: str


@dataclass(frozen=True)
class ReleasePod:
    """Remove our finalizer from a pod whose result is recorded, or never will be."""

    name: str
    uid: str


@dataclass(frozen=True)
class RemovePod:
    """Force the deletion of a pod on a lost node."""

    name: str
    uid: str


@dataclass(frozen=True)
class DeleteClaim:
    """Delete the run's claim, which retention does not keep."""

    run: str


@dataclass(frozen=True)
class CreateRun:
    """The reservation of an index."""

    index: int
    parameters: dict[str, Scalar]
    origin: Origin
    prediction: Prediction | None


@dataclass(frozen=True)
class Observation:
    """One row of what the optimizer learns from; neither score nor failure: its cost is a lower bound."""

    parameters: dict[str, Scalar]
    score: float | None
    cost: float | None
    is_failure: bool = False
    cost_is_lower_bound: bool = False


def failure_observation(
    parameters: Mapping[str, Scalar], cost: float | None, class_: str, table: FailureTable = FAILURES
) -> Observation | None:
    """What the optimizer learns from a failure of this class, or None."""
    learned = table[class_].learned
    if learned is None:
        return None
    infeasible = learned == "infeasible"
    return Observation(dict(parameters), None, cost, is_failure=infeasible, cost_is_lower_bound=not infeasible)


@dataclass(frozen=True)
class SuggestRequest:
    """``count`` suggestions for consecutive indices from ``index``."""

    index: int
    count: int
    observations: tuple[Observation, ...]
    pending: tuple[dict[str, Scalar], ...]


@dataclass(frozen=True)
class RunPlan:
    """One run's pass: ``before``, the status write (if it changes anything), ``after``, then ``cleanup``."""

    run: SweepRun
    status: SweepRunStatus
    before: tuple[EnsureRevision | Adopt, ...] = ()
    after: tuple[EnsureStage, ...] = ()
    cleanup: tuple[DeleteJob | DeleteJobs | ReleasePod | RemovePod | DeleteClaim, ...] = ()
    logs: tuple[LogRequest, ...] = ()
    probes: tuple[Probe, ...] = ()
    events: tuple[Event, ...] = ()
    wake: datetime | None = None

    @property
    def updated(self) -> SweepRun:
        """The run as it will be."""
        return self.run.with_(status=self.status)


@dataclass(frozen=True)
class TrackRequest:
    """What the tracker is to have: the sweep itself, and these finished runs."""

    destination: Destination
    sweep_id: str | None
    """The tracker's id of the sweep, if it is known."""
    runs: tuple[SweepRun, ...] = ()
    offline: bool = False


@dataclass(frozen=True)
class Plan:
    """One pass over a Sweep."""

    runs: tuple[RunPlan, ...]
    status: SweepStatus
    create: tuple[CreateRun, ...] = ()
    suggest: SuggestRequest | None = None
    read_warm_start: bool = False
    track: TrackRequest | None = None
    events: tuple[Event, ...] = ()
    wake: datetime | None = None
    terminal: bool = False
