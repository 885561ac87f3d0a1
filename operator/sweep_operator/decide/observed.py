"""Jobs and pods as decisions see them: the few relevant fields, read from the objects' JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from sweep_operator.api.meta import ObjectMeta
from sweep_operator.api.names import (
    ATTEMPT_LABEL,
    INDEX_ANNOTATION,
    MAIN_CONTAINER,
    PEAK_MEMORY,
    QUEUE_LABEL,
    RESULT_FINALIZER,
    RUN_LABEL,
    RUN_UID_LABEL,
    STAGE_LABEL,
)
from sweep_operator.api.sweeprun import STAGES, Stage
from sweep_operator.domain.conditions import joined
from sweep_operator.domain.pods import ENDED
from sweep_operator.domain.times import EPOCH, parse_time


@dataclass(frozen=True)
class JobView:
    """One Job: one attempt of one stage of one run."""

    name: str
    uid: str
    owner_uid: str | None
    run: str
    stage: Stage
    attempt: int
    created: datetime
    suspended: bool
    """Suspended by its spec, or still by the condition of its controller."""
    deleting: bool
    finished: Literal["Complete", "Failed"] | None
    finished_reason: str
    finished_message: str
    queued: bool = False
    """A queue may suspend the Job, which deletes its pods, and resume it with other pods."""
    resumed: datetime | None = None
    """Time of its last start or resumption."""
    completed: datetime | None = None
    run_uid: str | None = None
    """The uid of the run that it was created for."""

    @property
    def seconds(self) -> float:
        """Seconds from its last start to its completion; 0 if it is not complete."""
        started = self.resumed or self.created
        return max(0.0, (self.completed - started).total_seconds()) if self.completed is not None else 0.0


@dataclass(frozen=True)
class ServiceView:
    """The headless Service of one attempt."""

    name: str
    uid: str
    run: str
    run_uid: str | None
    stage: Stage
    attempt: int


@dataclass(frozen=True)
class PodView:
    """One pod of a Job, with the state of its main container."""

    name: str
    uid: str
    run: str
    stage: Stage
    attempt: int
    rank: int
    created: datetime
    phase: str
    reason: str
    """pod.status.reason, e.g. DeadlineExceeded, Evicted, NodeLost."""
    message: str
    deletion_requested: datetime | None
    """Time of the delete request: deletionTimestamp minus the grace period."""
    deletion_due: datetime | None
    """deletionTimestamp: by then, the kubelet should have ended the pod."""
    disrupted: str | None
    """Reason of the DisruptionTarget condition."""
    disrupted_at: datetime | None
    """Its transition time."""
    unschedulable: str | None
    waiting_reason: str | None
    waiting_message: str
    started: datetime | None
    finished: datetime | None
    exit_code: int | None
    terminated_reason: str
    termination_message: str
    node: str | None
    image_id: str | None
    holds_result: bool
    """Whether the pod has the operator's finalizer."""
    run_uid: str | None = None
    init_exit_code: int | None = None
    """Exit code of the init container that failed, so that main never started."""
    init_message: str = ""
    scheduled: datetime | None = None
    """When it was assigned to a node."""
    peak_memory: float | None = None
    """Highest memory use of main in bytes. Only one machine measures it; a kubelet does not report it."""
    force_deleted: bool = False
    """Whether its deletion has no grace period: only finalizers can keep it."""
    containers_ended: bool = False
    """Whether every container has ended. The kubelet reports this seconds before it sets the phase."""

    @property
    def over(self) -> bool:
        """Whether main has ended, or the pod has ended before main started."""
        return self.exit_code is not None or self.phase in ENDED

    def lost_at(self, patience: timedelta) -> datetime | None:
        """When the node counts as lost: the pod is still there, ``patience`` after its deletion was due."""
        return None if self.deletion_due is None or self.over else self.deletion_due + patience

    def seconds(self, now: datetime) -> float:
        """Seconds that main has run."""
        if self.started is None:
            return 0.0
        return max(0.0, ((self.finished or now) - self.started).total_seconds())


V = TypeVar("V", JobView, PodView, ServiceView)


def group_by_run(views: Iterable[V]) -> dict[str, tuple[V, ...]]:
    """Views by the name of their run."""
    groups: dict[str, list[V]] = {}
    for view in views:
        groups.setdefault(view.run, []).append(view)
    return {run: tuple(group) for run, group in groups.items()}


def _stage_and_attempt(labels: Mapping[str, str]) -> tuple[str, Stage, int] | None:
    run, stage, attempt = labels.get(RUN_LABEL), labels.get(STAGE_LABEL), labels.get(ATTEMPT_LABEL, "")
    if not run or not attempt.isdecimal():
        return None
    return next(((run, known, int(attempt)) for known in STAGES if known == stage), None)


def view_job(job: Mapping[str, Any]) -> JobView | None:
    """None for a Job without the operator's labels."""
    meta, spec, status = job["metadata"], job.get("spec") or {}, job.get("status") or {}
    place = _stage_and_attempt(meta.get("labels") or {})
    if place is None:
        return None
    end: Mapping[str, Any] = next(
        (c for c in status.get("conditions") or [] if c["type"] in ("Complete", "Failed") and c["status"] == "True"), {}
    )
    return JobView(
        name=meta["name"],
        uid=meta.get("uid", ""),
        owner_uid=ObjectMeta.model_validate(meta).controller_uid(),
        run=place[0],
        stage=place[1],
        attempt=place[2],
        created=parse_time(meta.get("creationTimestamp")) or EPOCH,
        suspended=bool(spec.get("suspend"))
        or any(c["type"] == "Suspended" and c["status"] == "True" for c in status.get("conditions") or []),
        deleting=bool(meta.get("deletionTimestamp")),
        finished=end.get("type"),
        finished_reason=end.get("reason") or "",
        finished_message=end.get("message") or "",
        queued=QUEUE_LABEL in (meta.get("labels") or {}),
        resumed=parse_time(status.get("startTime")),
        completed=parse_time(status.get("completionTime")),
        run_uid=(meta.get("labels") or {}).get(RUN_UID_LABEL),
    )


def view_service(service: Mapping[str, Any]) -> ServiceView | None:
    """None for a Service without the operator's labels, or one that is being deleted."""
    meta = service["metadata"]
    labels = meta.get("labels") or {}
    place = None if meta.get("deletionTimestamp") else _stage_and_attempt(labels)
    if place is None:
        return None
    run, stage, attempt = place
    return ServiceView(meta["name"], meta.get("uid", ""), run, labels.get(RUN_UID_LABEL), stage, attempt)


def view_pod(pod: Mapping[str, Any]) -> PodView | None:
    """None for a pod without the operator's labels."""
    meta, status = pod["metadata"], pod.get("status") or {}
    place = _stage_and_attempt(meta.get("labels") or {})
    if place is None:
        return None
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    disruption, scheduled = conditions.get("DisruptionTarget") or {}, conditions.get("PodScheduled") or {}
    rank = (meta.get("annotations") or {}).get(INDEX_ANNOTATION, "0")
    return PodView(
        name=meta["name"],
        uid=meta.get("uid", ""),
        run=place[0],
        stage=place[1],
        attempt=place[2],
        rank=int(rank) if rank.isdecimal() else 0,
        created=parse_time(meta.get("creationTimestamp")) or EPOCH,
        phase=status.get("phase") or "Pending",
        reason=status.get("reason") or "",
        message=status.get("message") or disruption.get("message") or "",
        deletion_requested=_deletion_requested(meta),
        deletion_due=parse_time(meta.get("deletionTimestamp")),
        force_deleted=bool(meta.get("deletionTimestamp")) and meta.get("deletionGracePeriodSeconds") == 0,
        disrupted=(disruption.get("reason") or "DisruptionTarget") if disruption.get("status") == "True" else None,
        disrupted_at=parse_time(disruption.get("lastTransitionTime")) if disruption.get("status") == "True" else None,
        unschedulable=scheduled.get("message") or "" if scheduled.get("status") == "False" else None,
        node=(pod.get("spec") or {}).get("nodeName"),
        holds_result=RESULT_FINALIZER in (meta.get("finalizers") or []),
        run_uid=(meta.get("labels") or {}).get(RUN_UID_LABEL),
        scheduled=parse_time(scheduled.get("lastTransitionTime")) if scheduled.get("status") == "True" else None,
        peak_memory=status.get(PEAK_MEMORY),
        containers_ended=_all_ended(pod.get("spec") or {}, status),
        **_main_container(status),
        **_failed_init(pod.get("spec") or {}, status),
    )


def _main_container(status: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a PodView that describe main."""
    main: Mapping[str, Any] = next(
        (s for s in status.get("containerStatuses") or [] if s.get("name") == MAIN_CONTAINER), {}
    )
    state = main.get("state") or {}
    waiting, running, ended = state.get("waiting") or {}, state.get("running") or {}, state.get("terminated") or {}
    if not waiting:
        waiting = _waiting_init(status.get("initContainerStatuses") or [])
    return {
        "waiting_reason": waiting.get("reason"),
        "waiting_message": waiting.get("message") or "",
        "started": parse_time(running.get("startedAt") or ended.get("startedAt")),
        "finished": parse_time(ended.get("finishedAt")),
        "exit_code": ended.get("exitCode"),
        "terminated_reason": ended.get("reason") or "",
        "termination_message": ended.get("message") or "",
        "image_id": main.get("imageID") or None,
    }


def _failed_init(spec: Mapping[str, Any], status: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a PodView that describe the init container that failed. A sidecar does not prevent main."""
    sidecars = {c["name"] for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"}
    for init in status.get("initContainerStatuses") or []:
        ended = (init.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode") and init["name"] not in sidecars:
            text = f"init container {init['name']} ended with exit code {ended['exitCode']}"
            said = (ended.get("message") or ended.get("reason") or "").strip()
            return {"init_exit_code": ended["exitCode"], "init_message": joined(text, said)}
    return {}


def _all_ended(spec: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    wanted = {c["name"] for c in spec.get("containers") or []}
    ended = {s["name"] for s in status.get("containerStatuses") or [] if (s.get("state") or {}).get("terminated")}
    return bool(wanted) and wanted <= ended


def _deletion_requested(meta: Mapping[str, Any]) -> datetime | None:
    at = parse_time(meta.get("deletionTimestamp"))
    return None if at is None else at - timedelta(seconds=meta.get("deletionGracePeriodSeconds") or 0)


def _waiting_init(statuses: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Why an init container waits, and with it main: its image cannot be pulled, for example."""
    for status in statuses:
        waiting: Mapping[str, Any] = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "PodInitializing"):
            return waiting
    return {}
