"""The start of an operator in a namespace that has many finished runs."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass
from typing import Any

from sweep_operator.api.names import RUN_LABEL, run_object_name
from sweep_operator.kube.cluster import ClientOptions, ClusterKube
from sweep_operator.kube.protocol import Kind
from tests.bench.cluster.memory import Footprint
from tests.bench.cluster.news import News
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import runs

_WRITERS = 16
_SETTLE = 5.0
"""Seconds for the API server to collect its garbage of what was asked here: thousands of objects."""


@dataclass(frozen=True)
class Restart:
    """Seconds from the start of the process; of a killed predecessor, the lease has to run out first."""

    killed: bool
    """Else stopped by SIGTERM, as a rollout does: the lease was given back."""
    stored: int
    ready: float
    """Until /readyz answers 200."""
    status: float
    """Until the Sweep's status counts the stored runs: a whole pass over them is done."""
    job: float
    """Until the next run has its Job: the optimizer has started and has seen every result."""
    memory: Footprint

    def row(self) -> dict[str, Any]:
        """Its figures."""
        return {
            "before": "killed" if self.killed else "stopped",
            "stored_runs": self.stored,
            "ready_s": self.ready,
            "status_s": self.status,
            "job_s": self.job,
            **self.memory.row(),
        }


def fill(cluster: Cluster, namespace: str, name: str, stored: int) -> None:
    """So many finished runs of a Sweep that has ended, each with its Job and its pod; no operator runs."""
    found = runs(cluster, namespace, name)
    like = found[-1]
    job, pod = (_like(cluster, kind, namespace, like["metadata"]["name"]) for kind in ("jobs", "pods"))
    asyncio.run(_fill(cluster, (like, job, pod), range(len(found), stored)))


def _like(cluster: Cluster, kind: str, namespace: str, run: str) -> Object:
    return cluster.list(kind, namespace, **{RUN_LABEL: run})[0]


def measure(cluster: Cluster, operator: Operator, name: str, *, killed: bool) -> Restart:
    """The operator runs, and every run of that Sweep has ended; at the end both hold again, with one run more."""
    namespace = operator.namespace
    if killed:
        operator.kill()
    else:
        operator.stop()
    stored = len(runs(cluster, namespace, name))
    limits = {"maxRuns": stored + 1, "maxParallelRuns": 1}
    cluster.patch("sweep", name, namespace, {"spec": {"limits": limits}})
    jobs_before = {j["metadata"]["name"] for j in cluster.list("jobs", namespace)}
    with News(cluster, "sweeps", namespace) as sweeps, News(cluster, "jobs", namespace) as jobs:
        time.sleep(_SETTLE)
        started = time.monotonic()
        operator.start()
        ready = time.monotonic()
        counted = sweeps.until(lambda s: s["status"]["runs"]["created"] >= stored and _seen(s), started)
        job = jobs.until(lambda j: j["metadata"]["name"] not in jobs_before, started)
        memory = Footprint.of(operator)
        sweeps.until(lambda s: s["status"]["runs"]["succeeded"] == stored + 1, started)
        return Restart(killed, stored, ready - started, counted - started, job - started, memory)


def _seen(sweep: Object) -> bool:
    """The operator has been through with the spec as it is now."""
    return bool(sweep["status"].get("observedGeneration") == sweep["metadata"]["generation"])


async def _fill(cluster: Cluster, like: tuple[Object, Object, Object], indices: range) -> None:
    """Finished runs like that one with its Job and its pod, each with a point and a score of its own."""
    kube = await ClusterKube.connect(cluster.kubeconfig, options=ClientOptions(qps=1000, burst=1000))
    random_ = random.Random(0)
    waiting = [(index, random_.random()) for index in indices]

    async def write() -> None:
        while waiting:
            await _copy(kube, like, *waiting.pop())

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_WRITERS):
                group.create_task(write())
    finally:
        await kube.close()


async def _copy(kube: ClusterKube, like: tuple[Object, Object, Object], index: int, x: float) -> None:
    old, run = like[0]["metadata"]["name"], run_object_name(like[0]["spec"]["sweepName"], index)
    renamed = {old: run, old.replace(".", "-"): run.replace(".", "-")}
    for kind, obj in zip((Kind.SWEEP_RUN, Kind.JOB, Kind.POD), like, strict=True):
        body: Object = json.loads(_replaced(json.dumps(obj), renamed))
        if kind == Kind.SWEEP_RUN:
            body["spec"] |= {"index": index, "parameters": {"x": x}}
            body["status"] |= {"score": x, "metrics": dict.fromkeys(body["status"]["metrics"], x)}
        elif kind == Kind.JOB:
            # another controller's Job: the cluster's one would start a pod for it
            template = {**body["spec"]["template"], "metadata": _without_job(body["spec"]["template"]["metadata"])}
            ours = {"managedBy": "metta.ai/bench", "selector": None, "manualSelector": None}
            body["spec"] |= {**ours, "template": template}
        else:
            body["spec"] |= {"nodeName": None, "schedulerName": "none"}
        made = await kube.create(kind, body)
        await kube.update_status(kind, {**made, "status": body["status"]})
        renamed[obj["metadata"]["uid"]] = made["metadata"]["uid"]  # in the owner references of the next ones


def _without_job(meta: Object) -> Object:
    return {**meta, "labels": {k: v for k, v in meta["labels"].items() if not k.endswith(("job-name", "uid"))}}


def _replaced(text: str, by: dict[str, str]) -> str:
    for old, new in by.items():
        text = text.replace(old, new)
    return text
