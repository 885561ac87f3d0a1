"""The pods of a run as JSON: found by label, in order of execution, with the reason why a pod has not started."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep_operator.api.names import ATTEMPT_LABEL, INDEX_ANNOTATION, MAIN_CONTAINER, RUN_LABEL, STAGE_LABEL
from sweep_operator.cluster.access import Cluster
from sweep_operator.cluster.lookup import run_named
from sweep_operator.commands.logs import LOG_STAGES, title_of
from sweep_operator.commands.place import LogOptions, StageLog
from sweep_operator.domain.pods import pod_has_ended
from sweep_operator.kube.protocol import Kind, Object


@dataclass(frozen=True)
class RunPod:
    """One pod of one attempt."""

    stage: str
    attempt: int
    rank: int
    created: str
    pod: Object

    @property
    def place(self) -> tuple[int, int, str]:
        """Sort key in order of execution: stage, attempt, creation time (a queue may replace a pod)."""
        return LOG_STAGES.index(self.stage), self.attempt, self.created

    @property
    def name(self) -> str:
        """Name of the pod."""
        return str(self.pod["metadata"]["name"])

    @property
    def title(self) -> str:
        """``train, attempt 2``."""
        return title_of(self.stage, self.attempt)

    def state(self, container: str = MAIN_CONTAINER) -> Mapping[str, Any]:
        """The container's state: waiting, running or terminated; {} if unknown."""
        status = self.pod.get("status") or {}
        statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
        return next((s.get("state") or {} for s in statuses if s.get("name") == container), {})

    def started(self, container: str) -> bool:
        """Whether the container has started and may have a log.

        Also true if the pod has no such container: the API server then reports the error.
        """
        spec = self.pod.get("spec") or {}
        names = [c.get("name") for of in ("initContainers", "containers") for c in spec.get(of) or ()]
        state = self.state(container)
        return bool(state.get("running") or state.get("terminated")) or container not in names

    @property
    def over(self) -> bool:
        """Whether the pod has ended; its containers will not start."""
        return pod_has_ended(self.pod)

    @property
    def waits_for(self) -> str:
        """``ImagePullBackOff: ...`` or the scheduler's message; empty if unknown."""
        waiting = self.state().get("waiting") or {}
        if waiting.get("reason"):
            return _text(waiting)
        conditions = (self.pod.get("status") or {}).get("conditions") or ()
        unscheduled = [c for c in conditions if c.get("type") == "PodScheduled" and c.get("status") == "False"]
        return _text(unscheduled[0]) if unscheduled else ""


class PodLogs:
    """The logs of a run's pods."""

    noun = "pod"
    lost = "pods are deleted some time after their result was recorded, and with volumes that are not kept"

    def __init__(self, cluster: Cluster, run: str) -> None:
        self._cluster, self._run = cluster, run

    async def run(self) -> Object:
        """The SweepRun, read again."""
        return await run_named(self._cluster, self._run)

    async def logs(self, wanted: LogOptions) -> Sequence[RunPod]:
        """The pods of the requested stage, attempt and rank, in order of execution."""
        labels = {RUN_LABEL: self._run, **({STAGE_LABEL: wanted.stage} if wanted.stage is not None else {})}
        listed = await self._cluster.kube.list(Kind.POD, self._cluster.namespace, labels=labels)
        found = (_run_pod(pod) for pod in listed.items)
        wished = (p for p in found if p.rank == wanted.rank and wanted.attempt in (None, p.attempt))
        return sorted(wished, key=lambda p: p.place)

    def read(self, log: StageLog, wanted: LogOptions) -> AsyncIterator[bytes]:
        """The log of a pod's container from the kubelet."""
        return self._cluster.kube.read_log(
            self._cluster.namespace, log.name, wanted.container,
            follow=wanted.follow, tail=wanted.tail, timestamps=wanted.timestamps,
        )  # fmt: skip

    def stalled(self) -> str:
        """Empty: the operator may create another pod."""
        return ""


def _run_pod(pod: Object) -> RunPod:
    meta = pod["metadata"]
    labels = meta.get("labels") or {}
    return RunPod(
        stage=str(labels.get(STAGE_LABEL, LOG_STAGES[0])),
        attempt=int(labels.get(ATTEMPT_LABEL, 1)),
        rank=int(labels.get(INDEX_ANNOTATION) or (meta.get("annotations") or {}).get(INDEX_ANNOTATION) or 0),
        created=str(meta.get("creationTimestamp", "")),
        pod=pod,
    )


def _text(what: Mapping[str, Any]) -> str:
    message = str(what.get("message") or "").strip()
    return f"{what['reason']}: {message}" if message else str(what["reason"])
