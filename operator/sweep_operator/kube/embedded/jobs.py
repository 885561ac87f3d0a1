"""The Job controller of local mode: executes the steps of :mod:`job_step`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from sweep_operator.api.names import INDEX_ANNOTATION
from sweep_operator.kube.embedded.job_step import Step, next_step
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Conflict, Kind, KubeError, NotFound, Object

log = logging.getLogger(__name__)
JOB_LABEL = "job-name"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SOON, _LATER = timedelta(seconds=0.05), timedelta(seconds=1)
Key = tuple[str, str]
"""(namespace, name) of a Job."""


class JobController:
    """Creates the pods of Jobs and sets the conditions Complete and Failed."""

    def __init__(self, kube: EmbeddedKube, clock: Callable[[], datetime], rng: random.Random) -> None:
        self._kube, self._clock, self._rng = kube, clock, rng
        self._due: dict[Key, datetime] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Reconcile a Job after every change of it or of its pods, until canceled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(Kind.JOB))
            group.create_task(self._follow(Kind.POD))
            while True:
                self._wake.clear()
                now = self._clock()
                for key in [k for k, at in self._due.items() if at <= now]:
                    del self._due[key]
                    await self._attempt(key)
                await self._rest()

    async def reconcile(self, namespace: str, name: str) -> datetime | None:
        """Reconcile one Job; return when to do so again. Raises KubeError."""
        try:
            job = await self._kube.get(Kind.JOB, namespace, name)
        except NotFound:
            return None
        pods = self._kube.owned_by(Kind.POD, job["metadata"]["uid"])
        step = next_step(job, pods, self._clock())
        await self._carry_out(job, step)
        return step.again

    async def _follow(self, kind: Kind) -> None:
        """Note which Jobs have changed. A watch that has fallen behind is restarted."""
        while True:
            listed = self._kube.unfinished(kind)
            for obj in listed.items:
                self._note(kind, obj)
            try:
                async for event in self._kube.watch(kind, resource_version=listed.resource_version):
                    self._note(kind, event.object)
            except KubeError as error:
                log.warning("watch of %s ended: %s", kind, error)

    def _note(self, kind: Kind, obj: Object) -> None:
        meta = obj["metadata"]
        names = [meta["name"]] if kind == Kind.JOB else [o["name"] for o in meta.get("ownerReferences") or []]
        for name in names:
            self._due[meta["namespace"], name] = self._clock()
        self._wake.set()

    async def _rest(self) -> None:
        first = min(self._due.values(), default=None)
        seconds = None if first is None else max(0.0, (first - self._clock()).total_seconds())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _attempt(self, key: Key) -> None:
        try:
            again = await self.reconcile(*key)
        except (Conflict, NotFound):
            again = self._clock() + _SOON
        except KubeError as error:
            log.warning("Job %s/%s: %s", *key, error)
            again = self._clock() + _LATER
        except Exception:
            log.exception("Job %s/%s", *key)
            again = self._clock() + _LATER
        if again is not None:
            self._due[key] = min(again, self._due.get(key, again))

    async def _carry_out(self, job: Object, step: Step) -> None:
        """Create pods before the status is written and delete them after it, so that a crash is harmless."""
        meta = job["metadata"]
        if step.expired:
            await self._kube.delete(Kind.JOB, meta["namespace"], meta["name"], uid=meta["uid"])
            return
        for index in step.create:
            await self._kube.create(Kind.POD, self._pod(job, index))
        if step.status != (job.get("status") or {}):
            await self._kube.update_status(Kind.JOB, {**job, "status": step.status})
        for pod in step.delete:
            with contextlib.suppress(NotFound, Conflict):
                await self._kube.delete(
                    Kind.POD, meta["namespace"], pod["metadata"]["name"], uid=pod["metadata"]["uid"]
                )

    def _pod(self, job: Object, index: int) -> Object:
        meta, template = job["metadata"], job["spec"]["template"]
        inner = template.get("metadata") or {}
        indexed = job["spec"].get("completionMode") == "Indexed"
        suffix = "".join(self._rng.choice(_ALPHABET) for _ in range(5))
        spec: Object = dict(template["spec"])
        annotations = dict(inner.get("annotations") or {})
        labels = {
            **(inner.get("labels") or {}),
            JOB_LABEL: meta["name"],
            f"batch.kubernetes.io/{JOB_LABEL}": meta["name"],
        }
        labels |= {"controller-uid": meta["uid"], "batch.kubernetes.io/controller-uid": meta["uid"]}
        if indexed:
            annotations[INDEX_ANNOTATION] = labels[INDEX_ANNOTATION] = str(index)
            spec["hostname"] = f"{meta['name']}-{index}"
            variable = {"name": "JOB_COMPLETION_INDEX", "value": str(index)}
            spec["containers"] = [{**c, "env": [*(c.get("env") or []), variable]} for c in spec["containers"]]
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
