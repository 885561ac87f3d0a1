"""The decision about one Sweep. The only entry point of decisions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta

from sweep_operator.api.meta import find_condition
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.book import Outlook
from sweep_operator.decide.context import RunViews, run_context
from sweep_operator.decide.events import sweep_events
from sweep_operator.decide.growth import Growth, fallback_event, grow
from sweep_operator.decide.limits import End, active_seconds, find_end
from sweep_operator.decide.plan import CreateRun, Plan, RunPlan
from sweep_operator.decide.retention import claims_to_delete, without_claims
from sweep_operator.decide.run import decide_run
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.sweep_status import sweep_status
from sweep_operator.decide.totals import Totals
from sweep_operator.decide.tracking import EndedRuns, is_undelivered, track, with_tracking
from sweep_operator.decide.verdicts import Others, forecast_request
from sweep_operator.domain.ordering import start_order


def decide(snap: Snapshot) -> Plan:
    """The plan of one pass. Pure: equal snapshots give equal plans, and the plan of a fixpoint changes nothing."""
    views, totals = RunViews(snap), snap.all_runs.totals
    runs = _run_plans(snap, views, find_end(snap, totals), totals.holding)
    after = [p.updated for p in runs]
    outlook = _outlook(snap, runs)
    end = find_end(snap, outlook.totals)
    growth = grow(snap, outlook) if end is None else Growth()
    terminal = snap.ended or (end is not None and not _waits_for_runs(outlook.totals, end))
    runs = without_claims(runs, claims_to_delete(snap, after, outlook.totals), snap.jobs)
    runs = with_tracking(runs, snap.tracking)
    outlook = _outlook(snap, runs)
    with_pods = {name for name, own in views.pods.items() if any(not pod.over for pod in own)}
    if snap.postponed:
        with_pods |= {run.name for run in snap.undelivered}
    tracked = track(
        _ended(snap, runs, outlook.totals), with_pods, snap.sweep, snap.tracking, snap.config, over=terminal
    )
    status = sweep_status(snap, outlook.totals, end, tracked, terminal=terminal)
    if growth.create:
        status = _with_new_runs(status, growth.create)
    return Plan(
        track=tracked.request,
        runs=runs,
        status=status,
        create=growth.create,
        create_events=fallback_event(snap, growth.create),
        suggest=growth.suggest,
        forecast=None if terminal else forecast_request(snap, outlook),
        read_warm_start=growth.read_warm_start,
        events=sweep_events(snap.sweep.status, status),
        wake=_wake(snap, runs, status, terminal),
        terminal=terminal,
    )


def regime(snap: Snapshot) -> Hashable:
    """What the decision about a run that holds a slot depends on, besides the run, its objects and the time."""
    end = find_end(snap, snap.all_runs.totals)
    reason = None if end is None else (end.reason, end.terminate)
    return snap.sweep.metadata.generation, snap.accepted, snap.ended, snap.proven, reason


def _run_plans(snap: Snapshot, views: RunViews, end: End | None, holding: int) -> tuple[RunPlan, ...]:
    """``holding``: the number of runs that hold a slot."""
    terminating = end.reason if end is not None and end.terminate == "terminate" else None
    free = snap.sweep.spec.limits.max_parallel_runs - holding
    plans, others = list[RunPlan](), Others(snap)
    for run in sorted(snap.runs, key=start_order):
        blocked = _blocked(snap, run, end)
        may_start = run.holds_slot
        if not (may_start or blocked or run.terminal or run.imported) and free > 0:
            may_start, free = True, free - 1
        reason = blocked or "WaitingForSlot"
        try:
            context = run_context(snap, run, views, others, may_start=may_start, waiting_reason=reason, end=terminating)
            plans.append(decide_run(run, context))
            others.note(plans[-1])
        except Exception as error:  # other runs are not affected
            plans.append(RunPlan(run, run.status, error=error))
    return tuple(plans)


def first_step(snap: Snapshot, run: SweepRun) -> RunPlan:
    """The plan of a run that was just created because a slot was free. ``snap`` has the objects of this run."""
    views, others, reason = RunViews(snap), Others(snap), "WaitingForSlot"
    return decide_run(run, run_context(snap, run, views, others, may_start=True, waiting_reason=reason, end=None))


def _with_new_runs(status: SweepStatus, create: Sequence[CreateRun]) -> SweepStatus:
    """Reserve the indices; this status is written before the runs are created. They start as soon as they exist."""
    new = len(create)
    runs = status.runs.with_(created=status.runs.created + new, running=status.runs.running + new)
    return status.with_(next_index=max(status.next_index, create[-1].index + 1), runs=runs)


def _blocked(snap: Snapshot, run: SweepRun, end: End | None) -> str | None:
    """Why a run must not start, whatever slots are free."""
    if snap.sweep.spec.suspend:
        return "Suspended"
    if not snap.accepted:
        return "SweepNotAccepted"
    if run.spec.index is None:  # manual runs run after the end, too
        return None
    if snap.ended:
        condition = find_condition(snap.sweep.status.conditions, "Succeeded")
        return condition.reason if condition is not None else None
    return end.reason if end is not None and end.terminate != "finish" else None


def _outlook(snap: Snapshot, runs: Sequence[RunPlan]) -> Outlook:
    """All runs as they are after this pass."""
    return snap.all_runs.after(snap.facts(p.updated) for p in runs if p.status != p.run.status)


def _ended(snap: Snapshot, runs: Sequence[RunPlan], totals: Totals) -> EndedRuns:
    undelivered = [r for r in (*snap.undelivered, *(p.updated for p in runs)) if is_undelivered(r)]
    return EndedRuns(totals.ended, totals.delivered, tuple(sorted(undelivered, key=start_order)))


def _waits_for_runs(totals: Totals, end: End) -> bool:
    return (totals.open if end.terminate == "finish" else totals.holding) > 0


def _wake(snap: Snapshot, runs: Sequence[RunPlan], status: SweepStatus, terminal: bool) -> datetime | None:
    times = [at for at in (snap.rest_until, *(p.wake for p in runs)) if at is not None]
    limit = snap.sweep.spec.limits.active_deadline_seconds
    if limit is not None and not terminal and status.active_since is not None:
        times.append(snap.now + timedelta(seconds=limit - active_seconds(status, snap.now)))
    return min(times, default=None)
