"""Events of a Sweep: one for each change of a condition, and one for a new best run."""

from __future__ import annotations

from sweep_operator.api.meta import Condition, find_condition
from sweep_operator.api.status import SweepStatus, SweepTracking
from sweep_operator.decide.plan import Event
from sweep_operator.decide.verdicts import EFFECTIVE

_REPORTED = ("Accepted", "Suspended", "Succeeded", "OptimizerHealthy", "WarmStarted", "TrackingSynced", EFFECTIVE)
_EXPECTED_AT_FIRST = {("Suspended", "False"), ("OptimizerHealthy", "True"), ("TrackingSynced", "True")}
"""First values that are not worth an Event."""


def sweep_events(was: SweepStatus, now: SweepStatus) -> tuple[Event, ...]:
    """Events for the changes between two statuses."""
    events = []
    best = now.best[0] if now.best else None
    if best is not None and (not was.best or was.best[0].run != best.run):
        events.append(Event("NewBest", f"{best.run}: score {best.score:g}, cost {best.cost or 0:g}"))
    events += _sweep_replaced(was.tracking, now.tracking)
    for type_ in _REPORTED:
        before, after = find_condition(was.conditions, type_), find_condition(now.conditions, type_)
        if after is None or (before is None and (type_, after.status) in _EXPECTED_AT_FIRST):
            continue
        if type_ in ("TrackingSynced", EFFECTIVE) and not _settled(before, after):
            continue
        if type_ == "Succeeded" and "Suspended" in (after.reason, before and before.reason):
            continue  # reported for the condition Suspended
        if before is None or (before.status, before.reason) != (after.status, after.reason):
            events.append(_event(after))
    return tuple(events)


def _sweep_replaced(was: SweepTracking | None, now: SweepTracking | None) -> list[Event]:
    """The W&B sweep of an unchanged project was deleted, and a new one was created."""
    if was is None or now is None or None in (was.wandb_sweep_id, now.wandb_sweep_id):
        return []
    if (was.base_url, was.project) != (now.base_url, now.project) or was.wandb_sweep_id == now.wandb_sweep_id:
        return []
    text = f"W&B sweep {was.wandb_sweep_id} does not exist anymore; created sweep {now.wandb_sweep_id}"
    return [Event("TrackerSweepReplaced", text, None, "Warning")]


def _settled(before: Condition | None, after: Condition) -> bool:
    """Whether a problem has started or ended. A delivery in progress is not worth an Event."""
    return after.status == "False" or (after.status == "True" and before is not None and before.status == "False")


def _event(condition: Condition) -> Event:
    if condition.type == "Succeeded":
        name = condition.reason
    elif condition.type == "Suspended":
        name = "Suspended" if condition.status == "True" else "Resumed"
    else:
        name = condition.type if condition.status == "True" else f"Not{condition.type}"
    bad = condition.status == "False" and condition.type != "Suspended"
    return Event(name, condition.message or name, None, "Warning" if bad else "Normal")
