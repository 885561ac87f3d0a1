"""What is to be delivered to the tracker, and what the statuses say of it. The sweep itself never waits for any of it.

The SweepRuns are the outbox: what is terminal and does not say that it was delivered is delivered, after any restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Why nothing is delivered just now, with the remedy."""

    reason: str
    message: str


@dataclass(frozen=True)
class TrackingReport:
    """What the outbox has found out about one Sweep. Nothing after a restart: it finds it out again."""

    sweep_id: str | None = None
    url: str | None = None
    entity: str | None = None
    """The key's own, where the spec names none."""
    runs: Mapping[str, RunTracking] = field(default_factory=dict)
    """By the run's uid."""
    problem: TrackingProblem | None = None
    """One that lasts, or that has lasted for a while."""
    heard: bool = False
    """Whether the tracker has answered, or failed to, since this process started."""
    keeps_files: bool = False
    """Whether mode offline writes files here."""


@dataclass(frozen=True)
class Synced:
    """The condition TrackingSynced."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


@dataclass(frozen=True)
class Tracked:
    """The Sweep's side of it."""

    status: SweepTracking | None
    condition: Synced | None
    request: TrackRequest | None = None


def with_tracking(plans: Sequence[RunPlan], report: TrackingReport | None) -> tuple[RunPlan, ...]:
    """The runs' plans, with what has become of their delivery in their statuses."""
    if report is None or not report.runs:
        return tuple(plans)
    return tuple(_noted(plan, news_of(plan.updated, report)) for plan in plans)


def _noted(plan: RunPlan, news: RunTracking | None) -> RunPlan:
    return plan if news is None else replace(plan, status=plan.status.with_(tracking=news))


def news_of(run: SweepRun, report: TrackingReport) -> RunTracking | None:
    """What is known of a run's delivery and not in its status yet."""
    news = report.runs.get(run.metadata.uid)
    return news if news is not None and run.terminal and not run.delivered and run.status.tracking != news else None


def track(
    sweep: Sweep,
    runs: Sequence[SweepRun],
    at_work: Callable[[SweepRun], bool],
    report: TrackingReport | None,
    config: OperatorConfig,
    *,
    over: bool,
) -> Tracked:
    """``runs`` as they will be; ``at_work``: whether a pod of that run lives; ``over``: the sweep has ended.

    A run is delivered only when its pods have ended: the SDK in a pod sends the whole summary when it finishes, and
    would take the operator's keys with it.
    """
    there, wandb = destination(sweep, config), wandb_of(sweep)
    if wandb is None or there is None or report is None:
        return Tracked(sweep.status.tracking, None)
    ended = [r for r in runs if r.terminal and not r.imported]
    delivered = sum(r.delivered for r in ended)
    if isinstance(there, NotAllowed):
        kept = (sweep.status.tracking or SweepTracking()).with_(delivered=delivered, backlog=len(ended) - delivered)
        return Tracked(kept, Synced("False", there.reason, there.message))
    status = _where(sweep, there, report).with_(delivered=delivered, backlog=len(ended) - delivered)
    open_ = [r for r in ended if not r.delivered]
    if wandb.mode == "offline":
        fresh = tuple(r for r in open_ if r.status.tracking is None and not at_work(r))
        request = TrackRequest(there, None, fresh, offline=True) if report.keeps_files else None
        return Tracked(status, _offline(sweep, report), request)
    ready = tuple(r for r in open_ if not at_work(r))
    request = TrackRequest(there, status.wandb_sweep_id, ready)
    return Tracked(status, _synced(sweep, open_, status, report, over=over), request)


def _where(sweep: Sweep, there: Destination, report: TrackingReport) -> SweepTracking:
    """What is known of the place."""
    kept = known_tracking(sweep, there) or SweepTracking(base_url=there.base_url, project=there.project)
    return kept.with_(
        entity=there.entity or report.entity or kept.entity,
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
        return Synced("False", before.reason, before.message)  # after a restart, until there is news
    if over and open_:
        return Synced("Unknown", "Delivering", "the sweep has ended; delivering its last results")
    if status.wandb_sweep_id is None:
        return Synced("Unknown", "Connecting", "W&B has not answered yet; the sweep does not wait for it")
    return Synced("True", "Synced", "")


def _offline(sweep: Sweep, report: TrackingReport) -> Synced:
    if report.problem is not None:
        return Synced("False", report.problem.reason, report.problem.message)
    remedy = (
        f"`sweep sync {sweep.display_name}` sends them"
        if report.keeps_files
        else "set spec.tracking.wandb.mode to online, and they are sent"
    )
    return Synced("Unknown", "Offline", f"mode offline: finished runs are kept here; {remedy}")
