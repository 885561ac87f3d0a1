"""A loop that writes what the operator writes for its runs, with the same client, and decides nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep_operator.api.names import RESULT_FINALIZER
from sweep_operator.kube.cluster import ClusterKube
from sweep_operator.kube.protocol import Kind, Object

_OVER = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Sample:
    """A finished run and its Job, as the operator has written them, and the writes of the operator per run."""

    run: Object
    job: Object
    writes: Mapping[str, float]


async def runs_per_second(
    kubeconfig: Path, sweep: Object, sample: Sample, *, runs: int, parallel: int, concurrency: int
) -> float:
    """From the first write to the last one. ``concurrency``: writes at the same time."""
    kube = await ClusterKube.connect(kubeconfig)
    try:
        return await _Loop(kube, sweep, sample, concurrency).run(runs, parallel)
    finally:
        await kube.close()


class _Loop:
    def __init__(self, kube: ClusterKube, sweep: Object, sample: Sample, concurrency: int) -> None:
        self._kube, self._sweep, self._sample = kube, sweep, sample
        self._namespace = sweep["metadata"]["namespace"]
        self._writers = asyncio.Semaphore(concurrency)
        self._over: dict[str, asyncio.Future[Object]] = {}
        """By Job: the pod that has ended."""
        self._counting = asyncio.Lock()

    async def run(self, runs: int, parallel: int) -> float:
        waiting = iter(range(runs))
        listed = await self._kube.list(Kind.POD, self._namespace)
        watch = asyncio.create_task(self._follow(listed.resource_version))

        async def slot() -> None:
            for index in waiting:
                await self._play(index)

        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(parallel):
                group.create_task(slot())
        rate = runs / (time.monotonic() - began)
        watch.cancel()
        await asyncio.wait([watch])
        return rate

    async def _follow(self, version: int) -> None:
        async for event in self._kube.watch(Kind.POD, self._namespace, resource_version=version):
            job = event.object["metadata"]["labels"].get("job-name", "")
            waits = self._over.get(job)
            if waits is not None and not waits.done() and event.object["status"].get("phase") in _OVER:
                waits.set_result(event.object)

    async def _play(self, index: int) -> None:
        """One run."""
        name = f"{self._sweep['metadata']['name']}.r.{index}"
        body = self._named(self._sample.run, name)
        body["spec"]["index"] = index
        async with self._writers:
            run = await self._kube.create(Kind.SWEEP_RUN, body)
            statuses = self._due("update sweepruns/status", index)
            for _ in range(statuses - 1):
                run = await self._kube.update_status(Kind.SWEEP_RUN, {**run, "status": {"runName": name}})
            job = self._named(self._sample.job, name, run["metadata"]["uid"])
            over = self._over[job["metadata"]["name"]] = asyncio.get_running_loop().create_future()
            await self._kube.create(Kind.JOB, job)
        pod = (await over)["metadata"]
        async with self._writers:
            run = await self._kube.update_status(Kind.SWEEP_RUN, {**run, "status": body["status"]})
            await self._kube.remove_finalizer(Kind.POD, self._namespace, pod["name"], RESULT_FINALIZER, uid=pod["uid"])
            for number in range(self._due("create events", index)):
                await self._kube.create(Kind.EVENT, _event(run, number))
            for _ in range(self._due("update sweeps/status", index)):
                await self._write_sweep(index)

    async def _write_sweep(self, index: int) -> None:
        async with self._counting:
            status = {"runs": {"created": index, "succeeded": index}}
            self._sweep = await self._kube.update_status(Kind.SWEEP, {**self._sweep, "status": status})

    def _due(self, what: str, index: int) -> int:
        """How many of these writes belong to this run, so that all runs together have as many as the operator's."""
        rate = self._sample.writes.get(what, 0.0)
        return int((index + 1) * rate + 1e-9) - int(index * rate + 1e-9)

    def _named(self, obj: Object, name: str, owner: str = "") -> Object:
        """A copy with the names of another run, without what the API server has added."""
        run, sweep = self._sample.run["metadata"], self._sweep["metadata"]
        text = json.dumps(obj).replace(run["name"], name).replace(run["name"].replace(".", "-"), name.replace(".", "-"))
        text = text.replace(run["uid"], owner).replace(run["ownerReferences"][0]["uid"], sweep["uid"])
        old = run["ownerReferences"][0]["name"]
        copy: dict[str, Any] = json.loads(text.replace(f'"{old}"', f'"{sweep["name"]}"'))
        copy["metadata"] = {
            k: copy["metadata"][k] for k in ("name", "namespace", "labels", "annotations", "ownerReferences")
            if k in copy["metadata"]
        }  # fmt: skip
        if obj["kind"] == "Job":
            copy["spec"].pop("selector", None)
            for labels in (copy["metadata"]["labels"], copy["spec"]["template"]["metadata"]["labels"]):
                for label in [k for k in labels if "controller-uid" in k or "job-name" in k]:
                    del labels[label]
        return copy


def _event(run: Object, number: int) -> Object:
    meta = run["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.{number}", "namespace": meta["namespace"]},
        "involvedObject": {
            "apiVersion": run["apiVersion"],
            "kind": run["kind"],
            **{k: meta[k] for k in ("name", "namespace", "uid")},
        },
        "reason": "Completed",
        "message": "score 0.5, cost 3.0",
        "type": "Normal",
    }
