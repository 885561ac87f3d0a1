"""Before an attempt is ended without a result, its Job and its pods are read from the API server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.plan import DeleteJob, Look
from sweep_operator.decide.sweep import decide
from tests.decide.given import after, at, ended, job, pod, reason, snapshot, started, sweep

RESULT = '{"metrics": {"reward": 7}}'
DEADLINE = {"image": "i", "command": ["train"], "deadlineSeconds": 10}

Case = tuple[Sweep, SweepRun, list[JobView], list[PodView], float]


def case(what: str) -> Case:
    spec: dict[str, Any] = {}
    jobs, changes, now = True, {}, 30.0
    match what:
        case "stop":
            spec = {"stop": True}
        case "suspend":
            spec = {"suspend": True, "suspendPolicy": "terminate"}
        case "timeout":
            spec = {"train": DEADLINE}
        case "pending":
            changes, now = {"phase": "Pending", "started": None}, 1e6
        case "lost node":
            changes, now = {"deletion_requested": at(2), "deletion_due": at(3)}, 1e6
        case "failed without a container":
            changes = {"phase": "Failed", "reason": "Evicted"}
        case "vanished":
            jobs = False
    of = sweep(**spec)
    run = started(sweep(**{field: value for field, value in spec.items() if field == "train"}))
    if what == "run stopped":
        run = run.with_(spec=run.spec.with_(stop=True))
    if what == "vanished":
        train = run.status.train.with_(start_time=at(1))
        run = run.with_(status=run.status.with_(train=train))
    return of, run, [job(run)] if jobs else [], [pod(run, **changes)] if jobs else [], now


CASES = (
    "stop", "suspend", "timeout", "pending", "lost node", "failed without a container", "run stopped", "vanished",
)  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_nothing_is_recorded_before_the_look_and_the_attempt_after_it(what: str) -> None:
    of, run, jobs, pods, now = case(what)
    plan = decide(snapshot(of, [run], jobs, pods, now=now, looked=frozenset()))
    [own] = plan.runs
    assert own.looks == (Look("s-r-0-train-1", "train", 1),)
    assert after(plan, run).status.train == run.status.train
    assert not own.cleanup
    plan = decide(snapshot(of, [run], jobs, pods, now=now))
    assert plan.runs[0].looks == ()
    assert after(plan, run).status.train.attempts[-1].class_ != "succeeded"


@pytest.mark.parametrize("what", CASES)
def test_a_result_that_the_look_finds_counts(what: str) -> None:
    of, run, jobs, _, now = case(what)
    plan = decide(snapshot(of, [run], jobs, [ended(run, 0, RESULT, finished=at(5))], now=now))
    assert after(plan, run).succeeded


def test_a_pod_that_a_queue_evicted_may_have_a_successor_that_no_event_has_reported() -> None:
    of = sweep(stop=True)
    run = started(sweep())
    evicted = ended(run, 143, deletion_requested=at(5), deletion_due=at(35))
    plan = decide(snapshot(of, [run], [job(run, queued=True)], [evicted], looked=frozenset()))
    assert plan.runs[0].looks
    assert after(plan, run).status.train == run.status.train


def test_a_job_that_is_complete_has_a_successor_of_the_pod_that_its_queue_evicted() -> None:
    of = sweep()
    run = started(of)
    evicted = ended(run, 143, deletion_requested=at(5), deletion_due=at(35))
    complete = job(run, queued=True, finished="Complete")
    plan = decide(snapshot(of, [run], [complete], [evicted], looked=frozenset()))
    assert plan.runs[0].looks
    assert after(plan, run).status.train == run.status.train
    successor = ended(run, 0, RESULT, uid="b", created=at(8), finished=at(15))
    assert after(decide(snapshot(of, [run], [complete], [evicted, successor])), run).succeeded


def test_a_rank_that_no_event_has_reported_may_still_run() -> None:
    of = sweep(train={"image": "i", "command": ["train"], "nodes": 2})
    run = started(of)
    first = ended(run, 0, "garbage")
    plan = decide(snapshot(of, [run], [job(run)], [first], looked=frozenset()))
    assert plan.runs[0].looks
    assert after(plan, run).status.train == run.status.train
    other = pod(run, rank=1, name="other", uid="other")
    assert not after(decide(snapshot(of, [run], [job(run)], [first, other])), run).status.train.attempts


def test_a_container_that_has_ended_needs_no_look() -> None:
    of = sweep()
    run = started(of)
    plan = decide(snapshot(of, [run], [job(run)], [ended(run, 1)], looked=frozenset()))
    assert plan.runs[0].looks == ()
    assert after(plan, run).status.train.attempts[-1].class_ == "crash"


@pytest.mark.parametrize(("changed", "why"), [({}, "Completed"), ({"fixed": {"y": 1}}, "TemplateLost")])
def test_a_result_counts_when_its_run_is_stopped_and_the_controller_revision_is_lost(
    changed: dict[str, Any], why: str
) -> None:
    run = started(sweep())
    snap = snapshot(sweep(stop=True, **changed), [run], [job(run)], [ended(run, 0, RESULT)])
    assert reason(after(decide(replace(snap, revisions={})), run)) == why


def test_the_result_of_rank_0_counts_when_a_run_is_stopped_before_the_other_ranks_end() -> None:
    of = sweep(stop=True)
    run = started(sweep())
    pods = [ended(run, 0, RESULT), pod(run, rank=1, name="other", uid="other")]
    plan = decide(snapshot(of, [run], [job(run)], pods))
    assert after(plan, run).succeeded


def test_eval_waits_until_the_job_of_a_queue_cannot_replace_the_pod_of_train() -> None:
    of = sweep(eval={"image": "i", "command": ["eval"]})
    run = started(of)
    evicted = ended(run, 0, "{}", finished=at(5), deletion_requested=at(10), deletion_due=at(40), uid="evicted")
    finished = job(run, queued=True, finished="Complete")
    assert after(decide(snapshot(of, [run], [finished], [evicted])), run).status.eval.attempt == 1
    plan = decide(snapshot(of, [run], [job(run, queued=True)], [evicted]))
    trained = after(plan, run)
    assert (trained.status.train.attempts[-1].class_, trained.status.eval.attempt) == ("succeeded", 0)
    assert isinstance(plan.runs[0].cleanup[0], DeleteJob)
    [gone] = decide(snapshot(of, [trained], [], [], looked=frozenset())).runs
    assert (gone.looks, gone.updated.status.eval.attempt) == ((Look("s-r-0-train-1", "train", 1),), 0)
    replacement = pod(run, uid="replacement")
    assert after(decide(snapshot(of, [trained], [], [replacement])), run).status.eval.attempt == 0
    assert after(decide(snapshot(of, [trained], [], [])), run).status.eval.attempt == 1
