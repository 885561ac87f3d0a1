"""The status of a Sweep: counters, the best runs, the state of the optimizer, and conditions."""

from __future__ import annotations

from sweep_operator.api.early_stopping import EarlyStoppingStatus
from sweep_operator.api.meta import Condition, ConditionStatus, with_condition
from sweep_operator.api.status import OptimizerStatus, SourceWeight, SweepStatus
from sweep_operator.decide.conditions import with_finished
from sweep_operator.decide.cost import unit
from sweep_operator.decide.growth import next_index
from sweep_operator.decide.limits import End, active_seconds
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.totals import Totals
from sweep_operator.decide.tracking import TRACKING_SYNCED, Tracked
from sweep_operator.decide.verdicts import EFFECTIVE, active_rule, effective


def sweep_status(snap: Snapshot, totals: Totals, end: End | None, tracked: Tracked, *, terminal: bool) -> SweepStatus:
    """The status after this pass. ``end``: why the Sweep ends; ``terminal``: whether it has."""
    sweep, was = snap.sweep, snap.sweep.status
    active = snap.accepted and not sweep.spec.suspend and not terminal
    gone = {
        type_
        for type_, found in ((TRACKING_SYNCED, tracked.condition), (EFFECTIVE, effective(snap, totals)))
        if found is None
    }
    conditions = [c for c in was.conditions if c.type not in gone]
    for condition in _conditions(snap, totals, end, tracked, terminal=terminal):
        conditions = with_condition(conditions, condition)
    return was.with_(
        observed_generation=sweep.metadata.generation,
        runs=totals.counts(),
        consecutive_failures=totals.consecutive_failures(snap.current_hash, snap.failures_since),
        next_index=next_index(snap, totals),
        active_since=(was.active_since or snap.now) if active else None,
        active_seconds=was.active_seconds if active else active_seconds(was, snap.now),
        cost=totals.costs(unit(sweep, snap.config)),
        best=totals.best(),
        pareto=totals.pareto(),
        latest_failures=totals.latest_failures(),
        optimizer=_optimizer(snap, totals),
        early_stopping=_early_stopping(snap, totals),
        warm_start_digest=snap.warm_start.digest or was.warm_start_digest,
        tracking=tracked.status,
        conditions=with_finished(conditions),
    )


def _optimizer(snap: Snapshot, totals: Totals) -> OptimizerStatus:
    was, seconds = snap.sweep.status.optimizer, snap.suggest_seconds
    learned = totals.observations
    earlier = snap.warm_start.observations
    if earlier is None and snap.sweep.spec.warm_start is not None:  # not read yet since the last restart
        observations = max(was.observations, learned)
    else:
        observations = learned + (earlier.count if earlier is not None else 0)
    return was.with_(
        observations=observations,
        last_suggest_seconds=was.last_suggest_seconds if seconds is None else round(seconds, 3),
        score_calibration=totals.calibration("score"),
        cost_calibration=totals.calibration("cost"),
        sources=_sources(snap) or was.sources,
    )


def _sources(snap: Snapshot) -> list[SourceWeight] | None:
    warm_start, weights = snap.sweep.spec.warm_start, snap.source_weights
    if warm_start is None or weights is None:
        return None
    return [
        SourceWeight(source=source.title, weight=round(weights.get(position, 0.0), 2))
        for position, source in enumerate(warm_start.from_)
    ]


def _early_stopping(snap: Snapshot, totals: Totals) -> EarlyStoppingStatus | None:
    found = totals.early_stopping()
    return found if active_rule(snap.sweep) is not None or found != EarlyStoppingStatus() else None


def _conditions(
    snap: Snapshot, totals: Totals, end: End | None, tracked: Tracked, *, terminal: bool
) -> list[Condition]:
    conditions = [_accepted(snap), _suspended(snap), _optimizer_healthy(snap), _warm_started(snap)]
    if not snap.ended:
        conditions.append(_succeeded(snap, totals, end, terminal=terminal))
    if (synced := tracked.condition) is not None:
        conditions.append(_condition(snap, TRACKING_SYNCED, synced.status, synced.reason, synced.message))
    if (works := effective(snap, totals)) is not None and not snap.ended:
        conditions.append(_condition(snap, EFFECTIVE, *works))
    return [c for c in conditions if c is not None]


def _accepted(snap: Snapshot) -> Condition:
    if snap.accepted:
        return _condition(snap, "Accepted", "True", "Valid", "the spec is valid")
    if snap.waits:
        message = (
            "the spec is checked when the namespace has its turn: its new and changed Sweeps have used up their share"
        )
        return _condition(snap, "Accepted", "Unknown", "WaitingForTurn", message)
    return _condition(snap, "Accepted", "False", "Invalid", "; ".join(map(str, snap.problems)))


def _suspended(snap: Snapshot) -> Condition:
    spec = snap.sweep.spec
    if spec.suspend:
        return _condition(
            snap, "Suspended", "True", "Requested", f"spec.suspend is true; policy: {spec.suspend_policy}"
        )
    return _condition(snap, "Suspended", "False", "Active", "the sweep is not suspended")


def _optimizer_healthy(snap: Snapshot) -> Condition | None:
    suggested = snap.suggested
    if suggested is None:
        return None
    if suggested.error is None:
        message = "the latest suggestion came from the optimizer"
        return _condition(snap, "OptimizerHealthy", "True", "Suggesting", message)
    reason = "Fallback" if suggested.suggestions else "NoSuggestion"
    return _condition(snap, "OptimizerHealthy", "False", reason, suggested.error)


def _warm_started(snap: Snapshot) -> Condition | None:
    state = snap.warm_start
    if snap.sweep.spec.warm_start is None or (state.observations is None and not state.problem):
        return None
    if state.observations is None:
        return _condition(snap, "WarmStarted", "Unknown", "Waiting", state.problem or "")
    found = state.observations
    count = f"{found.count} observations"
    if found.scored < found.count:
        count += f", {found.scored} with a score"
    text = "; ".join([count, *state.notes])
    if state.problem:
        return _condition(snap, "WarmStarted", "False", "SourceUnreadable", f"{state.problem} ({text})")
    return _condition(snap, "WarmStarted", "True", "Read", text)


def _succeeded(snap: Snapshot, totals: Totals, end: End | None, *, terminal: bool) -> Condition:
    if terminal and end is not None:
        return _condition(snap, "Succeeded", "True" if end.succeeded else "False", end.reason, end.message)
    if not snap.accepted:
        reason, message = "NotAccepted", "no new runs start; see the condition Accepted"
    elif snap.sweep.spec.suspend:
        reason, message = "Suspended", "no new runs start while spec.suspend is true"
    elif end is not None and end.terminate != "finish":
        reason, message = "Ending", f"{end.reason}: waiting for active runs"
    else:
        reason, message = "Running", "the sweep is running"
    if waits := totals.waits():
        message = waits if reason == "Running" else f"{message}; {waits}"
    return _condition(snap, "Succeeded", "Unknown", reason, message)


def _condition(snap: Snapshot, type_: str, status: ConditionStatus, reason: str, message: str) -> Condition:
    return Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message[:2048],
        last_transition_time=snap.now,
        observed_generation=snap.sweep.metadata.generation,
    )
