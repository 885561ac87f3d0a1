"""How long runs have waited to start."""

from __future__ import annotations

from datetime import UTC, datetime

from sweep_operator.api.names import RUN_LABEL
from sweep_operator.kube.protocol import Object
from sweep_operator.runtime.waits import longest_waits

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def run(name: str, created: str, reason: str | None, status: str = "Unknown", namespace: str = "a") -> Object:
    conditions = [] if reason is None else [{"type": "Succeeded", "status": status, "reason": reason}]
    meta = {"name": name, "namespace": namespace, "creationTimestamp": f"2026-01-01T{created}Z"}
    return {"metadata": meta, "status": {"conditions": conditions}}


def job(of: str | None, created: str, namespace: str = "a") -> Object:
    labels = {} if of is None else {RUN_LABEL: of}
    return {"metadata": {"namespace": namespace, "creationTimestamp": f"2026-01-01T{created}Z", "labels": labels}}


def test_the_longest_wait_of_each_namespace_and_state() -> None:
    runs = [
        run("one", "10:00:00", "Unschedulable"),
        run("two", "11:00:00", "Unschedulable"),
        run("other", "11:59:00", "Unschedulable", namespace="b"),
        run("new", "11:59:30", None),
        run("works", "08:00:00", "Training"),
        run("tries", "08:00:00", "Evaluating"),
        run("done", "08:00:00", "Completed", "True"),
        run("failed", "08:00:00", "OOMKilled", "False"),
        run("ahead", "13:00:00", "Scheduling"),
    ]
    jobs = [job(None, "09:00:00"), job("other", "07:00:00", namespace="a")]
    assert longest_waits(runs, jobs, NOW) == {
        ("a", "Unschedulable"): 7200.0,
        ("b", "Unschedulable"): 60.0,
        ("a", "Pending"): 30.0,
        ("a", "Scheduling"): 0.0,  # a server's clock that is ahead of ours
    }


def test_a_retry_waits_since_its_own_job() -> None:
    jobs = [job("one", "09:00:00"), job("one", "11:50:00"), job("one", "10:00:00")]
    assert longest_waits([run("one", "08:00:00", "ContainerCreating")], jobs, NOW) == {
        ("a", "ContainerCreating"): 600.0
    }
