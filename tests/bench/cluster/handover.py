"""From a finished run to the next run's Job, and the writes of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sweep_operator.api.names import STAGE_LABEL
from tests.bench.cluster.memory import Footprint
from tests.bench.cluster.news import News
from tests.cluster.audit import counted, still, writes
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import Object
from tests.cluster.operator_process import Operator
from tests.cluster.sweeps import check_ended_well, condition, sweep

NAME = "handover"
"""Of every Sweep."""


@dataclass(frozen=True)
class Shape:
    """A sweep to measure."""

    method: str
    evaluated: bool
    """With an evaluation, and so with a claim; else a training alone."""
    shortest: int
    longest: int
    """Seconds of a stage, at random between them as trainings are: else all runs end at once."""


@dataclass(frozen=True)
class Handover:
    """One sweep, run to its end. Seconds from the end of a run's last pod to what follows it."""

    shape: Shape
    runs: int
    to_run: list[float]
    """To the next SweepRun: the optimizer's part, and the record of the result."""
    to_job: list[float]
    writes: dict[str, int]
    operator_cpu_seconds: float
    memory: Footprint

    def row(self) -> dict[str, Any]:
        """Its figures."""
        stages = "train, eval, a claim" if self.shape.evaluated else "train"
        return {
            "method": self.shape.method,
            "stages": f"{stages}; {self.shape.shortest}-{self.shape.longest} s",
            "runs": self.runs,
            "sweeprun_p50_s": float(np.percentile(self.to_run, 50)),
            "job_p50_s": float(np.percentile(self.to_job, 50)),
            "job_p99_s": float(np.percentile(self.to_job, 99)),
            "job_max_s": max(self.to_job),
            "writes_per_run": sum(self.writes.values()) / self.runs,
            "writes": {kind: count / self.runs for kind, count in sorted(self.writes.items())},
            "operator_cpu_s_per_run": self.operator_cpu_seconds / self.runs,
            **self.memory.row(),
        }


def measure(cluster: Cluster, operator: Operator, shape: Shape, *, count: int, parallel: int) -> Handover:
    """A sweep of ``count`` runs in the operator's namespace; the operator runs already, and goes on running."""
    name, namespace = NAME, operator.namespace
    stages: dict[str, Any] = {"eval": {"command": ["python", "eval.py"]}} if shape.evaluated else {}
    body = sweep(
        name,
        method=shape.method,
        limits={"maxRuns": count, "maxParallelRuns": parallel},
        env={"TEST_SECONDS": f"{shape.shortest}s", "TEST_SECONDS_UP_TO": f"{shape.longest}s"},
        **stages,
    )
    last = "eval" if shape.evaluated else "train"
    with (
        News(cluster, "sweeps", namespace) as sweeps,
        News(cluster, "sweepruns", namespace) as runs,
        News(cluster, "jobs", namespace) as jobs,
        News(cluster, "pods", namespace) as pods,
    ):
        cluster.apply(body, namespace)
        sweeps.until(
            lambda s: condition(s).get("reason") == "MaxRunsReached",
            seconds=60 + 10.0 * shape.longest * count / parallel,
        )
        memory = Footprint.of(operator)
        finished = list(pods.first(lambda p: _stage(p) == last and p["status"].get("phase") == "Succeeded").values())
        made = list(runs.first(lambda _: True).values())
        launched = list(jobs.first(lambda j: _stage(j) == "train").values())
    cluster.until(lambda: still(cluster, namespace), "the last write is made")
    check_ended_well(cluster, namespace, name, count)
    return Handover(
        shape,
        count,
        to_run=_from_each(finished, made, parallel),
        to_job=_from_each(finished, launched, parallel),
        writes=dict(counted(writes(cluster, user=operator.account))),
        operator_cpu_seconds=memory.cpu_seconds,
        memory=memory,
    )


def _from_each(finished: list[float], begun: list[float], parallel: int) -> list[float]:
    """Seconds from each end to what it made room for: the n-th end is answered by the (parallel + n)-th beginning."""
    assert len(finished) == len(begun)
    return [begin - end for end, begin in zip(finished, begun[parallel:], strict=False)]


def _stage(obj: Object) -> str:
    return str(obj["metadata"]["labels"].get(STAGE_LABEL, ""))
