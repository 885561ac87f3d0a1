"""Sweeps of many runs: `python -m tests.bench.cluster.many [--runs 5000] [--parallel 500] [--methods bayes random]`.

Nodes and pods are played by KWOK; the control plane is real and shares the machine with the operator. With --bare, a
loop that decides nothing writes the same objects afterwards. With --kills, the operator is killed that many times; then
every run must exist once, with one Job.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tests.bench.cluster.bare import Sample, runs_per_second
from tests.bench.cluster.memory import Footprint
from tests.bench.cluster.timeline import Timeline, at
from tests.bench.table import header, row
from tests.builders import X
from tests.cluster.cluster import Cluster
from tests.cluster.fixtures import started
from tests.cluster.kubectl import Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import condition, created_jobs, runs, sweep

NODES = 8
LEASE_SECONDS = 10


class Memory:
    """The highest memory of the operator's processes, and its CPU time, while the block runs."""

    def __init__(self, operator: Operator) -> None:
        self._operator, self._over = operator, threading.Event()
        self.main_mb = self.children_mb = self.cpu_seconds = 0.0

    def __enter__(self) -> Memory:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(2.0):
            try:
                now = Footprint.of(self._operator)
            except psutil.Error:  # it was killed
                continue
            self.main_mb, self.children_mb = max(self.main_mb, now.main_rss_mb), max(self.children_mb, now.child_rss_mb)
            self.cpu_seconds = now.cpu_seconds


@contextmanager
def place() -> Iterator[Cluster]:
    """A cluster with enough nodes for 500 pods at once."""
    # compiling torch's files again at each start takes ten times as long as importing them; no installation does that
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder, started(lambda: Cluster(Path(folder))) as cluster:
        for number in range(1, NODES):
            cluster.add_node(f"node-{number}")
        yield cluster


def body(name: str, method: str, runs: int, parallel: int, seconds: float, **spec: Any) -> dict[str, Any]:
    """A Sweep of four parameters."""
    limits = {"maxRuns": runs, "maxParallelRuns": parallel}
    env = {"TEST_SECONDS": f"{seconds:g}s"}
    return sweep(name, method=method, parameters=dict.fromkeys("abcx", X), limits=limits, env=env, **spec)


def until_ended(cluster: Cluster, operator: Operator, seconds: float) -> None:
    """Until every Sweep has all of its runs. A look costs the API server little."""
    deadline = time.monotonic() + seconds
    while open_ := [s for s in cluster.list("sweeps", operator.namespace) if not _has_ended(s)]:
        assert operator.process is not None
        if time.monotonic() > deadline or operator.process.exit_code is not None:
            raise TimeoutError(f"{len(open_)} Sweeps have not ended: {open_[0]['status']}:\n{operator.process.tail()}")
        time.sleep(1)


def _has_ended(sweep: Object) -> bool:
    return condition(sweep).get("reason") == "MaxRunsReached"


def measure(cluster: Cluster, operator: Operator, args: argparse.Namespace, method: str) -> tuple[Timeline, str]:
    """One sweep to its end: its timeline, and its row."""
    namespace, began = operator.namespace, datetime.now(UTC)
    cluster.apply(body(method, method, args.runs, args.parallel, args.seconds), namespace)
    with Memory(operator) as memory:
        _kill(operator, args.kills, args.every)
        until_ended(cluster, operator, args.patience)
    found = check_each_once(cluster, operator, method, args.runs)
    seen = Timeline.of(cluster, namespace, operator.account, f"{method}-r-", began)
    fallbacks = sum(run["spec"]["origin"] == "fallback" for run in found)
    gaps = seen.gaps(args.parallel)
    return seen, row(
        method + (f", killed {args.kills} times" if args.kills else ""),
        f"{args.runs:,}",
        args.parallel,
        f"{args.runs / seen.seconds(began.timestamp()):.1f}",
        f"{seen.slots_used(args.parallel):.0%}",
        *(f"{at(gaps, percent):.2f}" for percent in (50, 99, 100)),
        fallbacks,
        f"{sum(seen.sent.values()) / args.runs:.1f}",
        f"{memory.cpu_seconds / args.runs:.3f}",
        f"{memory.main_mb:.0f}",
        f"{memory.children_mb:.0f}",
        _report(cluster, namespace, method),
    )


def check_each_once(cluster: Cluster, operator: Operator, name: str, count: int) -> list[Object]:
    """The runs: so many, each with an index of its own, a Job for each attempt, and the score of its own parameters.

    A process that is killed between the reservation of indices and the creation of their runs leaves a gap. A node that
    KWOK keeps alive too slowly loses its pods: then a run has another attempt.
    """
    found = runs(cluster, operator.namespace, name)
    assert len({run["spec"]["index"] for run in found}) == len(found) == count
    for run in found:
        assert condition(run)["status"] == "True", run["status"]
        assert run["status"]["score"] == run["spec"]["parameters"]["x"]
    attempts = {run["metadata"]["uid"]: run["status"]["train"]["attempt"] for run in found}
    _check_jobs(cluster, operator, attempts)
    status = cluster.get("sweep", name, operator.namespace)["status"]["runs"]
    assert status["succeeded"] == status["created"] == count
    return found


def _check_jobs(cluster: Cluster, operator: Operator, attempts: dict[str, int]) -> None:
    """A Job for each attempt of each run, by uid of the run, and none created twice.

    The audit log has no success for a write whose client was killed meanwhile, so it cannot be the list of all Jobs.
    """
    jobs = cluster.list("jobs", operator.namespace)
    assert Counter(job["metadata"]["ownerReferences"][0]["uid"] for job in jobs) == attempts
    created = created_jobs(cluster, operator.account, operator.namespace)
    assert len(created) == len(set(created))
    assert {*created} <= {job["metadata"]["name"] for job in jobs}


def _kill(operator: Operator, times: int, every: float) -> None:
    for _ in range(times):
        time.sleep(every * (0.5 + random.random()))
        operator.kill()
        operator.start()


def _report(cluster: Cluster, namespace: str, name: str) -> str:
    """How long `kubectl sweep report` takes, and the size of the page."""
    program, page = Path(sys.executable).with_name("kubectl-sweep"), cluster.folder / f"{name}.html"
    began = time.monotonic()
    options = [f"--kubeconfig={cluster.kubeconfig}", f"--namespace={namespace}", f"--output={page}"]
    subprocess.run([program, "report", name, *options], check=True, capture_output=True)
    return f"{time.monotonic() - began:.1f} s, {page.stat().st_size / 2**20:.1f} MB"


def bare(cluster: Cluster, operator: Operator, args: argparse.Namespace, seen: Timeline, of: str) -> None:
    """Rows of the loop, after the sweep ``of``; the operator is stopped."""
    operator.stop()
    namespace = operator.namespace
    run = cluster.get("sweeprun", f"{of}.r.0", namespace)
    job = cluster.get("job", run["status"]["train"]["jobName"], namespace)
    sample = Sample(run, job, {what: count / args.runs for what, count in seen.sent.items()})
    for concurrency in args.bare:
        name = f"bare-{concurrency}"
        cluster.apply(body(name, "random", args.runs, 1, args.seconds, suspend=True), namespace)
        owner = cluster.get("sweep", name, namespace)
        loop = runs_per_second(
            operator.kubeconfig, owner, sample, runs=args.bare_runs, parallel=args.parallel, concurrency=concurrency
        )
        rate = asyncio.run(loop)
        seen = Timeline.of(cluster, namespace, operator.account, f"{name}-r-")
        gaps = seen.gaps(args.parallel)
        print(
            row(
                f"bare loop, {concurrency} writes at once",
                f"{args.bare_runs:,}",
                args.parallel,
                f"{rate:.1f}",
                f"{seen.slots_used(args.parallel):.0%}",
                *(f"{at(gaps, percent):.2f}" for percent in (50, 99, 100)),
            ),
            flush=True,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--parallel", type=int, default=500)
    parser.add_argument("--methods", nargs="+", default=["random", "bayes"], choices=["random", "sobol", "bayes"])
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run")
    parser.add_argument("--bare", nargs="*", type=int, default=[], help="concurrencies of the bare loop")
    parser.add_argument("--bare-runs", type=int, default=500)
    parser.add_argument("--kills", type=int, default=0, help="of the operator")
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two kills, on average")
    parser.add_argument("--patience", type=float, default=3600.0, help="seconds for one sweep")
    parser.add_argument("--no-header", action="store_true", help="print the rows only")
    args = parser.parse_args(arguments)
    if not args.no_header:
        print(header(), flush=True)
    with place() as cluster:
        for number, method in enumerate(args.methods, 1):
            with Operator(cluster, cluster.namespace(), f"--lease-seconds={LEASE_SECONDS}") as operator:
                seen, line = measure(cluster, operator, args, method)
                print(line, flush=True)
                if number == len(args.methods) and args.bare:
                    bare(cluster, operator, args, seen, method)


if __name__ == "__main__":
    main()
