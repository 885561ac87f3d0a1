"""The next step of a Job: backoffLimit 0, restartPolicy Never, podReplacementPolicy Failed. Pure functions.

Each completion index gets one pod. Only a pod that was deleted because the Job was suspended is replaced, after it has
ended (with any exit code) and the Job is resumed. ``status.indexes`` and ``status.suspendedPods`` record this, because
pods are deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sweep_operator.api.names import INDEX_ANNOTATION
from sweep_operator.domain.pods import phase, pod_has_ended
from sweep_operator.domain.times import EPOCH, parse_time
from sweep_operator.kube.protocol import Object

_END = ("Complete", "Failed")


@dataclass(frozen=True)
class Step:
    """The Job's new status, and the actions that belong to it."""

    status: Object
    create: tuple[int, ...] = ()
    """Completion indices whose pods are created."""
    delete: tuple[Object, ...] = ()
    """Pods to delete."""
    again: datetime | None = None
    """When to reconcile again, unless something changes earlier."""
    expired: bool = False
    """Whether the Job itself is deleted."""


@dataclass(frozen=True)
class _Verdict:
    reason: str
    message: str


def next_step(job: Mapping[str, Any], pods: Sequence[Object], now: datetime) -> Step:
    """The next step. ``pods``: all pods that the Job owns."""
    spec, status = job["spec"], dict(job.get("status") or {})
    if job["metadata"].get("deletionTimestamp"):
        return Step(status)
    end = _condition(status, *_END)
    if end is not None:
        return _after_the_end(spec, status, end, now)
    left_behind = set(status.get("suspendedPods") or [])
    mine = [p for p in pods if p["metadata"]["uid"] not in left_behind]
    live = [p for p in pods if not pod_has_ended(p)]
    status["indexes"] = _progress(status, mine)
    succeeded = sum(state == "Succeeded" for state in status["indexes"].values())
    failed = sum(phase(p) == "Failed" for p in mine)
    status |= {"succeeded": succeeded, "failed": failed, "terminating": sum(_leaving(p) for p in live)}
    verdict = _failure(spec, status, mine, now)
    if verdict is not None:
        return _fail(status, live, verdict, now)
    wanted = int(spec.get("completions") or 1)
    if succeeded >= wanted:
        status |= {"active": 0, "completionTime": now.isoformat()}
        return Step(_with(status, "Complete", "True", _Verdict("CompletionsReached", ""), now))
    if spec.get("suspend"):
        return _suspend(status, mine, live, now)
    return _advance(spec, status, mine, live, wanted, now)


def is_unfinished(obj: Mapping[str, Any]) -> bool:
    """Whether the Job controller or the runner may have something to do for a Job or a pod."""
    if obj["metadata"].get("deletionTimestamp"):
        return True
    if obj["kind"] == "Pod":
        return not pod_has_ended(obj)
    ended = _condition(obj.get("status") or {}, *_END) is not None
    return not ended or obj["spec"].get("ttlSecondsAfterFinished") is not None


def index_of(pod: Mapping[str, Any]) -> str:
    """The completion index; a Job without indices has one, 0."""
    return str((pod["metadata"].get("annotations") or {}).get(INDEX_ANNOTATION, "0"))


def _advance(
    spec: Mapping[str, Any], status: Object, mine: list[Object], live: list[Object], wanted: int, now: datetime
) -> Step:
    if _condition(status, "Suspended") is not None:
        status = _with(status, "Suspended", "False", _Verdict("JobResumed", "the Job was resumed"), now)
    status.setdefault("startTime", now.isoformat())
    active = [p for p in mine if not pod_has_ended(p)]
    room = int(spec.get("parallelism") or 1) - len(active)
    free = [i for i in range(wanted) if str(i) not in status["indexes"]]
    create = tuple(free[: max(0, room)]) if len(live) == len(active) else ()
    status["indexes"] = {**status["indexes"], **{str(i): "Created" for i in create}}
    status["active"] = len(active) + len(create)
    return Step(status, create=create, again=_deadline(spec, status))


def _suspend(status: Object, mine: list[Object], live: list[Object], now: datetime) -> Step:
    stopped = [p for p in mine if not pod_has_ended(p)]
    indexes = {i: s for i, s in status["indexes"].items() if i not in {index_of(p) for p in stopped}}
    status |= {"active": 0, "indexes": indexes}
    if stopped:
        status["suspendedPods"] = [*(status.get("suspendedPods") or []), *(p["metadata"]["uid"] for p in stopped)]
    status.pop("startTime", None)
    status = _with(status, "Suspended", "True", _Verdict("JobSuspended", "the Job is suspended"), now)
    return Step(status, delete=tuple(p for p in live if not _leaving(p)))


def _fail(status: Object, live: list[Object], verdict: _Verdict, now: datetime) -> Step:
    """A Job is Failed when its last pod has ended. Until then it has the condition FailureTarget."""
    status["active"] = 0
    status = _with(status, "FailureTarget", "True", verdict, now)
    if live:
        return Step(status, delete=tuple(p for p in live if not _leaving(p)))
    return Step(_with(status, "Failed", "True", verdict, now))


def _failure(spec: Mapping[str, Any], status: Object, mine: list[Object], now: datetime) -> _Verdict | None:
    target = _condition(status, "FailureTarget")
    if target is not None:
        return _Verdict(target["reason"], target["message"])
    if any(phase(p) == "Failed" for p in mine):
        return _Verdict("BackoffLimitExceeded", "a pod of the Job has failed")
    present = {index_of(p) for p in mine}
    if any(state == "Created" and index not in present for index, state in status["indexes"].items()):
        return _Verdict("BackoffLimitExceeded", "a pod of the Job was deleted")
    end = _deadline(spec, status)
    if end is not None and now >= end and not spec.get("suspend"):
        return _Verdict("DeadlineExceeded", "the Job was active longer than its activeDeadlineSeconds")
    return None


def _after_the_end(spec: Mapping[str, Any], status: Object, end: Mapping[str, Any], now: datetime) -> Step:
    seconds = spec.get("ttlSecondsAfterFinished")
    if seconds is None:
        return Step(status)
    at = (parse_time(end["lastTransitionTime"]) or EPOCH) + timedelta(seconds=seconds)
    return Step(status, expired=now >= at, again=None if now >= at else at)


def _progress(status: Mapping[str, Any], mine: list[Object]) -> dict[str, str]:
    """State of each index: Created or Succeeded. Finds pods whose creation was not recorded because of a crash."""
    indexes: dict[str, str] = dict(status.get("indexes") or {})
    for pod in mine:
        index = index_of(pod)
        if phase(pod) == "Succeeded" or index not in indexes:
            indexes[index] = "Succeeded" if phase(pod) == "Succeeded" else "Created"
    return indexes


def _deadline(spec: Mapping[str, Any], status: Mapping[str, Any]) -> datetime | None:
    limit, start = spec.get("activeDeadlineSeconds"), parse_time(status.get("startTime"))
    if limit is None or start is None:
        return None
    return start + timedelta(seconds=limit)


def _condition(status: Mapping[str, Any], *types: str) -> Mapping[str, Any] | None:
    found = (c for c in status.get("conditions") or [] if c["type"] in types and c["status"] == "True")
    return next(found, None)


def _with(status: Object, type_: str, value: str, verdict: _Verdict, now: datetime) -> Object:
    """``status`` with a condition. The transition time changes only with the condition's status."""
    old = next((c for c in status.get("conditions") or [] if c["type"] == type_), None)
    if old is not None and old["status"] == value:
        return status
    condition = {
        "type": type_,
        "status": value,
        "reason": verdict.reason,
        "message": verdict.message,
        "lastTransitionTime": now.isoformat(),
    }
    return {**status, "conditions": [*(c for c in status.get("conditions") or [] if c["type"] != type_), condition]}


def _leaving(pod: Mapping[str, Any]) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))
