"""What progress reports cost, in virtual time: the same sweep with and without them."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sweep_operator.kube.protocol import Kind, LogPart, Object
from tests.bench.scale.shape import Cluster, Distant
from tests.fuzz import clock

REPORT_SECONDS = 1.0
"""Seconds between two reports of a run."""
COLUMNS = (
    "reports", "runs", "parallel", "end to next Job p50, s", "p99", "max", "status writes per run",
    "per run and minute", "log requests per second", "at most in one second", "CPU s/run",
)  # fmt: skip


class Reporting(Distant):
    """The server far away, whose pods report once per second."""

    def __init__(self, other: Distant) -> None:
        super().__init__(other._server, other._latency, other._connections)
        self.asked: list[float] = []
        """When logs were asked for."""
        self.writes: Counter[Kind] = Counter()
        """Writes of statuses."""

    async def follow_log(
        self, namespace: str, pod: str, position: str = "", *, limit: int, last: bool = False, skip: bool = False
    ) -> LogPart:
        """The reports since then. They are far below the limit."""
        self.asked.append(clock.seconds())
        return await self._sent(lambda: self._log(namespace, pod, int(position or 0)))

    async def _log(self, namespace: str, pod: str, known: int) -> LogPart:
        (container,) = (await self._server.get(Kind.POD, namespace, pod))["status"]["containerStatuses"]
        (state,) = container["state"].values()
        end = datetime.fromisoformat(state["finishedAt"]) if "finishedAt" in state else clock.now()
        steps = int((end - datetime.fromisoformat(state["startedAt"])).total_seconds() / REPORT_SECONDS)
        lines = [f'SWEEP_REPORT {{"step": {step}, "reward": {1 - 1 / step}}}' for step in range(known + 1, steps + 1)]
        return LogPart("\n".join(lines), False, clock.now().timestamp(), str(steps), str(steps), more=False)

    async def update_status(self, kind: Kind, body: Object) -> Any:
        """Counted."""
        self.writes[kind] += 1
        return await self._sent(lambda: self._server.update_status(kind, body))


@dataclass(frozen=True)
class Seen:
    """One sweep. gaps: seconds from each end of a run to the Job that takes its slot."""

    gaps: list[float]
    seconds: float
    writes: int
    asked: list[float] = field(default_factory=list)

    @property
    def most(self) -> int:
        """The most requests of logs in one second."""
        return max(Counter(map(int, self.asked)).values(), default=0)


def report(sizes: list[tuple[int, int]], latency: float, seconds: float, connections: int) -> None:
    """One table, with a pair of rows for each (runs, parallel runs)."""
    span = f"{seconds:g} to {2 * seconds:g} s"
    print(f"One sweep with runs of {span}, {1e3 * latency:g} ms per request, virtual time:\n")
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for runs, parallel in sizes:
        for reports in (False, True):
            began = time.process_time()
            seen = clock.run(measure(runs, parallel, reports, latency, seconds, connections))
            print(_row(seen, runs, parallel, reports, seconds, time.process_time() - began), flush=True)


async def measure(runs: int, parallel: int, reports: bool, latency: float, seconds: float, connections: int) -> Seen:
    """One sweep, until its last Job starts."""
    async with Cluster(latency, seconds, connections, kube=Reporting, spread=1.0) as cluster:
        kube = cluster.kube
        assert isinstance(kube, Reporting)
        train = {"image": "i", "command": ["train"], **({"reports": {"maxStep": 10_000}} if reports else {})}
        await cluster.apply("s", runs, parallel, train=train)
        await cluster.until_started("s", runs)
        return Seen(cluster.gaps("s", parallel), clock.seconds(), kube.writes[Kind.SWEEP_RUN], kube.asked)


def _row(seen: Seen, runs: int, parallel: int, reports: bool, seconds: float, cpu: float) -> str:
    at = statistics.quantiles(seen.gaps, n=100)
    minutes = 1.5 * seconds / 60
    cells = (
        "yes" if reports else "no", f"{runs:,}", parallel, f"{at[49]:.2f}", f"{at[98]:.2f}", f"{max(seen.gaps):.2f}",
        f"{seen.writes / runs:.2f}", f"{seen.writes / runs / minutes:.2f}", f"{len(seen.asked) / seen.seconds:.1f}",
        seen.most, f"{cpu / runs:.4f}",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"
