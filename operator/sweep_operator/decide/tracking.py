"""Delivery of finished runs to the tracker, and its state in the statuses. The sweep never waits for it.

The SweepRuns are the outbox: a terminal run whose status does not say that it was delivered is delivered, also after a
restart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import find_condition
from sweep_operator.api.status import SweepTracking
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import RunTracking, SweepRun
from sweep_operator.api.tracking import Destination, NotAllowed, destination, known_tracking, wandb_of
from sweep_operator.decide.plan import RunPlan, TrackRequest
from sweep_operator.domain.identity import wandb_run_id

TRACKING_SYNCED = "TrackingSynced"


@dataclass(frozen=True)
class TrackingProblem:
    """Why nothing can be delivered now, with the remedy."""

    reason: str
    message: str


@dataclass(frozen=True)
class TrackingReport:
    """What the outbox knows about one Sweep. It is empty after a restart."""

    sweep_id: str | None = None
    url: str | None = None
    entity: str | None = None
    """Default entity of the API key, if the spec names none."""
    runs: Mapping[str, RunTracking] = field(default_factory=dict)
    """By the run's uid."""
    problem: TrackingProblem | None = None
    """A permanent problem, or one that has lasted for a while."""
    latest: TrackingProblem | None = None
    """Why the last delivery failed, if it did."""
    heard: bool = False
    """Whether a request to the tracker has succeeded or failed since this process started."""
    keeps_files: bool = False
    """Whether this process writes local files in mode offline."""


@dataclass(frozen=True)
class Synced:
    """The condition TrackingSynced."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


@dataclass(frozen=True)
class Tracked:
    """The tracking of a Sweep: its status, its condition, and the request to the tracker."""

    status: SweepTracking | None
    condition: Synced | None
    request: TrackRequest | None = None


def with_tracking(plans: Sequence[RunPlan], report: TrackingReport | None) -> tuple[RunPlan, ...]:
    """The plans of the runs, with the result of their delivery in the statuses."""
    if report is None or not report.runs:
        return tuple(plans)
    return tuple(_noted(plan, news_of(plan.updated, report)) for plan in plans)


def _noted(plan: RunPlan, news: RunTracking | None) -> RunPlan:
    return plan if news is None else replace(plan, status=plan.status.with_(tracking=news))


def news_of(run: SweepRun, report: TrackingReport) -> RunTracking | None:
    """The result of a run's delivery, if its status does not contain it yet."""
    news = report.runs.get(run.metadata.uid)
    return news if news is not None and run.terminal and not run.delivered and run.status.tracking != news else None


@dataclass(frozen=True)
class EndedRuns:
    """The runs of a Sweep that have ended, without imported ones, as they are after this pass."""

    count: int
    delivered: int
    open_: tuple[SweepRun, ...]
    """Those that are not delivered."""


def is_undelivered(run: SweepRun) -> bool:
    """Whether a run has ended here and is not delivered."""
    return run.terminal and not run.imported and not run.delivered


def awaits_runs(sweep: Sweep, report: TrackingReport | None, config: OperatorConfig) -> bool:
    """Whether runs of a Sweep are delivered when they have ended."""
    return report is not None and wandb_of(sweep) is not None and isinstance(destination(sweep, config), Destination)


def is_awaited(run: SweepRun, sweep: Sweep, report: TrackingReport | None, config: OperatorConfig) -> bool:
    """Whether a run has ended and is still to be delivered."""
    wandb = wandb_of(sweep)
    if wandb is None or not is_undelivered(run) or not awaits_runs(sweep, report, config):
        return False
    return wandb.mode != "offline" or run.status.tracking is None


def track(
    ended: EndedRuns,
    with_pods: Collection[str],
    sweep: Sweep,
    report: TrackingReport | None,
    config: OperatorConfig,
    *,
    over: bool,
) -> Tracked:
    """The state of the delivery, and the request to the tracker.

    ``with_pods``: names of the runs with active pods. ``over``: the sweep has ended. A run is delivered only after its
    pods have ended: the SDK in a pod sends the whole summary when it finishes, and would overwrite the operator's
    values.
    """
    target, wandb = destination(sweep, config), wandb_of(sweep)
    if wandb is None or target is None or report is None:
        return Tracked(sweep.status.tracking, None)
    counts = {"delivered": ended.delivered, "backlog": ended.count - ended.delivered}
    if isinstance(target, NotAllowed):
        kept = (sweep.status.tracking or SweepTracking()).with_(**counts)
        return Tracked(kept, Synced("False", target.reason, target.message))
    status = _destination_status(sweep, target, report).with_(**counts)
    ready = tuple(r for r in ended.open_ if r.name not in with_pods)
    if wandb.mode == "offline":
        fresh = tuple(r for r in ready if r.status.tracking is None)
        request = TrackRequest(target, None, fresh, offline=True) if report.keeps_files else None
        return Tracked(status, _offline(sweep, report), request)
    request = TrackRequest(target, status.wandb_sweep_id, ready)
    return Tracked(status, _synced(sweep, ended.open_, status, report, over=over), request)


def _destination_status(sweep: Sweep, target: Destination, report: TrackingReport) -> SweepTracking:
    """The known properties of the destination."""
    kept = known_tracking(sweep, target) or SweepTracking(base_url=target.base_url, project=target.project)
    return kept.with_(
        entity=target.entity or report.entity or kept.entity,
        wandb_sweep_id=report.sweep_id or kept.wandb_sweep_id,
        url=report.url or kept.url,
    )


def _synced(
    sweep: Sweep, open_: Sequence[SweepRun], status: SweepTracking, report: TrackingReport, *, over: bool
) -> Synced:
    if report.problem is not None:
        return Synced("False", report.problem.reason, report.problem.message)
    refused = next((r for r in open_ if r.status.tracking is not None and r.status.tracking.state == "Refused"), None)
    if refused is not None and refused.status.tracking is not None:
        text = f"{wandb_run_id(sweep, refused)}: {refused.status.tracking.error}; other runs are not affected"
        return Synced("False", "RunRefused", text)
    before = find_condition(sweep.status.conditions, TRACKING_SYNCED)
    if before is not None and before.status == "False" and not report.heard:
        return Synced("False", before.reason, before.message)  # after a restart, until the tracker has answered
    if over and open_ and report.latest is not None:
        return Synced("False", report.latest.reason, report.latest.message)
    if over and open_:
        return Synced("Unknown", "Delivering", "the sweep has ended; delivering its last results")
    if status.wandb_sweep_id is None:
        return Synced("Unknown", "Connecting", "W&B has not answered yet; the sweep does not wait for it")
    return Synced("True", "Synced", "every finished run is in W&B")


def _offline(sweep: Sweep, report: TrackingReport) -> Synced:
    if report.problem is not None:
        return Synced("False", report.problem.reason, report.problem.message)
    remedy = (
        f"`sweep sync {sweep.display_name}` sends them"
        if report.keeps_files
        else "set spec.tracking.wandb.mode to online, and they are sent"
    )
    return Synced("Unknown", "Offline", f"mode offline: finished runs are kept here; {remedy}")
