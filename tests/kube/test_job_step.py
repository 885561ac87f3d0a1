"""The next step of the Job controller, as a table: for a Job and its pods, what is created, deleted and reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sweep_operator.api.names import INDEX_ANNOTATION
from sweep_operator.kube.embedded.job_step import Step, next_step
from sweep_operator.kube.protocol import Object

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(status: Object | None = None, **spec: Any) -> Object:
    return {"metadata": {"name": "j", "uid": "job"}, "spec": {"backoffLimit": 0, **spec}, "status": status or {}}


def pod(phase: str = "Pending", *, index: int | None = None, uid: str = "", leaving: bool = False) -> Object:
    meta: Object = {"name": f"p-{uid or index}", "uid": uid or f"pod-{index or 0}"}
    if index is not None:
        meta["annotations"] = {INDEX_ANNOTATION: str(index)}
    if leaving:
        meta["deletionTimestamp"] = NOW.isoformat()
    return {"metadata": meta, "status": {"phase": phase}}


def conditions(step: Step) -> dict[str, str]:
    return {c["type"]: c["reason"] for c in step.status.get("conditions") or [] if c["status"] == "True"}


def deleted(step: Step) -> list[str]:
    return [p["metadata"]["uid"] for p in step.delete]


TWO = {"completions": 2, "parallelism": 2, "completionMode": "Indexed"}
STARTED = {"indexes": {"0": "Created"}, "startTime": NOW.isoformat()}
BOTH = {"indexes": {"0": "Created", "1": "Created"}, "startTime": NOW.isoformat()}


@pytest.mark.parametrize(
    ("what", "given", "pods", "create", "delete", "said"),
    [
        ("a new Job gets its pod", job(), [], (0,), [], {}),
        ("and no second one", job(STARTED), [pod("Running")], (), [], {}),
        ("even if the status was lost", job(), [pod("Running")], (), [], {}),
        ("every index gets one", job(**TWO), [], (0, 1), [], {}),
        ("also those that a crash left out", job(**TWO), [pod(index=0)], (1,), [], {}),
        ("parallelism is a limit", job(completions=3, parallelism=2), [], (0, 1), [], {}),
        ("and is filled up", job(BOTH, completions=3, parallelism=2),
         [pod("Succeeded", index=0), pod(index=1)], (2,), [], {}),
        ("success", job(STARTED), [pod("Succeeded")], (), [], {"Complete": "CompletionsReached"}),
        ("half a success", job(BOTH, **TWO), [pod("Succeeded", index=0), pod("Running", index=1)], (), [], {}),
        ("failure", job(STARTED), [pod("Failed")], (), [],
         {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}),
        ("one rank fails: the others go first", job(BOTH, **TWO), [pod("Failed", index=0), pod("Running", index=1)],
         (), ["pod-1"], {"FailureTarget": "BackoffLimitExceeded"}),
        ("and are asked once", job(BOTH, **TWO), [pod("Failed", index=0), pod("Running", index=1, leaving=True)],
         (), [], {"FailureTarget": "BackoffLimitExceeded"}),
        ("a pod that vanished is not replaced", job(STARTED), [], (), [],
         {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}),
        ("one that had succeeded may vanish", job({**BOTH, "indexes": {"0": "Succeeded", "1": "Created"}}, **TWO),
         [pod("Succeeded", index=1)], (), [], {"Complete": "CompletionsReached"}),
        ("a suspended Job has no pod", job(suspend=True), [], (), [], {"Suspended": "JobSuspended"}),
        ("and loses the one it has", job(STARTED, suspend=True), [pod("Running")], (), ["pod-0"],
         {"Suspended": "JobSuspended"}),
        ("a pod that ended before is counted", job(STARTED, suspend=True), [pod("Succeeded")], (), [],
         {"Complete": "CompletionsReached"}),
        ("being deleted: nothing", {**job(), "metadata": {"deletionTimestamp": "x"}}, [], (), [], {}),
    ],
)  # fmt: skip
def test_steps(
    what: str, given: Object, pods: list[Object], create: tuple[int, ...], delete: list[str], said: dict[str, str]
) -> None:
    step = next_step(given, pods, NOW)
    assert (step.create, deleted(step), conditions(step)) == (create, delete, said), what


def test_a_second_look_changes_nothing() -> None:
    for given, pods in [
        (job(), [pod("Running")]),
        (job(suspend=True), []),
        (job(STARTED), [pod("Failed")]),
        (job(STARTED), [pod("Succeeded")]),
        (job(BOTH, **TWO), [pod("Failed", index=0), pod("Running", index=1, leaving=True)]),
    ]:
        first = next_step(given, pods, NOW)
        again = next_step({**given, "status": first.status}, pods, NOW + timedelta(seconds=5))
        assert again.status == first.status


def test_a_resumed_job_gets_another_pod_once_the_first_has_ended() -> None:
    suspended = next_step(job(STARTED, suspend=True), [pod("Running", uid="a")], NOW)
    assert suspended.status["active"] == 0
    assert "startTime" not in suspended.status
    resumed = job(suspended.status)
    waits = next_step(resumed, [pod("Running", uid="a", leaving=True)], NOW)
    assert waits.create == (), "podReplacementPolicy Failed"
    for left in (*([pod(phase, uid="a", leaving=True)] for phase in ("Failed", "Succeeded")), []):
        step = next_step({**resumed, "status": waits.status}, left, NOW)
        assert step.create == (0,)
        assert conditions(step) == {}
        assert step.status["startTime"] == NOW.isoformat()
    done = next_step({**resumed, "status": step.status}, [pod("Succeeded", uid="b")], NOW)
    assert conditions(done) == {"Complete": "CompletionsReached"}


def test_the_deadline_counts_from_the_start() -> None:
    limited = job(STARTED, activeDeadlineSeconds=10)
    early = next_step(limited, [pod("Running")], NOW + timedelta(seconds=9))
    assert (early.again, early.delete) == (NOW + timedelta(seconds=10), ())
    late = next_step(limited, [pod("Running")], NOW + timedelta(seconds=10))
    assert deleted(late) == ["pod-0"]
    gone = next_step({**limited, "status": late.status}, [pod("Failed")], NOW + timedelta(seconds=11))
    assert conditions(gone) == {"FailureTarget": "DeadlineExceeded", "Failed": "DeadlineExceeded"}


@pytest.mark.parametrize(
    ("ttl", "after", "expired"), [(None, 999, False), (60, 59, False), (60, 60, True), (0, 0, True)]
)
def test_finished_jobs_expire(ttl: int | None, after: int, expired: bool) -> None:
    spec = {} if ttl is None else {"ttlSecondsAfterFinished": ttl}
    failed = next_step(job(STARTED, **spec), [pod("Failed")], NOW).status
    step = next_step(job(failed, **spec), [], NOW + timedelta(seconds=after))
    assert step.expired is expired
    assert step.again == (NOW + timedelta(seconds=60) if ttl == 60 and not expired else None)
    assert "completionTime" not in failed, "as on a cluster: only of Complete Jobs"
