"""Failure classes, and the life of a run: what the Jobs and pods of an attempt become in the run's status."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.limits import FailureRule
from sweep_operator.decide.attempt import AttemptPolicy, Ended, LogReading, NeedsLog, Running, Waiting
from sweep_operator.decide.observed import PodView, ServiceView, view_pod
from sweep_operator.decide.outcome import attempt_state
from sweep_operator.decide.plan import DeleteJob, DeleteService, EnsureStage, ReleasePod, RemovePod
from sweep_operator.decide.refusal import Probe, Refusal, refuse
from tests.decide.given import (
    T0,
    after,
    at,
    decide,
    ended,
    failed,
    finished,
    job,
    pod,
    reason,
    run,
    snapshot,
    started,
    sweep,
)

GOOD = '{"metrics": {"reward": 0.5}, "cost": 7}'
RUN = run(0)


def policy(**changes: Any) -> AttemptPolicy:
    values: dict[str, Any] = {
        "stage": "train",
        "reports": True,
        "metric": "reward",
        "cost_required": False,
        "value_pattern": None,
        "failure_rules": [],
        "pending_deadline": timedelta(seconds=60),
        "deadline": None,
        "lost_after": timedelta(seconds=120),
    }
    return AttemptPolicy(**{**values, **changes})


DELETED_EARLY = {"deletion_requested": at(5)}
DELETED_LATE = {"deletion_requested": at(15)}


@pytest.mark.parametrize(
    ("pod_", "expected", "why"),
    [
        (ended(RUN, 0, GOOD), "succeeded", "Completed"),
        (ended(RUN, 0, ""), "crash", "ResultMissing"),
        (ended(RUN, 0, "hello"), "crash", "ResultInvalid"),
        (ended(RUN, 0, "[1]"), "crash", "ResultInvalid"),
        (ended(RUN, 0, '{"score": 1}'), "crash", "ResultInvalid"),
        (ended(RUN, 0, '{"reward": "high"}'), "crash", "ResultInvalid"),
        (ended(RUN, 0, '{"reward": true}'), "crash", "ResultInvalid"),
        (ended(RUN, 0, '{"reward": 1' + "0" * 400 + "}"), "crash", "ResultInvalid"),
        (ended(RUN, 0, '{"reward": 1, "x": "' + "a" * 4096), "crash", "ResultInvalid"),
        (ended(RUN, 0, "[" * 4090), "crash", "ResultInvalid"),
        (ended(RUN, 0, '{"reward": 1, "metrics": {"a": ' + "[" * 2000 + "]" * 2000 + "}}"), "crash", "ResultInvalid"),
        (ended(RUN, 0, '{"reward": NaN}'), "parameters", "NonFiniteScore"),
        (ended(RUN, 0, '{"metrics": {"reward": -Infinity}}'), "parameters", "NonFiniteScore"),
        (ended(RUN, 1), "crash", "Error"),
        (ended(RUN, 65, '{"error": "lr < 0"}'), "parameters", "BadParameters"),
        (ended(RUN, 137, terminated_reason="OOMKilled"), "parameters", "OOMKilled"),
        (ended(RUN, 137, disrupted="EvictionByEvictionAPI"), "preempted", "EvictionByEvictionAPI"),
        (ended(RUN, 0, disrupted="PreemptionByScheduler"), "preempted", "PreemptionByScheduler"),
        (ended(RUN, 0, GOOD, disrupted="PreemptionByScheduler"), "succeeded", "Completed"),
        (ended(RUN, 0, '{"reward": NaN}', disrupted="X", disrupted_at=at(30)), "parameters", "NonFiniteScore"),
        (ended(RUN, 0, "", disrupted="X", disrupted_at=at(30)), "preempted", "X"),
        (ended(RUN, 255, terminated_reason="Unknown"), "preempted", "Unknown"),
        (ended(RUN, 137, terminated_reason="ContainerStatusUnknown"), "preempted", "ContainerStatusUnknown"),
        (ended(RUN, 255, GOOD, terminated_reason="Unknown"), "succeeded", "Completed"),
        (ended(RUN, 255), "crash", "Error"),
        (ended(RUN, 255, terminated_reason="Error"), "crash", "Error"),
        (ended(RUN, 0, "", **DELETED_EARLY), "preempted", "PodDeleted"),
        (ended(RUN, 143, "", **DELETED_EARLY), "preempted", "PodDeleted"),
        (ended(RUN, 1, "", **DELETED_LATE), "crash", "Error"),
        (ended(RUN, 0, "", deletion_requested=at(11)), "preempted", "PodDeleted"),
        (ended(RUN, 143, "", deletion_requested=at(11)), "preempted", "PodDeleted"),
        (ended(RUN, 128, started=None, terminated_reason="StartError"), "infrastructure", "StartError"),
        (pod(RUN, phase="Failed", reason="NodeLost"), "preempted", "NodeLost"),
        (pod(RUN, phase="Failed", reason="OutOfcpu"), "preempted", "OutOfcpu"),
        (pod(RUN, phase="Failed", reason="OutOfnvidia.com/gpu"), "preempted", "OutOfnvidia.com/gpu"),
        (pod(RUN, phase="Failed", reason="DeadlineExceeded"), "timeout", "DeadlineExceeded"),
        (pod(RUN, phase="Failed", reason="DeadlineExceeded", started=None), "infrastructure", "DeadlineExceeded"),
    ],
)
def test_an_ended_pod_has_one_class(pod_: Any, expected: str, why: str) -> None:
    state = attempt_state(job(RUN), [pod_], policy(), {}, at(20))
    assert isinstance(state, Ended)
    assert (state.class_, state.reason) == (expected, why)
    assert (expected == "succeeded") == (state.message == "")
    assert not state.message.rstrip().endswith(":")


@pytest.mark.parametrize("code", [0, 1, 65, 137])
@pytest.mark.parametrize("stage", ["train", "eval"])
@pytest.mark.parametrize("reports", [True, False])
@pytest.mark.parametrize("text", ["[" * 4090, '{"error":' * 450, '{"a": ' * 600 + "1" + "}" * 600])
def test_deeply_nested_results_are_ordinary_failures(code: int, stage: str, reports: bool, text: str) -> None:
    pod_ = ended(RUN, code, text, stage)
    state = attempt_state(job(RUN, stage), [pod_], policy(stage=stage, reports=reports), {}, at(20))
    assert isinstance(state, Ended)
    if code == 0 and reports:
        assert (state.class_, state.reason) == ("eval" if stage == "eval" else "crash", "ResultInvalid")
        assert "levels deep" in state.message
        assert len(state.message) <= 1024


@pytest.mark.parametrize(
    ("pod_", "expected"),
    [
        (ended(RUN, 1, stage="eval"), "eval"),
        (ended(RUN, 65, stage="eval"), "parameters"),
        (ended(RUN, 0, "", stage="eval"), "eval"),
        (ended(RUN, 137, stage="eval", terminated_reason="OOMKilled"), "eval"),
        (ended(RUN, 0, '{"reward": NaN}', stage="eval"), "parameters"),
        (ended(RUN, 0, GOOD, stage="eval"), "succeeded"),
    ],
)
def test_a_failed_evaluation_has_class_eval(pod_: Any, expected: str) -> None:
    state = attempt_state(job(RUN, "eval"), [pod_], policy(stage="eval"), {}, at(20))
    assert isinstance(state, Ended)
    assert state.class_ == expected


def test_train_does_not_have_to_report_a_result_if_eval_does() -> None:
    state = attempt_state(job(RUN), [ended(RUN, 0, "not json")], policy(reports=False), {}, at(20))
    assert isinstance(state, Ended)
    assert state.class_ == "succeeded"


@pytest.mark.parametrize(
    ("code", "disrupted_at", "deleted_at", "expected"),
    [
        (0, 31, 31, "succeeded"),  # ended 20 s before its node was NotReady
        (0, 31, None, "succeeded"),
        (0, 6, 6, "succeeded"),  # within the tolerance for clock skew
        (0, 5.9, 5.9, "preempted"),  # a program that exits with 0 when it is terminated
        (0, None, 5, "preempted"),
        (0, None, 12, "succeeded"),
        (143, 12, 12, "preempted"),
        (1, 31, 31, "preempted"),
    ],
)
@pytest.mark.parametrize("reports", [True, False])
@pytest.mark.parametrize("pattern", [None, r"reward=(?P<value>\S+)"])
def test_a_program_that_ended_well_before_its_disruption_has_finished(
    code: int, disrupted_at: float | None, deleted_at: float | None, expected: str, reports: bool, pattern: str | None
) -> None:
    pod_ = ended(
        RUN,
        code,
        "" if pattern or not reports or expected == "preempted" else GOOD,
        disrupted=None if disrupted_at is None else "DeletionByTaintManager",
        disrupted_at=None if disrupted_at is None else at(disrupted_at),
        deletion_requested=None if deleted_at is None else at(deleted_at),
    )
    logs = {pod_.uid: LogReading(value="0.5")}
    state = attempt_state(job(RUN), [pod_], policy(reports=reports, value_pattern=pattern), logs, at(60))
    assert isinstance(state, Ended)
    assert state.class_ == expected


def test_the_log_of_a_disrupted_pod_that_cannot_be_read_is_not_a_failure_of_the_run() -> None:
    finished_first = ended(RUN, 0, disrupted="X", disrupted_at=at(30))
    pattern = policy(value_pattern=r"loss=(?P<value>\S+)")
    assert isinstance(attempt_state(job(RUN), [finished_first], pattern, {}, at(40)), NeedsLog)
    lost = {finished_first.uid: LogReading(error="the node does not answer")}
    state = attempt_state(job(RUN), [finished_first], pattern, lost, at(40))
    assert isinstance(state, Ended)
    assert (state.class_, state.reason) == ("preempted", "X")


def test_a_deadline_counts_from_the_start_of_main() -> None:
    limited = policy(deadline=timedelta(seconds=30))
    running = attempt_state(job(RUN), [pod(RUN)], limited, {}, at(30))
    assert isinstance(running, Running)
    assert running.until == at(31)
    state = attempt_state(job(RUN), [pod(RUN)], limited, {}, at(31))
    assert isinstance(state, Ended)
    assert state.class_ == "timeout"


def test_a_program_that_ended_in_time_is_not_a_timeout_even_if_observed_late() -> None:
    state = attempt_state(job(RUN), [ended(RUN, 0, GOOD)], policy(deadline=timedelta(seconds=30)), {}, at(1000))
    assert isinstance(state, Ended)
    assert state.class_ == "succeeded"


def test_a_wait_has_a_reason_and_ends_at_the_pending_deadline() -> None:
    stuck = pod(RUN, phase="Pending", started=None, waiting_reason="ImagePullBackOff", waiting_message="no such image")
    state = attempt_state(job(RUN), [stuck], policy(), {}, at(59))
    assert isinstance(state, Waiting)
    assert (state.reason, state.message, state.until) == ("ImagePullBackOff", "no such image", at(60))
    state = attempt_state(job(RUN), [stuck], policy(), {}, at(60))
    assert isinstance(state, Ended)
    assert (state.class_, state.reason) == ("infrastructure", "ImagePullBackOff")
    assert "no such image" in state.message


def test_time_in_a_queue_does_not_count_as_pending() -> None:
    state = attempt_state(job(RUN, suspended=True), [], policy(), {}, at(10_000))
    assert isinstance(state, Waiting)
    assert (state.reason, state.until) == ("Queued", None)


def test_a_pod_that_ended_well_counts_although_the_event_of_its_jobs_resume_is_late() -> None:
    suspended = job(RUN, suspended=True, queued=True)
    state = attempt_state(suspended, [ended(RUN, 0, GOOD)], policy(), {}, at(12))
    assert isinstance(state, Ended)
    assert state.class_ == "succeeded"
    assert isinstance(attempt_state(suspended, [ended(RUN, 1)], policy(), {}, at(12)), Waiting)


def test_a_job_resumed_by_its_queue_waits_for_its_next_pod() -> None:
    evicted = ended(RUN, 143, uid="a", deletion_requested=at(10), deletion_due=at(40))
    resumed = job(RUN, queued=True, resumed=at(5000))
    waiting = attempt_state(resumed, [evicted], policy(), {}, at(5001))
    assert isinstance(waiting, Waiting)
    assert (waiting.reason, waiting.until) == ("NoPod", at(5060))
    again = pod(RUN, uid="b", created=at(5001), started=at(5002))
    assert attempt_state(resumed, [evicted, again], policy(), {}, at(5003)) == Running(again, None)
    # the Job has failed: the pod was not evicted by a queue
    gone = attempt_state(replace(resumed, finished="Failed"), [evicted], policy(), {}, at(5001))
    assert isinstance(gone, Ended)
    assert gone.class_ == "preempted"
    # the pending deadline counts from the resumption
    until = attempt_state(resumed, [], policy(), {}, at(5001))
    assert isinstance(until, Waiting)
    assert until.until == at(5060)


def test_a_job_that_gets_no_other_pods_after_an_eviction_ends_the_attempt() -> None:
    stuck = pod(RUN, rank=1, uid="b", phase="Pending", started=None, waiting_reason="ErrImagePull")
    for evicted in (
        ended(RUN, 143, finished=at(100), deletion_requested=at(90), deletion_due=at(120)),
        pod(RUN, started=None, phase="Failed", deletion_requested=at(100), deletion_due=at(100)),
    ):
        live = job(RUN, queued=True)
        waiting = attempt_state(live, [evicted, stuck], policy(), {}, at(159))
        assert isinstance(waiting, Waiting)
        assert waiting.until == at(160)
        over = attempt_state(live, [evicted, stuck], policy(), {}, at(160))
        assert isinstance(over, Ended)
        assert (over.class_, over.reason) == ("infrastructure", "NoPod")


@pytest.mark.parametrize("suspended", [True, False])
@pytest.mark.parametrize("code", [0, 143])
def test_a_result_that_exists_counts_although_a_queue_evicted_its_pod(code: int, *, suspended: bool) -> None:
    done = ended(RUN, code, GOOD, uid="a", deletion_requested=at(5), deletion_due=at(35))
    peer = ended(RUN, 143, uid="a1", rank=1, deletion_requested=at(5), deletion_due=at(35))
    later = pod(RUN, uid="b", created=at(20), started=at(21))
    live = job(RUN, queued=True, suspended=suspended)
    for pods in ([done], [done, peer], [done, later]):
        state = attempt_state(live, pods, policy(), {}, at(30))
        assert isinstance(state, Ended)
        assert (state.class_, state.pod) == ("succeeded", done)
    no_report = policy(reports=False)
    assert isinstance(attempt_state(live, [done], no_report, {}, at(30)), Waiting)
    early = ended(RUN, 0, uid="a", finished=at(4), deletion_requested=at(5), deletion_due=at(35))
    state = attempt_state(live, [early, later], no_report, {}, at(30))
    assert isinstance(state, Ended)
    assert (state.class_, state.pod) == ("succeeded", early)


def test_a_rank_that_is_resumed_later_is_not_a_failure() -> None:
    resumed = job(RUN, queued=True, resumed=at(50))
    gone = [ended(RUN, 143, uid=f"a{n}", rank=n, deletion_requested=at(10), deletion_due=at(40)) for n in (0, 1)]
    first = pod(RUN, uid="b0", created=at(51), started=at(52))
    assert attempt_state(resumed, [*gone, first], policy(), {}, at(53)) == Running(first, None)


def test_a_pod_that_exists_long_after_its_deletion_is_on_a_lost_node() -> None:
    dying = pod(RUN, deletion_requested=at(5), deletion_due=at(35))
    assert attempt_state(job(RUN), [dying], policy(), {}, at(154)) == Running(dying, at(155))
    state = attempt_state(job(RUN), [dying], policy(), {}, at(155))
    assert isinstance(state, Ended)
    assert (state.class_, state.reason) == ("preempted", "NodeLost")
    unstarted = pod(RUN, phase="Pending", started=None, deletion_requested=at(5), deletion_due=at(35))
    assert isinstance(attempt_state(job(RUN), [unstarted], policy(), {}, at(155)), Ended)


def test_an_attempt_without_its_job_and_rank_0_ends_when_the_other_ranks_have_ended() -> None:
    dying = pod(RUN, rank=1, deletion_requested=at(5), deletion_due=at(35))
    assert attempt_state(None, [dying], policy(), {}, at(154)) == Waiting("Terminating", ANY, at(155))
    for other, now in ((dying, 155), (ended(RUN, 0, rank=1), 12)):
        state = attempt_state(None, [other], policy(), {}, at(now))
        assert isinstance(state, Ended)
        assert (state.class_, state.reason) == ("preempted", "PodVanished")


def test_a_pod_on_a_lost_node_is_removed_and_its_attempt_retried() -> None:
    s = sweep()
    live = started(s)
    dying = pod(live, deletion_requested=at(5), deletion_due=at(35))
    plan = decide(snapshot(s, [live], [job(live)], [dying], now=155))
    lost = after(plan, live)
    assert [type(a) for p in plan.runs for a in p.cleanup] == [DeleteJob, ReleasePod, RemovePod]
    assert (lost.status.train.attempt, lost.status.train.preemptions) == (1, 1)  # waits for the deletion
    again = after(decide(snapshot(s, [lost], now=156)), lost)
    assert again.status.train.attempt == 2


def test_a_run_waits_for_the_jobs_and_pods_of_an_earlier_run_with_its_name() -> None:
    s, fresh = sweep(), run(None, name="mine")
    old = {"owner_uid": "uid-of-the-old-one"}
    remains = pod(fresh, run_uid="uid-of-the-old-one")
    for jobs, pods in (([job(fresh, **old)], []), ([], [remains])):
        plan = decide(snapshot(s, [fresh], jobs, pods))
        waiting = after(plan, fresh)
        assert (reason(waiting), waiting.status.train.attempt) == ("Terminating", 0)
        assert [type(a) for a in plan.runs[0].cleanup] == [ReleasePod for _ in pods]
    # the result of the old pod is not the result of the new run
    over = ended(fresh, 0, '{"metrics": {"reward": 1}}', run_uid="uid-of-the-old-one", holds_result=False)
    begun = after(decide(snapshot(s, [fresh], [], [over])), fresh)
    assert (begun.status.train.attempt, begun.terminal) == (1, False)
    assert not after(decide(snapshot(s, [begun], [], [over])), begun).terminal


def test_a_pod_of_an_earlier_run_on_a_lost_node_is_removed() -> None:
    s, fresh = sweep(), run(None, name="mine")
    old = {"run_uid": "uid-of-the-old-one", "deletion_requested": at(5), "deletion_due": at(35)}
    plan = decide(snapshot(s, [fresh], [], [pod(fresh, **old)], now=154))
    assert (reason(after(plan, fresh)), plan.wake) == ("Terminating", at(155))
    plan = decide(snapshot(s, [fresh], [], [pod(fresh, **old)], now=155))
    assert [type(a) for a in plan.runs[0].cleanup] == [ReleasePod, RemovePod]
    done = finished(s, 0, 0.5)  # also after the end of the new run
    plan = decide(snapshot(s, [done], [], [pod(done, **{**old, "holds_result": False})], now=155))
    assert [type(a) for a in plan.runs[0].cleanup] == [RemovePod]


def test_a_job_that_an_earlier_run_left_without_an_owner_is_deleted() -> None:
    s, fresh = sweep(), run(None, name="mine")
    orphan = job(fresh, owner_uid=None, run_uid="uid-of-the-old-one")
    plan = decide(snapshot(s, [fresh], [orphan], []))
    assert [type(a) for a in plan.runs[0].cleanup] == [DeleteJob]
    assert not decide(snapshot(s, [fresh], [replace(orphan, deleting=True)], [])).runs[0].cleanup
    foreign = job(fresh, owner_uid="a-cron-job", run_uid=None)
    assert not decide(snapshot(s, [fresh], [foreign], [])).runs[0].cleanup


def test_a_job_whose_pods_have_ended_is_not_deleted() -> None:
    s = sweep()
    live = started(s)
    over = ended(live, 0, '{"metrics": {"reward": 1}}')
    plan = decide(snapshot(s, [live], [job(live)], [over]))
    assert [type(a) for a in plan.runs[0].cleanup] == [ReleasePod]
    beside = replace(over, phase="Running")  # a container beside main runs on
    plan = decide(snapshot(s, [live], [job(live)], [beside]))
    assert [type(a) for a in plan.runs[0].cleanup] == [DeleteJob, ReleasePod]


def refusal(message: str, since: float = 0, *, final: bool = False) -> Refusal:
    return refuse(message, final=final, now=at(since), before=None)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('pods "x" is forbidden: exceeded quota: q, requested: pods=1', "QuotaExceeded"),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest": ...', "PodSecurity"),
        ('pods "x" is forbidden: error looking up service account n/a: serviceaccount "a" not found',
         "ServiceAccountMissing"),
        ('jobs.batch is forbidden: namespace n because it is being terminated', "NamespaceTerminating"),
        ("jobs.batch is forbidden: User may not", "Forbidden"),
    ],
)  # fmt: skip
def test_a_run_reports_why_its_job_has_no_pod(message: str, reason: str) -> None:
    state = attempt_state(job(RUN), [], policy(), {}, at(30), refusal(message))
    assert isinstance(state, Waiting)
    assert (state.reason, state.message) == (reason, message)
    late = attempt_state(job(RUN), [], policy(), {}, at(60), refusal(message))
    if reason == "QuotaExceeded":  # waiting for quota is never a failure
        assert isinstance(late, Waiting)
    else:
        assert isinstance(late, Ended)
        assert (late.class_, late.reason) == ("infrastructure", reason)


def test_a_dry_run_finds_out_why_a_job_has_no_pod() -> None:
    s = sweep()
    live = started(s)
    early = decide(snapshot(s, [live], [job(live)], now=19))
    assert (early.wake, [p for r in early.runs for p in r.probes]) == (at(20), [])
    assert [p for r in decide(snapshot(s, [live], [job(live)], now=20)).runs for p in r.probes] == [
        Probe("s-r-0-train-1")
    ]


def test_a_rejected_job_is_retried_and_an_invalid_job_fails_the_run() -> None:
    s = sweep()
    live = started(s)
    name = "s-r-0-train-1"
    full = refusal("exceeded quota: q")
    waiting = decide(snapshot(s, [live], now=29, refusals={name: full}))
    assert (reason(after(waiting, live)), waiting.wake) == ("QuotaExceeded", at(30))
    assert not waiting.runs[0].after
    assert decide(snapshot(s, [live], now=30, refusals={name: full})).runs[0].after
    plan = decide(snapshot(s, [live], now=1, refusals={name: refusal("spec.x: wrong", final=True)}))
    dead = after(plan, live)
    assert dead.status.failure is not None
    assert (dead.status.failure.class_, dead.status.failure.reason) == ("infrastructure", "Invalid")
    forbidden = refusal("User may not create jobs")
    late = after(decide(snapshot(s, [live], now=3601, refusals={name: forbidden})), live)
    assert late.failed
    assert not after(decide(snapshot(s, [live], now=3601, refusals={name: full})), live).failed


def test_an_unschedulable_pod_is_reported() -> None:
    stuck = pod(RUN, phase="Pending", started=None, unschedulable="0/3 nodes have nvidia.com/gpu")
    state = attempt_state(job(RUN), [stuck], policy(), {}, at(1))
    assert isinstance(state, Waiting)
    assert state.reason == "Unschedulable"


@pytest.mark.parametrize(
    ("code", "matched", "expected"),
    [
        (1, {"CUDA out of memory"}, "parameters"),
        (1, set(), "crash"),
        (42, set(), "infrastructure"),
        (42, {"CUDA out of memory"}, "parameters"),
    ],
)
def test_failure_rules_are_applied_first_and_in_order(code: int, matched: set[str], expected: str) -> None:
    table = [
        FailureRule.model_validate({"logPattern": "CUDA out of memory", "class": "parameters"}),
        FailureRule.model_validate({"exitCodes": [42], "class": "infrastructure"}),
    ]
    dead = ended(RUN, code)
    asked = attempt_state(job(RUN), [dead], policy(failure_rules=table), {}, at(20))
    assert isinstance(asked, NeedsLog)
    assert asked.request.rule_patterns == ("CUDA out of memory",)
    logs = {dead.uid: LogReading(matched=frozenset(matched))}
    state = attempt_state(job(RUN), [dead], policy(failure_rules=table), logs, at(20))
    assert isinstance(state, Ended)
    assert state.class_ == expected


@pytest.mark.parametrize(
    ("reading", "expected", "why"),
    [
        (LogReading(value="0.25"), "succeeded", "Completed"),
        (LogReading(value="nan"), "parameters", "NonFiniteScore"),
        (LogReading(value="1.2.3"), "crash", "ResultInvalid"),
        (LogReading(), "crash", "ResultMissing"),
        (LogReading(error="rotated away"), "infrastructure", "LogUnreadable"),
    ],
)
def test_results_from_the_log(reading: LogReading, expected: str, why: str) -> None:
    done = ended(RUN, 0)
    pattern = policy(value_pattern=r"loss=(?P<value>\S+)")
    assert isinstance(attempt_state(job(RUN), [done], pattern, {}, at(20)), NeedsLog)
    state = attempt_state(job(RUN), [done], pattern, {done.uid: reading}, at(20))
    assert isinstance(state, Ended)
    assert (state.class_, state.reason) == (expected, why)


def test_other_numbers_of_the_log_are_metrics() -> None:
    done = ended(RUN, 0)
    reading = LogReading(value="0.25", metrics={"acc": "0.5", "grad": "nan", "note": "low", "reward": "9"})
    state = attempt_state(job(RUN), [done], policy(value_pattern="{value}"), {done.uid: reading}, at(20))
    assert isinstance(state, Ended)
    assert (state.result.score, state.result.metrics) == (0.25, {"acc": 0.5, "reward": 0.25})


@pytest.mark.parametrize(
    ("read", "required", "expected"),
    [
        ({"reward": "0.5", "cost": "1e2", "ms": "3"}, True, (0.5, 100.0, {"reward": 0.5, "ms": 3.0})),
        ({"reward": "0.5", "cost": "-1"}, False, (0.5, None, {"reward": 0.5})),
        ({"reward": "0.5", "cost": "-1"}, True, "{cost} of results.pattern found -1"),
        ({"reward": "0.5"}, True, "{cost} of results.pattern found nothing"),
        ({"ms": "3"}, False, "results.pattern matches no line"),
    ],
)
def test_the_metric_and_the_cost_of_the_log(read: dict[str, str], required: bool, expected: object) -> None:
    done = ended(RUN, 0)
    rules = policy(value_pattern="{reward}", cost_required=required)
    state = attempt_state(job(RUN), [done], rules, {done.uid: LogReading(metrics=read)}, at(20))
    assert isinstance(state, Ended)
    if isinstance(expected, str):
        assert expected in state.message
    else:
        assert (state.result.score, state.result.cost, state.result.metrics) == expected


def test_rank_zero_reports_and_any_rank_can_fail() -> None:
    lead, peer = ended(RUN, 0, GOOD), pod(RUN, rank=1, name="peer", uid="peer")
    assert isinstance(attempt_state(job(RUN), [lead, peer], policy(), {}, at(20)), Running)
    dead = ended(RUN, 1, rank=1, name="peer", uid="peer")
    state = attempt_state(job(RUN), [pod(RUN), dead], policy(), {}, at(20))
    assert isinstance(state, Ended)
    assert state.class_ == "crash"


def test_a_rank_that_never_ends_does_not_hold_the_result_of_rank_zero() -> None:
    lead = ended(RUN, 0, GOOD)
    on_lost_node = pod(RUN, rank=1, name="peer", uid="peer", deletion_requested=at(5), deletion_due=at(35))
    waiting = attempt_state(job(RUN), [lead, on_lost_node], policy(), {}, at(154))
    assert isinstance(waiting, Running)
    assert waiting.until == at(155)
    hanging = pod(RUN, rank=1, name="peer", uid="peer")
    unstarted = pod(RUN, rank=1, name="peer", uid="peer", started=None, waiting_reason="ErrImagePull")
    limited = policy(deadline=timedelta(seconds=60))
    for state in (
        attempt_state(job(RUN), [lead, on_lost_node], policy(), {}, at(155)),
        attempt_state(job(RUN), [lead, unstarted], policy(), {}, at(60)),
        attempt_state(job(RUN), [lead, hanging], limited, {}, at(61)),
    ):
        assert isinstance(state, Ended)
        assert (state.class_, state.result.score) == ("succeeded", 0.5)


def test_a_rank_that_does_not_start_fails_the_attempt_of_those_that_wait_for_it() -> None:
    unstarted = pod(RUN, rank=1, name="peer", uid="peer", started=None, waiting_reason="ErrImagePull")
    waiting = attempt_state(job(RUN), [pod(RUN), unstarted], policy(), {}, at(59))
    assert isinstance(waiting, Running)
    assert waiting.until == at(60)
    state = attempt_state(job(RUN), [pod(RUN), unstarted], policy(), {}, at(60))
    assert isinstance(state, Ended)
    assert (state.class_, state.reason) == ("infrastructure", "ErrImagePull")


# -- the life of a run ------------------------------------------------------------------------------------------------

TWO_STAGES = {"eval": {"command": ["evaluate"]}}


def test_train_then_eval_then_an_observation() -> None:
    s = sweep(**TWO_STAGES)
    live = started(s)
    assert live.status.train.attempt == 1
    assert live.status.train.job_name == "s-r-0-train-1"
    plan = decide(snapshot(s, [live], [job(live)], [ended(live, 0)]))
    trained = after(plan, live)
    assert reason(trained) == "Evaluating"
    assert trained.status.eval.attempt == 1
    assert next(a for p in plan.runs for a in p.after if isinstance(a, EnsureStage)).stage == "eval"
    assert [a for p in plan.runs for a in p.cleanup if isinstance(a, ReleasePod)]
    pods = [ended(trained, 0), ended(trained, 0, GOOD, "eval", started=at(20), finished=at(25))]
    done = after(decide(snapshot(s, [trained], [job(trained), job(trained, "eval")], pods, now=30)), trained)
    assert done.succeeded
    assert done.status.score == 0.5
    assert done.status.cost == pytest.approx(15)
    assert done.status.metrics == {"reward": 0.5}


def test_a_crash_is_retried_after_its_backoff_and_then_fails_for_good() -> None:
    s = sweep()
    live = started(s)
    crashed = after(decide(snapshot(s, [live], [job(live)], [ended(live, 1)], now=12)), live)
    assert reason(crashed) == "BackOff"
    again = after(decide(snapshot(s, [crashed], [job(live, finished="Failed")], [ended(live, 1)], now=21.5)), crashed)
    assert (again.status.train.attempt, again.status.train.node, again.status.train.pod_name) == (2, None, None)
    pods = [ended(live, 1), ended(live, 1, attempt=2, started=at(30), finished=at(40))]
    dead = after(decide(snapshot(s, [again], [job(live, attempt=2)], pods, now=41)), again)
    assert dead.failed
    assert dead.status.failure is not None
    assert dead.status.failure.class_ == "crash"
    assert dead.status.train.seconds == pytest.approx(20)


def test_preemptions_are_retried_immediately_and_counted_separately() -> None:
    s = sweep(storage={"runVolume": {"claim": {}}})
    live = started(s)
    gone = ended(live, 143, disrupted="EvictionByEvictionAPI")
    again = after(decide(snapshot(s, [live], [job(live)], [gone], now=12)), live)
    assert (again.status.train.attempt, again.status.train.preemptions, again.status.train.failures) == (2, 1, 0)
    pods = [gone, ended(live, 0, GOOD, attempt=2, started=at(20), finished=at(25))]
    done = after(decide(snapshot(s, [again], [job(live, attempt=2)], pods, now=26)), again)
    assert done.succeeded
    assert done.status.cost == pytest.approx(15), "the volume outlives the pod: interrupted work counts"


def test_lost_work_counts_in_the_cost_of_the_sweep_but_not_of_the_run() -> None:
    s = sweep(storage={"runVolume": {"emptyDir": {}}})
    live = started(s)
    gone = ended(live, 143, disrupted="EvictionByEvictionAPI")
    again = after(decide(snapshot(s, [live], [job(live)], [gone], now=12)), live)
    pods = [gone, ended(live, 0, GOOD, attempt=2, started=at(20), finished=at(25))]
    plan = decide(snapshot(s, [again], [job(live, attempt=2)], pods, now=26))
    assert after(plan, again).status.cost == pytest.approx(5)
    assert (plan.status.cost.spent, plan.status.cost.wasted) == (pytest.approx(15), pytest.approx(10))


def test_no_new_job_while_a_pod_of_an_earlier_attempt_is_terminating() -> None:
    s = sweep()
    live = started(s)
    crashed = after(decide(snapshot(s, [live], [job(live)], [ended(live, 1)], now=12)), live)
    lingering = pod(live, deletion_requested=at(5))
    waiting = decide(snapshot(s, [crashed], [], [lingering], now=100))
    assert reason(after(waiting, crashed)) == "Terminating"
    assert not [a for p in waiting.runs for a in p.after]


def test_an_attempt_in_the_status_gets_its_job_after_a_restart_of_the_operator() -> None:
    s = sweep()
    live = started(s)
    plan = decide(snapshot(s, [live]))
    assert [(a.stage, a.attempt) for p in plan.runs for a in p.after] == [("train", 1)]
    assert after(plan, live).status.train.attempt == 1


def test_a_job_that_vanished_after_its_start_counts_as_preempted() -> None:
    s = sweep()
    live = started(s)
    seen = after(decide(snapshot(s, [live], [job(live)], [pod(live)])), live)
    assert seen.status.train.start_time == at(1)
    again = after(decide(snapshot(s, [seen])), seen)
    assert (again.status.train.attempt, again.status.train.preemptions) == (2, 1)


def test_a_timeout_ends_the_job_and_keeps_its_seconds_as_a_lower_bound() -> None:
    s = sweep(train={"image": "i", "command": ["t"], "deadlineSeconds": 30})
    live = started(s)
    plan = decide(snapshot(s, [live], [job(live)], [pod(live)], now=31))
    dead = after(plan, live)
    assert dead.status.failure is not None
    assert dead.status.failure.class_ == "timeout"
    assert dead.status.cost == pytest.approx(30)
    assert [a.name for p in plan.runs for a in p.cleanup if isinstance(a, DeleteJob)] == ["s-r-0-train-1"]


@pytest.mark.parametrize(
    ("job_changes", "pod_changes", "deleted"),
    [
        ({}, {}, False),
        ({"suspended": True}, {}, True),  # its queue may resume it
        ({}, {"phase": "Running"}, True),  # main has ended, a sidecar has not
        ({}, {"phase": "Running", "containers_ended": True}, False),  # a kubelet sets the phase later
        ({}, {"deletion_requested": at(5), "deletion_due": at(35)}, True),  # a deleted pod is replaced
    ],
)
@pytest.mark.parametrize("code", [0, 65])
def test_a_recorded_job_is_deleted_unless_its_pod_has_ended(
    code: int, job_changes: dict[str, Any], pod_changes: dict[str, Any], deleted: bool
) -> None:
    s = sweep()
    live = started(s)
    over = after(decide(snapshot(s, [live], [job(live)], [ended(live, code, GOOD)])), live)
    assert over.terminal
    plan = decide(snapshot(s, [over], [job(over, **job_changes)], [ended(over, code, GOOD, **pod_changes)]))
    assert [isinstance(a, DeleteJob) for p in plan.runs for a in p.cleanup] == [*[True] * deleted, False]


@pytest.mark.parametrize("prediction", [{"cost": 8}, {"cost": 3, "costLow": 1, "costHigh": 8}])
def test_the_deadline_factor_multiplies_the_upper_end_of_the_predicted_cost(prediction: dict[str, float]) -> None:
    s = sweep(perRun={"deadlineFactor": 2})
    live = started(s, prediction=prediction)
    assert decide(snapshot(s, [live], [job(live)], [pod(live)], now=12)).wake == at(17)
    dead = after(decide(snapshot(s, [live], [job(live)], [pod(live)], now=17)), live)
    assert dead.status.failure is not None
    assert dead.status.failure.class_ == "timeout"


def test_a_foreign_job_of_that_name_fails_the_run() -> None:
    s = sweep()
    live = started(s)
    dead = after(decide(snapshot(s, [live], foreign_jobs=frozenset({"s-r-0-train-1"}))), live)
    assert dead.status.failure is not None
    assert dead.status.failure.reason == "NameConflict"


def test_stopping_a_run_ends_it_but_an_existing_result_counts() -> None:
    s = sweep()
    live = started(s)
    stopping = live.with_(spec=live.spec.with_(stop=True))
    plan = decide(snapshot(s, [stopping], [job(live)], [pod(live)]))
    dead = after(plan, stopping)
    assert dead.status.failure is not None
    assert dead.status.failure.class_ == "stopped"
    assert [a for p in plan.runs for a in p.cleanup if isinstance(a, DeleteJob)]
    done = after(decide(snapshot(s, [stopping], [job(live)], [ended(live, 0, GOOD)])), stopping)
    assert done.succeeded


def test_a_terminal_run_does_not_change() -> None:
    s = sweep()
    done = finished(s, 0, 0.5)
    plan = decide(snapshot(s, [done], [job(done, finished="Complete")], [ended(done, 1)], now=100))
    assert after(plan, done).status == done.status


def test_a_run_that_ended_under_an_earlier_version_gets_the_condition_finished() -> None:
    s = sweep()
    for done in (finished(s, 0, 0.5), failed(s, 1)):
        earlier = [c for c in done.status.conditions if c.type != "Finished"]
        old = done.with_(status=done.status.with_(conditions=earlier))
        assert after(decide(snapshot(s, [old], now=100)), old).status == done.status


def test_the_start_of_main_is_written_after_it_has_run_for_a_while() -> None:
    s = sweep()
    live = started(s)
    early = decide(snapshot(s, [live], [job(live)], [pod(live)], now=5))
    assert after(early, live).status == live.status, "a short stage is written once, at its end"
    assert early.runs[0].wake == at(11)
    later = after(decide(snapshot(s, [live], [job(live)], [pod(live)], now=11)), live)
    assert (later.status.train.start_time, later.status.train.node) == (at(1), "n1")
    assert later.status.train.pod_name == pod(live).name
    stuck = pod(live, phase="Pending", started=None, waiting_reason="ImagePullBackOff")
    waiting = after(decide(snapshot(s, [live], [job(live)], [stuck], now=3)), live)
    running = after(decide(snapshot(s, [waiting], [job(waiting)], [pod(waiting, started=at(4))], now=5)), waiting)
    assert reason(running) == "Training", "the reason of the wait is cleared immediately"


def test_the_seconds_of_a_pod_evicted_by_a_queue_are_kept() -> None:
    s = sweep()
    live = started(s)
    first = ended(live, 143, finished=at(11), deletion_requested=at(10), uid="first", name="pod-a", node="n1")
    second = pod(live, created=at(20), started=at(21), uid="second", name="pod-b", node="n2")
    for now in (35, 45):
        live = after(decide(snapshot(s, [live], [job(live)], [first, second], now=now)), live)
        assert [(a.pod_uid, a.seconds) for a in live.status.train.attempts] == [("first", 10)]
        assert live.status.train.start_time == at(21)
    named = {"uid": "second", "name": "pod-b", "node": "n2"}
    done = ended(live, 0, GOOD, created=at(20), started=at(21), finished=at(51), **named)
    live = after(decide(snapshot(s, [live], [job(live)], [first, done], now=52)), live)
    assert [(a.pod_uid, a.seconds) for a in live.status.train.attempts] == [("first", 10), ("second", 30)]
    assert [(a.pod_name, a.node) for a in live.status.train.attempts] == [("pod-a", "n1"), ("pod-b", "n2")]


def test_the_record_of_attempts_is_bounded_and_keeps_its_seconds() -> None:
    s = sweep(perRun={"retries": {"onPreemption": 100}})
    live = started(s)
    for n in range(1, 41):
        gone = ended(live, 143, attempt=n, disrupted="X", started=T0, finished=at(1), uid=f"p{n}", name=f"p{n}")
        live = after(decide(snapshot(s, [live], [job(live, attempt=n)], [gone], now=2)), live)
    assert len(live.status.train.attempts) <= 32
    assert live.status.train.seconds == pytest.approx(40)
    assert (live.status.train.attempt, live.status.train.preemptions) == (41, 40)


def test_a_finished_job_is_deleted_an_hour_after_its_result_was_recorded() -> None:
    s = sweep()
    live = started(s)
    finished_job = job(live, finished="Complete")
    done = after(decide(snapshot(s, [live], [finished_job], [ended(live, 0, GOOD)], now=5000)), live)
    assert done.succeeded, "recorded long after the end of the pod"
    over = [ended(live, 0, GOOD, holds_result=False)]
    plan = decide(snapshot(s, [done], [finished_job], over, now=8599))
    assert (plan.runs[0].cleanup, plan.wake) == ((), at(8600))
    plan = decide(snapshot(s, [done], [finished_job], over, now=8600))
    assert plan.runs[0].cleanup == (DeleteJob(finished_job.name, finished_job.uid),)
    assert not decide(snapshot(s, [done], [replace(finished_job, deleting=True)], over, now=9000)).runs[0].cleanup
    config = OperatorConfig(finished_job_seconds=10)
    assert decide(snapshot(s, [done], [finished_job], over, now=5010, config=config)).runs[0].cleanup
    # the user's ttlSecondsAfterFinished replaces the hour, for Jobs that were created without it too
    longer = sweep(ttlSecondsAfterFinished=7200)
    assert not decide(snapshot(longer, [done], [finished_job], over, now=12199)).runs[0].cleanup
    assert decide(snapshot(longer, [done], [finished_job], over, now=12200)).runs[0].cleanup


def test_the_job_of_a_finished_training_is_deleted_during_a_long_evaluation() -> None:
    s = sweep(**TWO_STAGES)
    live = started(s)
    trained = after(decide(snapshot(s, [live], [job(live)], [ended(live, 0)], now=20)), live)
    jobs = [job(trained, finished="Complete"), job(trained, "eval")]
    pods = [ended(trained, 0, holds_result=False), pod(trained, "eval", started=at(30))]
    assert not decide(snapshot(s, [trained], jobs, pods, now=3619)).runs[0].cleanup
    plan = decide(snapshot(s, [trained], jobs, pods, now=3620))
    assert [a.name for a in plan.runs[0].cleanup if isinstance(a, DeleteJob)] == ["s-r-0-train-1"]
    assert after(plan, trained).status.eval.attempt == 1
    plan = decide(snapshot(s, [trained], jobs[1:], pods[1:], now=4000))
    assert (reason(after(plan, trained)), plan.runs[0].cleanup) == ("Evaluating", ())


def test_the_job_of_a_failed_attempt_is_kept_until_the_run_ends() -> None:
    s = sweep(perRun={"retries": {"backoffSeconds": 86_400}})
    live = started(s)
    failed_job, over = job(live, finished="Failed"), ended(live, 1, holds_result=False)
    crashed = after(decide(snapshot(s, [live], [failed_job], [over], now=12)), live)
    assert not decide(snapshot(s, [crashed], [failed_job], [over], now=50_000)).runs[0].cleanup


def test_the_service_of_an_attempt_is_deleted_when_the_attempt_ends() -> None:
    s = sweep(train={"image": "i", "command": ["t"], "nodes": 2})
    live = started(s)
    service = ServiceView("s-r-0-train-1", "u", live.name, live.metadata.uid, "train", 1)
    old = ServiceView("s-r-0-train-9", "o", live.name, "uid-of-the-old-one", "train", 9)
    plan = decide(snapshot(s, [live], [job(live)], [pod(live), pod(live, rank=1)], services=(service, old)))
    assert not plan.runs[0].cleanup
    plan = decide(snapshot(s, [live], [job(live)], [ended(live, 1), pod(live, rank=1)], services=(service,)))
    assert not after(plan, live).terminal
    assert [a for a in plan.runs[0].cleanup if isinstance(a, DeleteService)] == [DeleteService(service.name, "u")]
    dead = failed(s, 0)
    plan = decide(snapshot(s, [dead], services=(service,)))
    assert plan.runs[0].cleanup == (DeleteService(service.name, "u"),)


def view(**status: Any) -> PodView:
    """The view of a pod of run s.r.0 with this status."""
    labels = {"metta.ai/run": "s.r.0", "metta.ai/stage": "train", "metta.ai/attempt": "1"}
    sidecar = {"name": "sidecar", "restartPolicy": "Always"}
    spec = {"containers": [{"name": "main"}], "initContainers": [{"name": "data"}, sidecar]}
    body = {"metadata": {"name": "p", "uid": "u", "labels": labels}, "spec": spec, "status": status}
    found = view_pod(body)
    assert found is not None
    return found


def terminated(name: str, code: int, message: str = "") -> dict[str, Any]:
    return {"name": name, "state": {"terminated": {"exitCode": code, "reason": "Error", "message": message}}}


def test_a_failed_init_container_keeps_its_exit_code_and_message() -> None:
    main = {"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}
    inits = [terminated("sidecar", 1), terminated("data", 3, "s3://data: access denied\n")]
    dead = view(phase="Failed", containerStatuses=[main], initContainerStatuses=inits)
    state = attempt_state(job(RUN), [dead], policy(), {}, at(20))
    assert isinstance(state, Ended)
    assert (state.class_, state.reason) == ("infrastructure", "InitContainerFailed")
    assert state.message == "init container data ended with exit code 3: s3://data: access denied"
    s = sweep()
    live = started(s)
    over = after(decide(snapshot(s, [live], [job(live)], [dead])), live)
    assert over.status.train.exit_code == 3
    assert over.status.failure is not None
    assert over.status.failure.reason == "InitContainerFailed"
    # an init container that failed after main had started is a sidecar
    late = view(
        phase="Failed", containerStatuses=[terminated("main", 1)], initContainerStatuses=[terminated("data", 3)]
    )
    state = attempt_state(job(RUN), [late], policy(), {}, at(20))
    assert isinstance(state, Ended)
    assert state.class_ == "crash"
