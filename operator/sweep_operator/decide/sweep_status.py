"""The status of a Sweep: counters, the best runs, the state of the optimizer, and conditions."""

from __future__ import annotations

from collections.abc import Sequence

from sweep_operator.api.meta import Condition, ConditionStatus, with_condition
from sweep_operator.api.status import OptimizerStatus, SweepStatus
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide import summary
from sweep_operator.decide.calibration import calibration
from sweep_operator.decide.growth import next_index
from sweep_operator.decide.limits import End, active_seconds
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.tracking import TRACKING_SYNCED, Tracked


def sweep_status(
    snap: Snapshot, runs: Sequence[SweepRun], end: End | None, tracked: Tracked, *, terminal: bool
) -> SweepStatus:
    """The status after this pass. ``end``: why the Sweep ends; ``terminal``: whether it has."""
    sweep, was = snap.sweep, snap.sweep.status
    active = snap.accepted and not sweep.spec.suspend and not terminal
    conditions = [c for c in was.conditions if tracked.condition is not None or c.type != TRACKING_SYNCED]
    for condition in _conditions(snap, end, tracked, terminal=terminal):
        conditions = with_condition(conditions, condition)
    return was.with_(
        observed_generation=sweep.metadata.generation,
        runs=summary.count_runs(runs),
        consecutive_failures=summary.consecutive_failures(runs, snap.current.hash),
        next_index=next_index(snap, runs),
        active_since=(was.active_since or snap.now) if active else None,
        active_seconds=was.active_seconds if active else active_seconds(was, snap.now),
        cost=summary.sum_costs(sweep, runs, snap.revisions, snap.config),
        best=summary.best_runs(sweep, runs),
        pareto=summary.pareto_front(sweep, runs),
        optimizer=_optimizer(snap, runs),
        tracking=tracked.status,
        conditions=conditions,
    )


def _optimizer(snap: Snapshot, runs: Sequence[SweepRun]) -> OptimizerStatus:
    was, seconds = snap.sweep.status.optimizer, snap.suggest_seconds
    learned = sum(summary.observation(r) is not None for r in runs)
    return was.with_(
        observations=learned + len(snap.warm_start.observations or ()),
        last_suggest_seconds=was.last_suggest_seconds if seconds is None else round(seconds, 3),
        score_calibration=calibration(runs, "score"),
        cost_calibration=calibration(runs, "cost"),
    )


def _conditions(snap: Snapshot, end: End | None, tracked: Tracked, *, terminal: bool) -> list[Condition]:
    conditions = [_accepted(snap), _suspended(snap), _optimizer_healthy(snap), _warm_started(snap)]
    if not snap.ended:
        conditions.append(_succeeded(snap, end, terminal=terminal))
    if (synced := tracked.condition) is not None:
        conditions.append(_condition(snap, TRACKING_SYNCED, synced.status, synced.reason, synced.message))
    return [c for c in conditions if c is not None]


def _accepted(snap: Snapshot) -> Condition:
    if snap.accepted:
        return _condition(snap, "Accepted", "True", "Valid")
    return _condition(snap, "Accepted", "False", "Invalid", "; ".join(map(str, snap.problems)))


def _suspended(snap: Snapshot) -> Condition:
    spec = snap.sweep.spec
    if spec.suspend:
        return _condition(snap, "Suspended", "True", "Requested", f"spec.suspend, {spec.suspend_policy}")
    return _condition(snap, "Suspended", "False", "Active")


def _optimizer_healthy(snap: Snapshot) -> Condition | None:
    suggested = snap.suggested
    if suggested is None:
        return None
    if suggested.error is None:
        return _condition(snap, "OptimizerHealthy", "True", "Suggesting")
    reason = "Fallback" if suggested.suggestions else "NoSuggestion"
    return _condition(snap, "OptimizerHealthy", "False", reason, suggested.error)


def _warm_started(snap: Snapshot) -> Condition | None:
    state = snap.warm_start
    if snap.sweep.spec.warm_start is None or (state.observations is None and not state.problem):
        return None
    if state.observations is None:
        return _condition(snap, "WarmStarted", "Unknown", "Waiting", f"{state.problem}; retrying")
    text = "; ".join([f"{len(state.observations)} observations", *state.notes])
    if state.problem:
        return _condition(snap, "WarmStarted", "False", "SourceUnreadable", f"{state.problem} ({text})")
    return _condition(snap, "WarmStarted", "True", "Read", text)


def _succeeded(snap: Snapshot, end: End | None, *, terminal: bool) -> Condition:
    if terminal and end is not None:
        return _condition(snap, "Succeeded", "True" if end.succeeded else "False", end.reason, end.message)
    if not snap.accepted:
        return _condition(snap, "Succeeded", "Unknown", "NotAccepted")
    if snap.sweep.spec.suspend:
        return _condition(snap, "Succeeded", "Unknown", "Suspended")
    if end is not None and end.terminate != "finish":
        return _condition(snap, "Succeeded", "Unknown", "Ending", f"{end.reason}: waiting for active runs")
    return _condition(snap, "Succeeded", "Unknown", "Running")


def _condition(snap: Snapshot, type_: str, status: ConditionStatus, reason: str, message: str = "") -> Condition:
    return Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message[:2048],
        last_transition_time=snap.now,
        observed_generation=snap.sweep.metadata.generation,
    )
