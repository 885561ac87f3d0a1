"""How many of the slots are used, in virtual time: each request takes 5 ms, and the decisions take none."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self, TypeVar

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.names import MANAGED_BY, MANAGED_BY_LABEL, SWEEP_LABEL
from sweep_operator.domain.identity import share_of
from sweep_operator.engine.engine import WATCHED, Engine
from sweep_operator.engine.ports import Settings
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind, Labels, Object, ObjectList
from sweep_operator.local.admission import admit
from tests.bench.table import header, row
from tests.builders import sweep_body
from tests.engine.world import NS, NoWarmStart, Sequence
from tests.fuzz import clock

T = TypeVar("T")
EVENT_SECONDS = 0.005
"""From a change to its watch event."""


class Distant:
    """The requests of the engine to a server that is so many seconds away."""

    def __init__(self, server: EmbeddedKube, latency: float, limit: asyncio.Semaphore) -> None:
        self._server, self._latency, self._connections = server, latency, limit
        self.requests = 0

    def __getattr__(self, name: str) -> Any:
        async def send(*arguments: Any, **options: Any) -> Any:
            return await self._sent(lambda: getattr(self._server, name)(*arguments, **options))

        return send

    async def pages(
        self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None
    ) -> AsyncIterator[ObjectList]:
        yield await self.list(kind, namespace, labels=labels)

    async def list(self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None) -> ObjectList:
        return await self._sent(lambda: self._server.list(kind, namespace, labels=labels))

    async def _sent(self, action: Callable[[], Awaitable[T]]) -> T:
        async with self._connections:
            self.requests += 1
            await asyncio.sleep(self._latency / 2)
            done = await action()
            await asyncio.sleep(self._latency / 2)
            return done


class Pods:
    """Each Job runs at once, for so many seconds; what ends is followed by the next Job."""

    def __init__(self, server: EmbeddedKube, seconds: float, spread: float = 0.0) -> None:
        """``spread``: the longest run takes so much longer than ``seconds``, relative to it."""
        self._server, self._seconds, self._spread = server, seconds, spread
        self.started: defaultdict[str, list[float]] = defaultdict(list)
        """By sweep: when its Jobs started."""
        self.ended: defaultdict[str, list[float]] = defaultdict(list)
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, job: Object) -> None:
        task = asyncio.get_running_loop().create_task(self._run(job))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, job: Object) -> None:
        namespace, name, began = job["metadata"]["namespace"], job["metadata"]["name"], clock.now().isoformat()
        sweep = job["metadata"]["labels"][SWEEP_LABEL]
        self.started[sweep].append(clock.seconds())
        template = job["spec"]["template"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
        meta = {
            "name": f"{name}-0",
            "namespace": namespace,
            "labels": {**template["metadata"]["labels"], "job-name": name},
            "finalizers": template["metadata"].get("finalizers") or [],
            "ownerReferences": [{**owner, "controller": True}],
        }
        pod = await self._server.create(Kind.POD, {"metadata": meta, "spec": template["spec"]})
        await self._status(pod, "Running", {"running": {"startedAt": began}})
        await asyncio.sleep(self._seconds * (1 + self._spread * share_of(name)))
        self.ended[sweep].append(clock.seconds())
        end = {"exitCode": 0, "reason": "Completed", "message": '{"metrics": {"reward": 1.0}}'}
        end |= {"startedAt": began, "finishedAt": clock.now().isoformat()}
        pod = await self._server.get(Kind.POD, namespace, f"{name}-0")
        await self._status(pod, "Succeeded", {"terminated": end})
        job = await self._server.get(Kind.JOB, namespace, name)
        complete = {"type": "Complete", "status": "True", "reason": "Completed"}
        job["status"] = {"conditions": [complete], "startTime": began, "completionTime": clock.now().isoformat()}
        await self._server.update_status(Kind.JOB, job)

    async def _status(self, pod: Object, phase: str, state: Object) -> None:
        pod["status"] = {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]}
        await self._server.update_status(Kind.POD, pod)


class Cluster:
    """The server, its pods, and the engine that follows it."""

    def __init__(
        self,
        latency: float,
        seconds: float,
        connections: int,
        *,
        kube: Callable[[Distant], Distant] = lambda kube: kube,
        spread: float = 0.0,
    ) -> None:
        """``kube``: what the engine sends its requests to, around the one that is far away."""
        # The server is in this process, too: what it keeps must not look like a leak of the engine.
        self.server = EmbeddedKube(None, clock=clock.whole_now, admission=admit, max_events=500)
        self.pods = Pods(self.server, seconds, spread)
        self.kube = kube(Distant(self.server, latency, asyncio.Semaphore(connections)))
        settings = Settings(
            config=OperatorConfig(),
            now=clock.now,
            monotonic=clock.seconds,
            require_image=False,
            status_delay=2.0,
        )
        self.engine = Engine(self.kube, Sequence(), NoWarmStart(), settings)

    async def __aenter__(self) -> Self:
        await self.engine.audit()
        self._tasks = [asyncio.create_task(self._follow(kind)) for kind in WATCHED]
        self._tasks.append(asyncio.create_task(self.engine.run()))
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [*self._tasks, *self.pods.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.engine.close()
        self.server.close()

    async def apply(self, name: str, runs: int, parallel: int, namespace: str = NS, **spec: Any) -> None:
        """Create a Sweep of so many runs."""
        limits = {"maxRuns": runs, "maxParallelRuns": parallel}
        body = {"limits": limits, "train": {"image": "i", "command": ["train"]}, "eval": None, **spec}
        await self.server.create(Kind.SWEEP, sweep_body(name, metadata={"namespace": namespace}, **body))

    async def until_started(self, name: str, runs: int) -> None:
        """Wait for so many Jobs of a Sweep."""
        while len(self.pods.started[name]) < runs:
            await asyncio.sleep(1)

    def gaps(self, name: str, parallel: int) -> list[float]:
        """Seconds from each end of a run to the Job that takes its slot."""
        started, ended = self.pods.started[name], self.pods.ended[name]
        return [start - end for start, end in zip(started[parallel:], ended, strict=False)]

    async def _follow(self, kind: Kind) -> None:
        async for event in self.server.watch(kind, None, resource_version=0):
            if kind == Kind.JOB and event.type == "ADDED":
                self.pods.start(event.object)
            labels = event.object["metadata"].get("labels") or {}
            if labels.get(MANAGED_BY_LABEL) == MANAGED_BY or kind in (Kind.SWEEP, Kind.SWEEP_RUN):
                loop = asyncio.get_running_loop()
                loop.call_later(EVENT_SECONDS, self._deliver, kind, event.object, event.type == "DELETED")

    def _deliver(self, kind: Kind, obj: Object, deleted: bool) -> None:
        self.engine.apply(kind, obj, deleted=deleted)


def report(sizes: list[tuple[int, int]], methods: list[str], latency: float, seconds: float, connections: int) -> None:
    """One table, with a row for each (runs, parallel runs) and method."""
    print(f"One sweep with runs of {seconds:g} s, {1e3 * latency:g} ms per request, virtual time:\n")
    print(header())
    for (runs, parallel), method in itertools.product(sizes, methods):
        print(row_of(runs, parallel, method, latency, seconds, connections), flush=True)


def row_of(
    runs: int,
    parallel: int,
    method: str = "bayes",
    latency: float = 0.005,
    seconds: float = 2.0,
    connections: int = 128,
) -> str:
    """Its row. The optimizer answers at once, whatever the method: it decides how many suggestions are at hand."""
    cpu = time.process_time()
    used, gaps, requests, elapsed = clock.run(_measure(parallel, runs, method, latency, seconds, connections))
    cpu = time.process_time() - cpu
    at = statistics.quantiles(gaps, n=100)
    waits = (f"{at[49]:.2f}", f"{at[98]:.2f}", f"{max(gaps):.2f}")
    rates = (f"{runs / elapsed:.1f}", f"{used:.0%}")
    return row(
        f"virtual time, {method}",
        f"{runs:,}",
        parallel,
        *rates,
        *waits,
        0,
        f"{requests / runs:.1f}",
        f"{cpu / runs:.4f}",
    )


async def _measure(
    parallel: int, runs: int, method: str, latency: float, seconds: float, connections: int
) -> tuple[float, list[float], int, float]:
    """(share of the slots used until the last Job starts, seconds from each end to the Job that takes its slot,
    requests, seconds)"""
    async with Cluster(latency, seconds, connections) as cluster:
        await cluster.apply("s", runs, parallel, method=method)
        await cluster.until_started("s", runs)
    started = cluster.pods.started["s"]
    last = started[-1]
    used = sum(min(last, at + seconds) - at for at in started) / (last * parallel)
    return used, cluster.gaps("s", parallel), cluster.kube.requests, last
