"""The Job controller of local mode: what a Job with backoffLimit 0 and restartPolicy Never does, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sweep_operator.kube.protocol import AlreadyExists, Conflict, Kind, Kube, KubeError, NotFound, Object

INDEX_ANNOTATION = "batch.kubernetes.io/job-completion-index"
JOB_LABEL = "job-name"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class JobController:
    """Creates the pods of Jobs, and says when a Job is Complete or Failed."""

    def __init__(self, kube: Kube, clock: Callable[[], datetime], rng: random.Random) -> None:
        self._kube, self._clock, self._rng = kube, clock, rng
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Reconcile after every change of a Job or a pod. Cancelled from outside."""
        version = (await self._kube.list(Kind.JOB)).resource_version
        async with asyncio.TaskGroup() as group:
            for kind in (Kind.JOB, Kind.POD):
                group.create_task(self._notice(kind, version))
            while True:
                self._wake.clear()
                seconds = await self.reconcile()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._wake.wait()

    async def reconcile(self) -> float | None:
        """One pass over all Jobs; seconds until the next deadline."""
        pods: dict[str, list[Object]] = {}
        for pod in (await self._kube.list(Kind.POD)).items:
            for owner in pod["metadata"].get("ownerReferences") or []:
                pods.setdefault(owner["uid"], []).append(pod)
        waits = []
        for job in (await self._kube.list(Kind.JOB)).items:
            try:
                wait = await self._reconcile_one(job, pods.get(job["metadata"]["uid"], []))
            except (Conflict, NotFound):
                wait = 0.01
            if wait is not None:
                waits.append(wait)
        return min(waits, default=None)

    async def _notice(self, kind: Kind, version: int) -> None:
        async for _ in self._kube.watch(kind, resource_version=version):
            self._wake.set()

    async def _reconcile_one(self, job: Object, pods: list[Object]) -> float | None:
        meta, spec = job["metadata"], job["spec"]
        if meta.get("deletionTimestamp"):
            return None
        status: Object = dict(job.get("status") or {})
        if _finished(status):
            return await self._expire(job, status)
        wanted = int(spec.get("completions") or 1)
        live = [p for p in pods if not _over(p)]
        succeeded = sum((p.get("status") or {}).get("phase") == "Succeeded" for p in pods)
        failed = [p for p in pods if (p.get("status") or {}).get("phase") == "Failed"]
        if spec.get("suspend"):
            await self._delete(live)
            status = {**status, "active": 0, "conditions": [_condition("Suspended", "JobSuspended", "", self._clock())]}
            status.pop("startTime", None)
            await self._write(job, status)
            return None
        status.setdefault("startTime", self._clock().isoformat())
        status["conditions"] = [c for c in status.get("conditions") or [] if c["type"] != "Suspended"]
        status |= {"active": len(live), "succeeded": succeeded, "failed": len(failed)}
        left = self._left(spec, status)
        if left is not None and left <= 0:
            await self._delete(live)
            return await self._end(job, status, "Failed", "DeadlineExceeded", "Job was active longer than its deadline")
        if failed:
            await self._delete(live)
            return await self._end(job, status, "Failed", "BackoffLimitExceeded", "a pod of the Job has failed")
        if succeeded >= wanted:
            return await self._end(job, status, "Complete", "CompletionsReached", "")
        if status.get("podsCreated") and len(pods) < wanted:
            return await self._end(job, status, "Failed", "BackoffLimitExceeded", "a pod of the Job was deleted")
        if not status.get("podsCreated"):
            await self._create_pods(job, pods, wanted)
            status |= {"podsCreated": True, "active": wanted}
        await self._write(job, status)
        return left

    def _left(self, spec: Mapping[str, Any], status: Mapping[str, Any]) -> float | None:
        limit = spec.get("activeDeadlineSeconds")
        if limit is None:
            return None
        end = datetime.fromisoformat(status["startTime"]) + timedelta(seconds=limit)
        return (end - self._clock()).total_seconds()

    async def _create_pods(self, job: Object, pods: list[Object], wanted: int) -> None:
        have = {(p["metadata"].get("annotations") or {}).get(INDEX_ANNOTATION, "0") for p in pods}
        for index in range(wanted):
            if str(index) not in have:
                with contextlib.suppress(AlreadyExists):
                    await self._kube.create(Kind.POD, self._pod(job, index))

    def _pod(self, job: Object, index: int) -> Object:
        meta, template = job["metadata"], job["spec"]["template"]
        inner = template.get("metadata") or {}
        indexed = job["spec"].get("completionMode") == "Indexed"
        suffix = "".join(self._rng.choice(_ALPHABET) for _ in range(5))
        spec: Object = dict(template["spec"])
        labels = {**(inner.get("labels") or {}), JOB_LABEL: meta["name"], "batch.kubernetes.io/job-name": meta["name"]}
        annotations = dict(inner.get("annotations") or {})
        if indexed:
            annotations[INDEX_ANNOTATION] = str(index)
            spec["hostname"] = f"{meta['name']}-{index}"
            variable = {"name": "JOB_COMPLETION_INDEX", "value": str(index)}
            containers = [{**c, "env": [*(c.get("env") or []), variable]} for c in spec["containers"]]
            spec["containers"] = containers
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
        return {
            "metadata": {
                "name": f"{meta['name']}-{index}-{suffix}" if indexed else f"{meta['name']}-{suffix}",
                "namespace": meta["namespace"],
                "labels": labels,
                "annotations": annotations,
                "finalizers": list(inner.get("finalizers") or []),
                "ownerReferences": [owner],
            },
            "spec": spec,
        }

    async def _end(self, job: Object, status: Object, type_: str, reason: str, message: str) -> None:
        conditions = [*(status.get("conditions") or []), _condition(type_, reason, message, self._clock())]
        status = {**status, "active": 0, "conditions": conditions}
        status["completionTime"] = self._clock().isoformat()
        await self._write(job, status)

    async def _write(self, job: Object, status: Object) -> None:
        if status != (job.get("status") or {}):
            await self._kube.update_status(Kind.JOB, {**job, "status": status})

    async def _delete(self, pods: list[Object]) -> None:
        for pod in pods:
            if not pod["metadata"].get("deletionTimestamp"):
                with contextlib.suppress(KubeError):
                    await self._kube.delete(Kind.POD, pod["metadata"]["namespace"], pod["metadata"]["name"])

    async def _expire(self, job: Object, status: Object) -> float | None:
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None or "completionTime" not in status:
            return None
        left = datetime.fromisoformat(status["completionTime"]) + timedelta(seconds=ttl) - self._clock()
        if left.total_seconds() > 0:
            return left.total_seconds()
        await self._kube.delete(Kind.JOB, job["metadata"]["namespace"], job["metadata"]["name"])
        return None


def _finished(status: Mapping[str, Any]) -> bool:
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in status.get("conditions") or [])


def _over(pod: Mapping[str, Any]) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _condition(type_: str, reason: str, message: str, now: datetime) -> Object:
    return {
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": now.isoformat(),
    }
