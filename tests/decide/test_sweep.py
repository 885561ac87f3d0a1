"""The Sweep as a whole: slots, suggestions, limits, suspension, manual runs, terminal states."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sweep_operator.api.errors import FieldError
from sweep_operator.api.meta import find_condition
from sweep_operator.api.suggestion import BudgetLeft
from sweep_operator.decide.plan import DeleteClaim, Observation, PendingRun, Plan, SuggestRequest
from sweep_operator.decide.refusal import refuse
from sweep_operator.decide.snapshot import Suggested
from sweep_operator.domain.identity import claim_name
from sweep_operator.domain.revisions import RunTemplate
from tests.decide.given import (
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
    settled,
    snapshot,
    started,
    suggestions,
    sweep,
)


def state(plan: Plan, type_: str = "Succeeded") -> tuple[str, str]:
    condition = find_condition(plan.status.conditions, type_)
    assert condition is not None
    return condition.status, condition.reason


def test_free_slots_are_filled_from_the_optimizer() -> None:
    s = sweep()
    plan = decide(snapshot(s))
    assert plan.suggest is not None
    assert (plan.suggest.index, plan.suggest.urgent, plan.suggest.count) == (0, 2, 2), "the model waits for a result"
    plan = decide(snapshot(s, suggested=suggestions(0, 2)))
    assert [c.index for c in plan.create] == [0, 1]


def test_the_next_suggestions_are_computed_while_runs_run_with_the_new_ones_as_pending() -> None:
    s = sweep(limits={"maxRuns": 9, "maxParallelRuns": 3})
    live, done = started(s, 1, x=0.9), finished(s, 0, 0.1)
    plan = decide(snapshot(s, [done, live], [job(live)], [pod(live)], suggested=suggestions(2, 1)))
    request = plan.suggest
    assert [c.index for c in plan.create] == [2]
    assert request is not None
    assert (request.index, request.urgent, request.count) == (3, 1, 4)
    assert [(run.index, run.parameters) for run in request.pending] == [(1, {"x": 0.9}), (2, {"x": 0.2})]


@pytest.mark.parametrize(
    ("spec", "ahead"),
    [
        ({}, 0),
        ({"method": "random"}, 2),
        ({"protein": {"numRandomSamples": 3}}, 1),
        ({"protein": {"numRandomSamples": 9}}, 2),
    ],
)
def test_before_the_first_result_only_suggestions_without_a_model_are_computed_ahead(
    spec: dict[str, Any], ahead: int
) -> None:
    plan = decide(snapshot(sweep(limits={"maxRuns": 9, "maxParallelRuns": 2}, **spec)))
    assert plan.suggest is not None
    assert (plan.suggest.urgent, plan.suggest.count) == (2, 2 + ahead)


def test_no_more_suggestions_are_computed_than_runs_may_follow() -> None:
    s = sweep(limits={"maxRuns": 4, "maxParallelRuns": 2})
    runs = [started(s, i) for i in range(2)]
    views = [job(r) for r in runs], [pod(r) for r in runs]
    plan = decide(snapshot(s, [*runs, finished(s, 2, 0.1)], *views))
    assert plan.suggest is not None
    assert (plan.suggest.urgent, plan.suggest.count) == (0, 1)
    plan = decide(snapshot(s, [*runs, finished(s, 2, 0.1), finished(s, 3, 0.1)], *views))
    assert plan.suggest is None


@pytest.mark.parametrize(("spec", "ahead"), [({}, 0), ({"method": "random"}, 1)])
def test_if_runs_follow_one_another_a_model_waits_for_the_result(spec: dict[str, Any], ahead: int) -> None:
    s = sweep(limits={"maxRuns": 9, "maxParallelRuns": 1}, **spec)
    run = started(s, 2)
    plan = decide(snapshot(s, [finished(s, 0, 0.1), finished(s, 1, 0.2), run], [job(run)], [pod(run)]))
    assert (plan.suggest.count if plan.suggest else 0) == ahead


@pytest.mark.parametrize(("needed", "ahead"), [(0, 4), (6, 6), (99, 8)])
def test_a_model_computes_as_many_ahead_as_slots_need_at_once(needed: int, ahead: int) -> None:
    s = sweep(limits={"maxParallelRuns": 8, "maxRuns": 99})
    runs = [started(s, i) for i in range(1, 9)]
    now = snapshot(s, [finished(s, 0, 0.1), *runs], [job(r) for r in runs], [pod(r) for r in runs])
    plan = decide(dataclasses.replace(now, at_once=needed))
    assert plan.suggest is not None
    assert (plan.suggest.urgent, plan.suggest.count) == (0, ahead)


@pytest.mark.parametrize(
    ("spec", "ahead"),
    [
        ({"method": "sobol"}, 8),
        ({"method": "random", "limits": {"maxParallelRuns": 8, "totalCost": 1e6}}, 4),
        ({"method": "bayes"}, 4),
    ],
)
def test_suggestions_that_results_do_not_change_are_computed_for_every_slot(spec: dict[str, Any], ahead: int) -> None:
    s = sweep(**{"limits": {"maxParallelRuns": 8, "maxRuns": 99}, **spec})
    runs = [started(s, i) for i in range(1, 9)]
    plan = decide(snapshot(s, [finished(s, 0, 0.1), *runs], [job(r) for r in runs], [pod(r) for r in runs]))
    assert plan.suggest is not None
    assert (plan.suggest.urgent, plan.suggest.count, plan.suggest.lasting) == (0, ahead, ahead == 8)
    later = dataclasses.replace(plan.suggest, index=12, observations=(Observation({}, 1.0, None),))
    assert later.goes_on(plan.suggest) == (ahead == 8)


def test_if_results_do_not_change_them_the_more_results_a_request_has_the_more_suggestions_it_asks_for() -> None:
    s = sweep(method="random", limits={"maxParallelRuns": 2, "maxRuns": 99})
    runs = [*(finished(s, i, 0.1) for i in range(40)), started(s, 40), started(s, 41)]
    views = [job(r) for r in runs[40:]], [pod(r) for r in runs[40:]]
    plan = decide(snapshot(s, runs, *views))
    assert plan.suggest is not None
    assert (len(plan.suggest.observations), plan.suggest.count) == (40, 5)


def test_what_is_left_of_a_request_goes_on_until_a_result_or_another_run() -> None:
    asked = SuggestRequest(5, 4, (), (PendingRun("s.r.3", 3, {}), PendingRun("mine", None, {})))
    ours = PendingRun("s.r.5", 5, {})
    later = dataclasses.replace(asked, index=6, count=2, urgent=1, pending=(*asked.pending[::-1], ours))
    assert asked.goes_on(asked)
    assert later.goes_on(asked)
    for change in (
        {"observations": (Observation({}, 1.0, None),)},
        {"pending": asked.pending},
        {"pending": (asked.pending[1], ours)},
        {"pending": (*later.pending, PendingRun("other", None, {}))},
        {"index": 7},
    ):
        assert not dataclasses.replace(later, **change).goes_on(asked)


def test_random_fallbacks_are_an_event() -> None:
    s = sweep(limits={"maxRuns": 9, "maxParallelRuns": 3})
    random = [dataclasses.replace(one, origin="fallback") for one in suggestions(0, 2).suggestions]
    plan = decide(snapshot(s, suggested=Suggested((*random, suggestions(2, 1).suggestions[0]), error="too slow")))
    (event,) = plan.create_events
    assert (event.type, event.message) == ("Warning", "2 runs get random parameters: too slow")
    calm = decide(snapshot(s, suggested=suggestions(0, 3)))
    assert calm.create_events == ()


def test_suggestions_for_another_index_are_requested_again() -> None:
    plan = decide(snapshot(sweep(), [finished(sweep(), 0, 0.1)], suggested=suggestions(0, 2)))
    assert plan.create == ()
    assert plan.suggest is not None
    assert plan.suggest.index == 1


def test_an_index_is_never_reused_even_if_the_newest_run_was_deleted() -> None:
    plan = decide(snapshot(sweep(status={"nextIndex": 7}), [finished(sweep(), 3, 0.1)]))
    assert plan.suggest is not None
    assert plan.suggest.index == 7
    burnt = decide(snapshot(sweep(), burnt=frozenset({0})))
    assert burnt.suggest is not None
    assert burnt.suggest.index == 1


def test_the_optimizer_receives_results_failures_bounds_and_pending_runs() -> None:
    s = sweep(limits={"maxRuns": 9, "maxParallelRuns": 3})
    timed = sweep(limits={"maxRuns": 9, "maxParallelRuns": 3}, train={"image": "i", "deadlineSeconds": 5})
    slow = started(timed, 2)
    slow = after(decide(snapshot(timed, [slow], [job(slow)], [pod(slow)], now=10)), slow)
    runs = [finished(s, 0, 0.1, x=0.2), failed(s, 1), slow, started(s, 3, x=0.9)]
    plan = decide(snapshot(s, runs, [job(runs[3])], [pod(runs[3])]))
    assert plan.suggest is not None
    rows = plan.suggest.observations
    assert [(r.score, r.is_failure, r.cost_is_lower_bound) for r in rows] == [
        (0.1, False, False),
        (None, True, False),
        (None, False, True),
    ]
    assert plan.suggest.pending == (PendingRun("s.r.3", 3, {"x": 0.9}),)


@pytest.mark.parametrize(
    ("changes", "scores", "expected"),
    [
        ({"limits": {"maxRuns": 2, "maxParallelRuns": 2}}, [0.1, 0.2], ("True", "MaxRunsReached")),
        ({"target": 0.2}, [0.1, 0.2], ("True", "TargetReached")),
        ({"target": 0.15, "goal": "minimize"}, [0.1, 0.2], ("True", "TargetReached")),
        ({"limits": {"totalCost": 20, "maxParallelRuns": 2}}, [0.1, 0.2], ("True", "BudgetExhausted")),
        ({"limits": {"totalCost": 21, "maxParallelRuns": 2}}, [0.1, 0.2], ("Unknown", "Running")),
        ({"stop": True}, [0.1], ("True", "Stopped")),
        ({"limits": {"maxFailedRuns": 2}}, [0.1, None, None], ("False", "TooManyFailedRuns")),
        ({"limits": {"maxConsecutiveFailures": 2}}, [None, None], ("False", "TooManyConsecutiveFailures")),
        ({"limits": {"maxConsecutiveFailures": 2}}, [None, 0.1, None], ("Unknown", "Running")),
        ({"limits": {"maxConsecutiveFailures": 2}}, [0.1, None, None], ("Unknown", "Running")),
    ],
)
def test_limits(changes: dict[str, Any], scores: list[float | None], expected: tuple[str, str]) -> None:
    s = sweep(**changes)
    plain = s.with_(spec=s.spec.with_(stop=False))
    runs = [failed(plain, i) if score is None else finished(plain, i, score) for i, score in enumerate(scores)]
    plan = decide(snapshot(s, runs))
    assert state(plan) == expected
    assert (plan.suggest is None) == (expected[0] != "Unknown")


def test_crashes_count_as_consecutive_even_after_a_success() -> None:
    s = sweep(limits={"maxConsecutiveFailures": 2, "maxRuns": 9}, perRun={"retries": {"onFailure": 0}})
    plan = decide(snapshot(s, [finished(s, 0, 0.1), failed(s, 1, 1), failed(s, 2, 1)]))
    assert state(plan) == ("False", "TooManyConsecutiveFailures")


def test_a_corrected_template_resumes_a_sweep_with_too_many_failures() -> None:
    s = sweep(limits={"maxConsecutiveFailures": 2, "maxRuns": 9})
    runs = [failed(s, 0), failed(s, 1)]
    stopped = settled(s, decide(snapshot(s, runs)))
    assert state(decide(snapshot(stopped, runs))) == ("False", "TooManyConsecutiveFailures")
    spec = stopped.spec.with_(train=stopped.spec.train.with_(image="better"))
    edited = stopped.with_(spec=spec, metadata=stopped.metadata.with_(generation=2))
    plan = decide(snapshot(edited, runs))
    assert state(plan) == ("Unknown", "Running")
    assert plan.suggest is not None


def test_an_ended_sweep_resumes_only_after_a_change_of_its_spec() -> None:
    s = sweep(limits={"maxRuns": 1, "maxParallelRuns": 2})
    done = settled(s, decide(snapshot(s, [finished(s, 0, 0.1)])))
    assert state(decide(snapshot(done, []))) == ("True", "MaxRunsReached"), "a deleted run does not wake it"
    spec = done.spec.with_(limits=done.spec.limits.with_(max_runs=3))
    raised = done.with_(spec=spec, metadata=done.metadata.with_(generation=2))
    plan = decide(snapshot(raised, [finished(s, 0, 0.1)]))
    assert state(plan) == ("Unknown", "Running")
    assert plan.suggest is not None
    assert plan.suggest.count == 2


FORECAST = Suggested(unpayable="the cheapest run costs 10, but only 5 is left", known=2)


@pytest.mark.parametrize(
    ("limits", "of"),
    [
        ({"totalCost": 25}, "limits.totalCost=25 seconds"),
        ({"activeDeadlineSeconds": 600}, "limits.activeDeadlineSeconds=600"),
        (
            {"totalCost": 25, "activeDeadlineSeconds": 600},
            "limits.totalCost=25 seconds and limits.activeDeadlineSeconds=600",
        ),
    ],
)
def test_a_sweep_ends_when_no_further_run_is_payable(limits: dict[str, int], of: str) -> None:
    s = sweep(limits={**limits, "maxRuns": 9})
    plan = decide(snapshot(s, [finished(s, 0, 0.1), finished(s, 1, 0.2)], suggested=FORECAST))
    assert state(plan) == ("True", "BudgetExhausted")
    condition = find_condition(plan.status.conditions, "Succeeded")
    assert condition is not None
    assert condition.message == f"the cheapest run costs 10, but only 5 is left of {of}; raise the limit to continue"


@pytest.mark.parametrize(
    ("change", "live"),
    [({"known": 1}, False), ({"known": None}, False), ({"unpayable": None}, False), ({}, True)],
    ids=["older forecast", "runs were pending", "payable", "an active run may cost less than predicted"],
)
def test_a_sweep_goes_on_while_a_run_may_still_be_payable(change: dict[str, Any], live: bool) -> None:
    s = sweep(limits={"totalCost": 25, "maxParallelRuns": 2, "maxRuns": 9})
    runs, active = [finished(s, 0, 0.1), finished(s, 1, 0.2)], [started(s, 2)] if live else []
    told = dataclasses.replace(FORECAST, **change)
    plan = decide(snapshot(s, [*runs, *active], list(map(job, active)), list(map(pod, active)), suggested=told))
    assert state(plan) == ("Unknown", "Running")


def test_a_sweep_ends_when_further_runs_are_not_worth_it() -> None:
    told = Suggested(unworthy="5 more runs are expected to gain nothing", known=1)
    s = sweep(stopping={"policy": "WhenNotWorthIt", "minGain": 0.02}, limits={"maxParallelRuns": 2, "maxRuns": 9})
    done, active = finished(s, 0, 0.1), started(s, 1)
    waits = decide(snapshot(s, [done, active], [job(active)], [pod(active)], suggested=told))
    assert state(waits) == ("Unknown", "Running"), "the result of an active run may change the forecast"
    edited = decide(snapshot(sweep(), [done], suggested=told))
    assert state(edited) == ("Unknown", "Running"), "an answer from before an edit"
    plan = decide(snapshot(s, [done], suggested=told))
    assert state(plan) == ("True", "NotWorthIt")
    condition = find_condition(plan.status.conditions, "Succeeded")
    assert condition is not None
    assert condition.message == (
        "5 more runs are expected to gain nothing; stopping.minGain is 0.02, lower it to continue"
    )


def test_the_optimizer_knows_what_the_limits_leave() -> None:
    limits = {"totalCost": 100, "activeDeadlineSeconds": 600, "maxRuns": 9}
    s = sweep(status={"activeSince": at(0).isoformat()}, limits=limits)
    plan = decide(snapshot(s, [finished(s, 0, 0.1)], now=60))
    assert plan.suggest is not None
    assert plan.suggest.left == BudgetLeft(cost=90.0, seconds=540.0, share=0.9, runs=9)
    plan = decide(snapshot(s, [finished(s, 0, 0.1)], now=240))
    assert plan.suggest is not None
    assert plan.suggest.left == BudgetLeft(cost=90.0, seconds=360.0, share=0.6, runs=9)
    s = sweep(limits=limits, cost={"source": "Reported"})
    plan = decide(snapshot(s, [finished(s, 0, 0.1)], now=60))
    assert plan.suggest is not None
    assert plan.suggest.left == BudgetLeft(cost=100.0, share=1.0, runs=9), "the costs are not seconds"
    plan = decide(snapshot(sweep(), [finished(s, 0, 0.1)], now=60))
    assert plan.suggest is not None
    assert plan.suggest.left is None


def test_budget_and_target_drain_active_runs_and_start_no_others() -> None:
    s = sweep(limits={"totalCost": 5, "maxParallelRuns": 3, "maxRuns": 9})
    live, waiting = started(s, 1), run(2)
    plan = decide(snapshot(s, [finished(s, 0, 0.1), live, waiting], [job(live)], [pod(live)]))
    assert state(plan) == ("Unknown", "Ending")
    assert not after(plan, live).terminal
    assert after(plan, waiting).status.train.attempt == 0
    done = after(decide(snapshot(s, [live], [job(live)], [ended(live, 0, '{"reward": 1}')])), live)
    assert state(decide(snapshot(s, [finished(s, 0, 0.1), done, waiting]))) == ("True", "BudgetExhausted")


def test_stop_and_deadline_terminate_active_runs() -> None:
    for changes, why in (
        ({"stop": True}, "Stopped"),
        ({"limits": {"activeDeadlineSeconds": 10, "maxParallelRuns": 2}}, "DeadlineReached"),
    ):
        s = sweep(status={"activeSince": at(0).isoformat()}, **changes)
        live = started(sweep(), 0)
        plan = decide(snapshot(s, [live], [job(live)], [pod(live)]))
        assert after(plan, live).status.failure is not None
        assert state(plan) == ("True", why)


def test_suspended_time_does_not_count_towards_the_deadline() -> None:
    s = sweep(limits={"activeDeadlineSeconds": 100}, status={"activeSince": at(0).isoformat(), "activeSeconds": 5})
    paused = s.with_(spec=s.spec.with_(suspend=True))
    first = decide(snapshot(paused, now=20))
    assert (first.status.active_seconds, first.status.active_since) == (25, None)
    later = decide(snapshot(settled(paused, first), now=10_000))
    assert later.status.active_seconds == 25
    resumed = settled(s, later)
    assert decide(snapshot(resumed, now=10_000)).wake == at(10_075)


def test_suspend_drains_or_terminates() -> None:
    live = started(sweep(), 0)
    drained = decide(snapshot(sweep(suspend=True), [live, run(1)], [job(live)], [pod(live)]))
    assert reason(after(drained, live)) == "Training"
    assert after(drained, run(1)).status.train.attempt == 0
    assert drained.suggest is None
    assert state(drained, "Suspended") == ("True", "Requested")

    paused = sweep(suspend=True, suspendPolicy="terminate")
    plan = decide(snapshot(paused, [live], [job(live)], [pod(live)]))
    parked = after(plan, live)
    assert not parked.terminal
    assert [a.class_ for a in parked.status.train.attempts] == ["stopped"]
    assert (parked.status.train.failures, parked.status.train.preemptions) == (0, 0)
    assert [a for p in plan.runs for a in p.cleanup]
    assert (plan.status.runs.pending, plan.status.runs.running) == (1, 0)
    resumed = after(decide(snapshot(sweep(), [parked])), parked)
    assert resumed.status.train.attempt == 2


def test_parallel_limit_holds_and_manual_runs_count_and_go_first() -> None:
    s = sweep(limits={"maxRuns": 9, "maxParallelRuns": 2})
    live, manual = started(s, 0), run(None, name="mine")
    plan = decide(snapshot(s, [live, run(1), manual], [job(live)], [pod(live)]))
    assert after(plan, manual).status.train.attempt == 1
    assert after(plan, run(1)).status.train.attempt == 0
    assert reason(after(plan, run(1))) == "WaitingForSlot"
    assert plan.suggest is None


def test_a_manual_run_gets_missing_parameters_from_the_center_and_runs_after_the_end() -> None:
    s = sweep(limits={"maxRuns": 1})
    done = settled(s, decide(snapshot(s, [finished(s, 0, 0.1)])))
    manual = run(None, name="mine", parameters={})
    plan = decide(snapshot(done, [finished(s, 0, 0.1), manual]))
    begun = after(plan, manual)
    assert begun.status.parameters == {"x": 0.25}
    assert begun.status.run_name == "mine"
    assert state(plan) == ("True", "MaxRunsReached")


@pytest.mark.parametrize("parameters", [{"y": 1}, {"x": "high"}, {"x": True}])
def test_a_manual_run_with_invalid_parameters_fails_and_is_not_learned(parameters: dict[str, Any]) -> None:
    s = sweep()
    dead = after(decide(snapshot(s, [run(None, name="mine", parameters=parameters)])), run(None, name="mine"))
    assert dead.status.failure is not None
    assert dead.status.failure.reason == "InvalidParameters"
    plan = decide(snapshot(s, [dead]))
    assert plan.suggest is not None
    assert plan.suggest.observations == ()


def test_values_outside_the_bounds_are_not_clipped() -> None:
    s = sweep()
    manual = run(None, name="mine", parameters={"x": 5})
    assert after(decide(snapshot(s, [manual])), manual).status.parameters == {"x": 5.0}


def test_an_invalid_edit_starts_no_runs_and_does_not_affect_active_runs() -> None:
    s = sweep()
    live = started(s, 0)
    problems = (FieldError("spec.train.hardware", "'moon' is not a profile"),)
    plan = decide(snapshot(s, [live, run(1)], [job(live)], [pod(live)], problems=problems))
    assert state(plan, "Accepted") == ("False", "Invalid")
    assert plan.suggest is None
    assert reason(after(plan, live)) == "Training"
    assert after(plan, run(1)).status.train.attempt == 0


def test_an_infeasible_space_ends_the_sweep() -> None:
    plan = decide(snapshot(sweep(), suggested=Suggested(infeasible="no point passes")))
    assert state(plan) == ("False", "SearchSpaceInfeasible")


def test_an_edit_applies_to_new_runs_only() -> None:
    s = sweep()
    live = started(s, 0)
    old_hash = live.status.template_hash
    edited = s.with_(spec=s.spec.with_(train=s.spec.train.with_(image="new")))
    crashed_pod = ended(live, 143, disrupted="X")
    plan = decide(snapshot(edited, [live], [job(live)], [crashed_pod], templates=[RunTemplate.of(s)]))
    again = after(plan, live)
    assert again.status.template_hash == old_hash
    assert [a.template.train.image for p in plan.runs for a in p.after] == ["i"]


def test_counters_best_and_front() -> None:
    s = sweep(limits={"maxRuns": 9, "maxParallelRuns": 9})
    runs = [
        finished(s, 0, -1.0, 10),
        finished(s, 1, 0.0, 30),
        finished(s, 2, -0.5, 40),
        failed(s, 3),
        started(s, 4),
        run(5),
    ]
    plan = decide(snapshot(s, runs, [job(runs[4])], [pod(runs[4])], run_limit=6, suggested=None))
    counts = plan.status.runs
    assert counts.created == 6
    assert (counts.succeeded, counts.failed, counts.pending + counts.running + counts.evaluating) == (3, 1, 2)
    assert [b.run for b in plan.status.best] == ["s.r.1", "s.r.2", "s.r.0"]
    assert [p.run for p in plan.status.pareto] == ["s.r.0", "s.r.1"]
    assert any(e.reason == "NewBest" for e in plan.events)


def test_minimize_reverses_the_best_runs_and_the_front() -> None:
    s = sweep(goal="minimize", limits={"maxRuns": 9})
    runs = [finished(s, 0, 3.0, 10), finished(s, 1, 1.0, 30), finished(s, 2, 2.0, 40)]
    plan = decide(snapshot(s, runs))
    assert plan.status.best[0].run == "s.r.1"
    assert [p.run for p in plan.status.pareto] == ["s.r.0", "s.r.1"]


@pytest.mark.parametrize(
    ("retention", "deleted"),
    [("all", set()), ("pareto", {"s.r.2"}), ("best", {"s.r.0", "s.r.2"}), ("none", {"s.r.0", "s.r.1", "s.r.2"})],
)
def test_retention_of_claims(retention: str, deleted: set[str]) -> None:
    s = sweep(storage={"retention": retention, "runVolume": {"claim": {}}}, limits={"maxRuns": 9})
    runs = [finished(s, 0, 1.0, 10), finished(s, 1, 3.0, 30), finished(s, 2, 2.0, 40)]
    claims = frozenset(claim_name(r) for r in runs)
    plan = decide(snapshot(s, runs, claims=claims))
    assert {a.run for p in plan.runs for a in p.cleanup if isinstance(a, DeleteClaim)} == deleted


PENDING = {"phase": "Pending", "started": None}
UNSCHEDULABLE = {**PENDING, "unschedulable": "0/2 nodes are available: 2 Insufficient cpu."}
PULL = {**PENDING, "waiting_reason": "ErrImagePull", "waiting_message": "no such image"}


def test_the_reasons_of_waiting_runs_are_summed_up_on_the_sweep() -> None:
    s = sweep(limits={"maxRuns": 9, "maxParallelRuns": 4})
    runs = [started(s, i) for i in range(4)]
    pods = [pod(runs[0], **UNSCHEDULABLE), pod(runs[1], **UNSCHEDULABLE), pod(runs[2], **PULL), pod(runs[3])]
    plan = decide(snapshot(s, [*runs, run(4)], [job(r) for r in runs], pods))
    succeeded = find_condition(plan.status.conditions, "Succeeded")
    assert succeeded is not None
    assert (succeeded.status, succeeded.reason) == ("Unknown", "Running")
    assert succeeded.message == (
        "2 runs wait: 0/2 nodes are available: 2 Insufficient cpu. (Unschedulable); 1 run waits: no such image "
        "(ErrImagePull)"
    )
    full = {"s-r-0-train-1": refuse("exceeded quota: pods=2", final=False, now=at(0), before=None)}
    plan = decide(snapshot(s, [runs[0]], refusals=full))
    succeeded = find_condition(plan.status.conditions, "Succeeded")
    assert succeeded is not None
    assert succeeded.message == "1 run waits: exceeded quota: pods=2 (QuotaExceeded)"


def test_the_latest_failures_are_named_on_the_sweep() -> None:
    s = sweep(limits={"maxConsecutiveFailures": 4, "maxRuns": 9}, perRun={"retries": {"onFailure": 0}})
    runs = [finished(s, 0, 0.5)]
    for n in range(1, 5):
        live = started(s, n)
        text = f"Traceback of {n}\n  line"
        over = ended(live, 1, text, finished=at(11 + n))
        plan = decide(snapshot(s, [live], [job(live)], [over], now=20))
        failed_events = [(e.run, e.reason, e.type) for e in plan.runs[0].events]
        assert failed_events == [(live.name, "RunFailed", "Warning"), (None, "RunFailed", "Warning")]
        assert plan.runs[0].events[1].message.startswith(f"{live.name}: crash: Error: Traceback of {n}")
        runs.append(after(plan, live))
    plan = decide(snapshot(s, runs))
    assert [(f.run, f.class_, f.reason, f.message) for f in plan.status.latest_failures] == [
        (f"s.r.{n}", "crash", "Error", f"Traceback of {n}") for n in (4, 3, 2)
    ]
    succeeded = find_condition(plan.status.conditions, "Succeeded")
    assert succeeded is not None
    assert succeeded.reason == "TooManyConsecutiveFailures"
    assert succeeded.message.endswith("; latest failure: s.r.4: Error: Traceback of 4")


def test_stopped_runs_are_not_reported_as_failures() -> None:
    s = sweep()
    live = started(s)
    stopping = live.with_(spec=live.spec.with_(stop=True))
    plan = decide(snapshot(s, [stopping], [job(live)], [pod(live)]))
    assert [e.run for e in plan.runs[0].events] == [live.name]
    assert plan.status.latest_failures == []


def test_every_condition_has_a_message() -> None:
    s = sweep(eval={"command": ["evaluate"]}, limits={"maxRuns": 4, "maxParallelRuns": 2, "maxFailedRuns": 2})
    live = started(s)
    failing = [FieldError("spec.train.hardware", "unknown")]
    trained = after(decide(snapshot(s, [live], [job(live)], [ended(live, 0)])), live)
    evaluated = ended(trained, 0, '{"reward": 1}', "eval")
    plans = [
        decide(snapshot(s, [live, run(1), run(2)], [job(live)], [pod(live)], now=60)),
        decide(snapshot(s, [live], [job(live)], [ended(live, 143, disrupted="X")])),
        decide(snapshot(s, [live], [job(live)], [pod(live, phase="Pending", started=None)])),
        decide(snapshot(s, [live, run(1)], problems=tuple(failing))),
        decide(snapshot(s, [trained], [job(trained), job(trained, "eval")], [evaluated])),
        decide(snapshot(s, [failed(sweep(), 0), failed(sweep(), 1), run(2)], suggested=suggestions(3, 1))),
        decide(snapshot(sweep(suspend=True), [live, run(1)], [job(live)], [pod(live)])),
        decide(snapshot(sweep(suspend=True, suspendPolicy="terminate"), [live], [job(live)], [pod(live)])),
        decide(snapshot(sweep(stop=True), [live, run(1)], [job(live)], [pod(live)])),
        decide(snapshot(s, [run(None, name="old", origin="imported", observation={"score": 1.0})])),
        decide(snapshot(s, [run(None, name="old", origin="imported", observation={"failure": {}})])),
    ]
    for plan in plans:
        conditions = [*plan.status.conditions, *(c for p in plan.runs for c in p.status.conditions)]
        assert [(c.type, c.reason) for c in conditions if not c.message] == []


def test_finished_is_true_at_any_end() -> None:
    s = sweep(limits={"maxFailedRuns": 1, "maxParallelRuns": 2})
    running = decide(snapshot(s, [run(0)]))
    assert state(running, "Finished") == ("False", "NotFinished")
    dead = settled(s, decide(snapshot(s, [failed(s, 0)])))
    condition = find_condition(dead.status.conditions, "Finished")
    succeeded = find_condition(dead.status.conditions, "Succeeded")
    assert condition is not None
    assert succeeded is not None
    assert (condition.status, condition.reason, condition.message) == ("True", succeeded.reason, succeeded.message)
    assert condition.observed_generation == succeeded.observed_generation
    # a Sweep that an earlier version of the operator has ended
    before = dead.with_(
        status=dead.status.with_(conditions=[c for c in dead.status.conditions if c.type != "Finished"])
    )
    assert state(decide(snapshot(before, [failed(s, 0)])), "Finished") == ("True", "TooManyFailedRuns")
    spec = dead.spec.with_(limits=dead.spec.limits.with_(max_failed_runs=5))
    resumed = dead.with_(spec=spec, metadata=dead.metadata.with_(generation=2))
    assert state(decide(snapshot(resumed, [failed(s, 0)])), "Finished") == ("False", "NotFinished")


@pytest.mark.parametrize("score", [0.5, None])
def test_a_finished_run_has_the_condition_finished(score: float | None) -> None:
    s = sweep()
    live = started(s, 0)
    assert [(c.status, c.reason) for c in live.status.conditions if c.type == "Finished"] == [("False", "NotFinished")]
    done = failed(s, 0) if score is None else finished(s, 0, score)
    ends = {c.type: (c.status, c.reason, c.message) for c in done.status.conditions}
    assert ends["Finished"] == ("True", *ends["Succeeded"][1:])
    old = run(None, name="old", origin="imported", observation={"failure": {}} if score is None else {"score": score})
    done = after(decide(snapshot(s, [old])), old)
    assert [(c.status, c.reason) for c in done.status.conditions if c.type == "Finished"] == [("True", "Imported")]


def test_a_fixpoint_changes_nothing() -> None:
    s = sweep(limits={"maxRuns": 2, "maxParallelRuns": 2})
    runs = [finished(s, 0, 0.1), failed(s, 1)]
    first = settled(s, decide(snapshot(s, runs)))
    plan = decide(snapshot(first, runs, now=500))
    assert plan.status == first.status
    assert plan.events == ()
    assert all(p.status == p.run.status and not p.after and not p.cleanup for p in plan.runs)


def test_only_failures_since_the_start_of_the_command_end_a_watched_sweep() -> None:
    s = sweep(limits={"maxConsecutiveFailures": 2, "maxRuns": 9})
    runs = [failed(s, 0), failed(s, 1)]
    assert state(decide(snapshot(s, runs, failures_since=at(0)))) == ("False", "TooManyConsecutiveFailures")
    later = decide(snapshot(s, runs, failures_since=at(10**6)))
    assert (state(later), later.status.consecutive_failures) == (("Unknown", "Running"), 0)


def test_a_program_that_cannot_start_is_a_crash_in_a_sweep_that_nobody_watches() -> None:
    s = sweep()
    begun, output = started(s), "sh: 1: train: not found"
    pods = [ended(begun, 127, output)]
    plan = decide(snapshot(s, [begun], [job(begun)], pods))
    assert after(plan, begun).status.train.failures == 1
    watched = decide(snapshot(s, [begun], [job(begun)], pods, failures_since=at(0)))
    assert (failure := after(watched, begun).status.failure) is not None
    assert (failure.class_, failure.reason) == ("infrastructure", "ProgramNotFound")
    assert state(watched) == ("False", "ProgramCannotStart")
