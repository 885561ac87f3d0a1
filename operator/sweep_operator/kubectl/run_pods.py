"""The pods of a run as JSON: found by label, in order of execution, with the reason why a pod has not started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep_operator.api.names import ATTEMPT_LABEL, MAIN_CONTAINER, RUN_LABEL, STAGE_LABEL
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kubectl.access import Cluster

STAGES = ("train", "eval")
_RANK = "batch.kubernetes.io/job-completion-index"


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
        return STAGES.index(self.stage), self.attempt, self.created

    @property
    def name(self) -> str:
        """Name of the pod."""
        return str(self.pod["metadata"]["name"])

    @property
    def title(self) -> str:
        """``train, attempt 2``."""
        return self.stage + (f", attempt {self.attempt}" if self.attempt > 1 else "")

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
        return (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")

    @property
    def waits_for(self) -> str:
        """``ImagePullBackOff: ...`` or the scheduler's message; empty if unknown."""
        waiting = self.state().get("waiting") or {}
        if waiting.get("reason"):
            return _text(waiting)
        conditions = (self.pod.get("status") or {}).get("conditions") or ()
        unscheduled = [c for c in conditions if c.get("type") == "PodScheduled" and c.get("status") == "False"]
        return _text(unscheduled[0]) if unscheduled else ""


async def pods_of(cluster: Cluster, run: str, stage: str | None, rank: int) -> list[RunPod]:
    """The run's pods of that rank in order of execution; ``stage`` None: both stages."""
    labels = {RUN_LABEL: run, **({STAGE_LABEL: stage} if stage is not None else {})}
    listed = await cluster.kube.list(Kind.POD, cluster.namespace, labels=labels)
    found = [_run_pod(pod) for pod in listed.items]
    return sorted((p for p in found if p.rank == rank), key=lambda p: p.place)


def of_attempt(pods: Sequence[RunPod], attempt: int | None) -> list[RunPod]:
    """The pods of one attempt; None: all."""
    return [p for p in pods if attempt in (None, p.attempt)]


def _run_pod(pod: Object) -> RunPod:
    meta = pod["metadata"]
    labels = meta.get("labels") or {}
    return RunPod(
        stage=str(labels.get(STAGE_LABEL, STAGES[0])),
        attempt=int(labels.get(ATTEMPT_LABEL, 1)),
        rank=int(labels.get(_RANK) or (meta.get("annotations") or {}).get(_RANK) or 0),
        created=str(meta.get("creationTimestamp", "")),
        pod=pod,
    )


def _text(what: Mapping[str, Any]) -> str:
    message = str(what.get("message") or "").strip()
    return f"{what['reason']}: {message}" if message else str(what["reason"])
