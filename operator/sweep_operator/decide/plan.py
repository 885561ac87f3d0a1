"""The output of a decision. Actions are data; the engine executes them, and each of them is idempotent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from protein.analysis.conformal import Side
from sweep_operator.api.failures import FAILURES, FailureTable
from sweep_operator.api.model import Scalar
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.suggestion import BudgetLeft, Prediction, Provenance
from sweep_operator.api.sweeprun import Origin, Stage, SweepRun, SweepRunStatus
from sweep_operator.api.tracking import Destination
from sweep_operator.decide.attempt import LogFollow, LogRequest
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
    """Create the ControllerRevision of a run's template."""

    template: RunTemplate


@dataclass(frozen=True)
class EnsureStage:
    """Create the claim, the Service and the Job of one attempt."""

    stage: Stage
    attempt: int
    template: RunTemplate
    deadline_seconds: int | None


@dataclass(frozen=True)
class Adopt:
    """Adopt a run without a controller: a manual one, or one of an earlier Sweep that was deleted without its runs."""

    run: str


@dataclass(frozen=True)
class DeleteJob:
    """Delete a Job whose attempt is recorded, or that must end."""

    name: str
    uid: str
    stops: bool = False
    """Whether its pods may be running. No other run gets the slot before the Job is deleted."""


@dataclass(frozen=True)
class DeleteJobs:
    """Delete all Jobs of the run in one request."""

    run: str


@dataclass(frozen=True)
class ReleasePod:
    """Remove the operator's finalizer from a pod: its result is recorded, or is not needed."""

    name: str
    uid: str


@dataclass(frozen=True)
class RemovePod:
    """Force the deletion of a pod on a lost node."""

    name: str
    uid: str


@dataclass(frozen=True)
class DeleteService:
    """Delete the Service of an attempt that has ended."""

    name: str
    uid: str


@dataclass(frozen=True)
class DeleteClaim:
    """Delete the run's claim, which retention does not keep."""

    run: str


Cleanup = DeleteJob | DeleteJobs | DeleteService | ReleasePod | RemovePod | DeleteClaim


@dataclass(frozen=True)
class CreateRun:
    """Create the SweepRun that reserves an index."""

    index: int
    parameters: dict[str, Scalar]
    origin: Origin
    prediction: Prediction | None
    provenance: Provenance | None = None


LearnedPoint = tuple[float, float, float | None]
"""Fraction of the complete run, score, and cost so far, if it is known."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation for the optimizer: a score, a failure, or only a lower bound of the cost."""

    parameters: dict[str, Scalar]
    score: float | None
    cost: float | None
    is_failure: bool = False
    cost_is_lower_bound: bool = False
    score_side: Side | None = None
    """Where the score lies relative to the interval that was predicted; None: no prediction."""
    cost_side: Side | None = None
    """The same for the cost."""
    metrics: dict[str, float] | None = None
    """Values of spec.objectives after the first, as far as they are known; None with one objective."""
    curve: tuple[LearnedPoint, ...] | None = None
    """Points of the learning curve by rising step; None without any."""


@dataclass(frozen=True)
class EarlierObservations:
    """The observations of a warm start, newest first. Only the optimizer's process unpacks them: they may be many."""

    content: str = ""
    """JSON lines, compressed with gzip, in Base64."""
    count: int = 0
    scored: int = 0
    """Number of observations with a score."""


NOTHING_EARLIER = EarlierObservations()


def failure_observation(
    parameters: Mapping[str, Scalar],
    cost: float | None,
    class_: str,
    table: FailureTable = FAILURES,
    *,
    last_report: float | None = None,
) -> Observation | None:
    """What the optimizer learns from a failure of this class, or None."""
    learned = table[class_].learned
    if learned is None:
        return None
    infeasible = learned == "infeasible"
    score = last_report if learned == "last report" else None
    return Observation(dict(parameters), score, cost, is_failure=infeasible, cost_is_lower_bound=not infeasible)


@dataclass(frozen=True)
class PendingRun:
    """A run without a result yet."""

    name: str
    index: int | None
    parameters: dict[str, Scalar]
    curve: tuple[LearnedPoint, ...] = ()
    """Points of its learning curve by rising step."""


@dataclass(frozen=True)
class SuggestRequest:
    """Request ``count`` suggestions for consecutive indices from ``index``."""

    index: int
    count: int
    observations: tuple[Observation, ...]
    """Those of the Sweep itself."""
    pending: tuple[PendingRun, ...]
    urgent: int = 0
    """How many of them free slots wait for. The others are for slots that will be free."""
    earlier: EarlierObservations = NOTHING_EARLIER
    left: BudgetLeft | None = None
    """None: the cost is not limited."""
    lasting: bool = False
    """Whether results do not change the suggestions: neither a model nor a limit of the cost is used."""

    @property
    def known(self) -> int:
        """Number of all observations."""
        return self.earlier.count + len(self.observations)

    def goes_on(self, earlier: SuggestRequest) -> bool:
        """Whether this is what is left of ``earlier`` after its first suggestions became runs."""
        if self.lasting and earlier.lasting:
            return True
        since = range(earlier.index, self.index)
        known = {run.name for run in self.pending if run.index is None or run.index < earlier.index}
        new = {run.index for run in self.pending if run.index is not None and run.index >= earlier.index}
        return (
            known == {run.name for run in earlier.pending}
            and new == set(since)
            and self.observations == earlier.observations
            and self.earlier == earlier.earlier
        )


@dataclass(frozen=True)
class Look:
    """Read the Job and the pods of an attempt from the API server: without a result it would be ended now."""

    job: str
    stage: Stage
    attempt: int


@dataclass(frozen=True)
class RunPlan:
    """One run's pass: ``before``, the status write (if the status changes), ``after``, then ``cleanup``."""

    run: SweepRun
    status: SweepRunStatus
    before: tuple[EnsureRevision | Adopt, ...] = ()
    after: tuple[EnsureStage, ...] = ()
    cleanup: tuple[Cleanup, ...] = ()
    logs: tuple[LogRequest, ...] = ()
    probes: tuple[Probe, ...] = ()
    looks: tuple[Look, ...] = ()
    follow: LogFollow | None = None
    """The log to follow from now on."""
    events: tuple[Event, ...] = ()
    wake: datetime | None = None
    error: Exception | None = None
    """Why there is no decision about this run. It stays as it is."""

    @property
    def updated(self) -> SweepRun:
        """The run after this pass."""
        return self.run if self.status is self.run.status else self.run.with_(status=self.status)

    @property
    def changes(self) -> bool:
        """Whether anything is written before a new run may get a slot."""
        return bool(self.before or self.after) or self.status != self.run.status

    @property
    def ends(self) -> bool:
        """Whether the run ends in this pass, so that a new one may get its slot."""
        return self.updated.terminal and not self.run.terminal

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do for this run before ``wake``, unless something changes.

        What is found in a log that is followed is such a change.
        """
        todo = (self.changes, self.cleanup, self.logs, self.probes, self.looks, self.events)
        return self.error is None and not any(todo)


@dataclass(frozen=True)
class TrackRequest:
    """The sweep and the finished runs to deliver to the tracker."""

    destination: Destination
    sweep_id: str | None
    """ID of the sweep in the tracker, if known."""
    runs: tuple[SweepRun, ...] = ()
    offline: bool = False


@dataclass(frozen=True)
class Plan:
    """The actions of one pass over a Sweep, and its new status."""

    runs: tuple[RunPlan, ...]
    status: SweepStatus
    create: tuple[CreateRun, ...] = ()
    create_events: tuple[Event, ...] = ()
    """About the runs to create."""
    suggest: SuggestRequest | None = None
    forecast: SuggestRequest | None = None
    """What forecasts of the pending runs with a curve are computed from; None: none are needed."""
    read_warm_start: bool = False
    track: TrackRequest | None = None
    events: tuple[Event, ...] = ()
    wake: datetime | None = None
    terminal: bool = False
