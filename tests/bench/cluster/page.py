"""The page of a cluster with many runs: ``python -m tests.bench.cluster.page``.

A real control plane has a Sweep with finished and active runs, whose status changes as an operator would write it.
Measured are the page's start, memory and watches, and how long a change takes from the API server's answer until it
has arrived in an open page.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import click
import psutil

from sweep_operator.kube.cluster import ClientOptions, ClusterKube
from sweep_operator.kube.protocol import Kind
from tests.bench.cluster.memory import peak_of
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Object
from tests.cluster.page import Page, Stream
from tests.cluster.person import VIEW, Person
from tests.cluster.rights import asked
from tests.cluster.sweeps import sweep

_WRITERS, _MB, _POINTS = 16, 2**20, 32
_SINCE = "2026-01-01T00:00:00Z"


@click.command(context_settings={"show_default": True})
@click.option("--runs", default=5000, help="Runs of the sweep.")
@click.option("--active", default=500, help="Of these, runs in progress.")
@click.option("--pages", default=100, help="Open pages.")
@click.option("--changes", default=200, help="Changes whose way is measured.")
@click.option("--every", default=10.0, help="Seconds between two changes of an active run.")
def main(runs: int, active: int, pages: int, changes: int, every: float) -> None:
    """Print memory, start and the delay of changes."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            asyncio.run(_measure(cluster, runs, active, pages, changes, every))
        finally:
            cluster.stop()


async def _measure(cluster: Cluster, runs: int, active: int, pages: int, changes: int, every: float) -> None:
    namespace = cluster.namespace()
    cluster.apply(sweep("many", limits={"maxRuns": runs}), namespace)
    reader = Person(cluster, namespace, "reader", VIEW)
    kube = await ClusterKube.connect(cluster.kubeconfig, options=ClientOptions(qps=5000, burst=5000))
    try:
        stored = await _fill(kube, namespace, runs, active)
        page = Page(cluster, namespace)
        began = time.monotonic()
        with page:
            print(f"ready with {runs} runs after {time.monotonic() - began:.1f} s, {_memory(page)}")
            async with page.session(reader.token) as session:
                first, others = Stream(session, f"{namespace}/many"), [_Silent(session) for _ in range(pages - 1)]
                tasks = [asyncio.create_task(s.follow()) for s in (first, *others)]
                while len(first.runs) < runs or not all(other.read for other in others):
                    await asyncio.sleep(0.1)
                    assert not tasks[0].done(), tasks[0]
                print(f"{pages} open pages, {_memory(page)}")
                half = active // 2  # a change of the others could hide the one that is measured
                async with _writing(kube, stored[half:active], every):
                    delays = [await _delay(kube, first, stored[n % half]) for n in range(changes)]
                for task in tasks:
                    task.cancel()
            delays.sort()
            print(f"{changes} changes, {active} active runs: median {delays[changes // 2]:.2f} s, "
                  f"p99 {delays[math.ceil(changes * 0.99) - 1]:.2f} s, {_memory(page)}")  # fmt: skip
            watches = {e["auditID"] for right, e in asked(cluster, page.account) if right.verb == "watch"}
            print(f"watches: {len(watches)}")
    finally:
        await kube.close()


class _Silent:
    """An open page of the list that only reads."""

    def __init__(self, stream: object) -> None:
        self.read = 0
        self._session = stream

    async def follow(self) -> None:
        async with self._session.get("/api/events") as answer:  # type: ignore[attr-defined]
            async for chunk in answer.content.iter_any():
                self.read += len(chunk)


def _memory(page: Page) -> str:
    assert page.process is not None
    process = psutil.Process(page.process.pid)
    cpu = process.cpu_times()
    resident = process.memory_info().rss / _MB
    return f"{resident:.0f} MB (at most {peak_of(process):.0f} MB), {cpu.user + cpu.system:.1f} s of CPU time"


async def _fill(kube: ClusterKube, namespace: str, runs: int, active: int) -> list[Object]:
    """Create the runs, the active ones first."""
    waiting, made, random_ = list(range(runs)), dict[int, Object](), random.Random(0)

    async def write() -> None:
        while waiting:
            index = waiting.pop()
            spec = {"sweepName": "many", "index": index, "origin": "random", "parameters": {"x": random_.random()}}
            meta = {"name": f"many.r.{index}", "namespace": namespace}
            body = {"apiVersion": "metta.ai/v1alpha1", "kind": "SweepRun", "metadata": meta, "spec": spec}
            created = await kube.create(Kind.SWEEP_RUN, body)
            status = _status(index, ended=index >= active)
            made[index] = await kube.update_status(Kind.SWEEP_RUN, {**created, "status": status})

    await asyncio.gather(*(write() for _ in range(_WRITERS)))
    return [made[index] for index in range(runs)]


def _status(index: int, *, ended: bool) -> Object:
    state = ("True", "Completed") if ended else ("Unknown", "Training")
    succeeded = {"type": "Succeeded", "status": state[0], "reason": state[1], "message": ""}
    score = math.sin(index)
    curve = [{"step": 2**n, "value": score * n / _POINTS, "seconds": 10.0 * n} for n in range(1, _POINTS)]
    attempt = {"n": 1, "podUID": f"00000000-0000-0000-0000-{index:012d}", "seconds": 300.5}
    stage = {
        "jobName": f"many-{index}-train-1",
        "attempt": 1,
        "startTime": _SINCE,
        "seconds": 300.5,
        "attempts": [attempt],
    }
    result = {"score": score, "cost": 300.5, "metrics": {"reward": score, "loss": 1 - score}} if ended else {}
    return {
        "runName": f"many.r.{index}", "seed": index, "templateHash": "0123456789", "parameters": {"x": 0.5},
        "train": stage, "curve": curve, "conditions": [{**succeeded, "lastTransitionTime": _SINCE}], **result,
    }  # fmt: skip


async def _change(kube: ClusterKube, run: Object, step: float) -> None:
    """As an operator writes progress."""
    progress = {"stage": "train", "attempt": 1, "summary": "50%", "step": step, "seconds": 10.0, "updateTime": _SINCE}
    run |= await kube.update_status(Kind.SWEEP_RUN, {**run, "status": {**run["status"], "progress": progress}})


async def _delay(kube: ClusterKube, stream: Stream, run: Object) -> float:
    wanted = time.monotonic()
    await _change(kube, run, wanted)
    written = time.monotonic()
    while (stream.runs[run["metadata"]["name"]]["progress"] or {}).get("step") != wanted:
        await asyncio.sleep(0.005)
    return time.monotonic() - written


@contextlib.asynccontextmanager
async def _writing(kube: ClusterKube, runs: Sequence[Object], every: float) -> AsyncIterator[None]:
    """Each of these runs, half of the active ones, changes twice as often."""

    async def write() -> None:
        for n in itertools.count():
            await _change(kube, runs[n % len(runs)], float(n))
            await asyncio.sleep(every / 2 / len(runs))

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        task.cancel()


if __name__ == "__main__":
    main()
