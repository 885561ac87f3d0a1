"""Deletion and garbage collection: which objects are deleted or marked as terminating. Pure functions."""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from datetime import datetime, timedelta

from sweep_operator.domain.pods import pod_has_ended
from sweep_operator.domain.times import parse_time, time_text
from sweep_operator.kube.embedded.head import owners_of
from sweep_operator.kube.embedded.index import ObjectIndex
from sweep_operator.kube.protocol import EventType, Kind, Object

DEFAULT_GRACE_SECONDS = 30
Change = tuple[EventType, Object]


def cascade(objects: ObjectIndex, obj: Object, grace: int | None, now: datetime) -> list[Change]:
    """Changes of a delete request: the object, then the objects that have no owner left."""
    return _with_children(objects, _one(obj, grace, now), now)


def removal(objects: ObjectIndex, obj: Object, now: datetime) -> list[Change]:
    """Changes when the last finalizer of ``obj`` is removed."""
    return _with_children(objects, ("DELETED", obj), now)


def disowned(objects: ObjectIndex, uid: str) -> list[Change]:
    """Changes of the children of an owner that is deleted without them."""
    changes: list[Change] = []
    for child in objects.owned_by(uid):
        kept = [r for r in owners_of(child) if r["uid"] != uid]
        changes.append(("MODIFIED", {**child, "metadata": {**child["metadata"], "ownerReferences": kept}}))
    return changes


def is_orphan(objects: ObjectIndex, obj: Object, gone: Set[str] = frozenset()) -> bool:
    """Whether the object has owners, all of which are deleted."""
    owners = owners_of(obj)
    return bool(owners) and not any(objects.exists(o["uid"]) and o["uid"] not in gone for o in owners)


def may_vanish(obj: Object) -> bool:
    """Whether the object is terminating and has neither finalizers nor a grace period."""
    meta = obj["metadata"]
    waits = meta.get("finalizers") or meta.get("deletionGracePeriodSeconds")
    return bool(meta.get("deletionTimestamp")) and not waits


def _with_children(objects: ObjectIndex, first: Change | None, now: datetime) -> list[Change]:
    changes: list[Change] = []
    gone: set[str] = set()
    asked: set[str] = set()
    pending = deque([first])
    while pending:
        change = pending.popleft()
        if change is None:
            continue
        changes.append(change)
        if change[0] != "DELETED":
            continue
        gone.add(change[1]["metadata"]["uid"])
        for child in objects.owned_by(change[1]["metadata"]["uid"]):
            uid = child["metadata"]["uid"]
            if uid not in asked and is_orphan(objects, child, gone):
                asked.add(uid)
                pending.append(_one(child, None, now))
    return changes


def _one(obj: Object, asked: int | None, now: datetime) -> Change | None:
    meta = obj["metadata"]
    seconds = _grace(obj, asked)
    if meta.get("deletionTimestamp") and seconds >= (meta.get("deletionGracePeriodSeconds") or 0):
        return None
    if not meta.get("finalizers") and seconds == 0:
        return "DELETED", obj
    marks = {
        "deletionTimestamp": time_text(_requested(meta, now) + timedelta(seconds=seconds)),
        "deletionGracePeriodSeconds": seconds,
    }
    return "MODIFIED", {**obj, "metadata": {**meta, **marks}}


def _requested(meta: Object, now: datetime) -> datetime:
    """When the deletion was requested first: a shorter grace period moves its end, not its beginning."""
    end = parse_time(meta.get("deletionTimestamp"))
    return now if end is None else end - timedelta(seconds=meta.get("deletionGracePeriodSeconds") or 0)


def _grace(obj: Object, asked: int | None) -> int:
    """Grace period in seconds. Only pods whose process may be running have one."""
    if obj["kind"] != Kind.POD or pod_has_ended(obj):
        return 0
    if asked is None:
        asked = (obj.get("spec") or {}).get("terminationGracePeriodSeconds")
    return DEFAULT_GRACE_SECONDS if asked is None else int(asked)
