"""Early stopping: the rules on curves, verdicts and what follows from them, and why a rule cannot work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.early_stopping import EarlyStopping, EarlyStoppingStatus
from sweep_operator.api.errors import InvalidObject
from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.accept import check_spec
from sweep_operator.decide.attempt import LogProgress
from sweep_operator.decide.plan import DeleteJob, Observation, Plan
from sweep_operator.decide.snapshot import Forecast
from sweep_operator.decide.stopping import RULES, Finding, Sample, average_until, judge, levels, value_at
from sweep_operator.domain.curve import Point
from tests.decide.given import after, at, decide, ended, job, pod, reason, settled, snapshot, started, sweep

ASHA, MEDIAN = RULES["asha"], RULES["median"]


def curve(*values: float, first: float = 1) -> list[Sample]:
    return [Sample(first + n, value, 10.0 * (n + 1)) for n, value in enumerate(values)]


# -- the rules -------------------------------------------------------------------------------------------------------


def test_a_curve_is_interpolated_and_averaged_by_steps() -> None:
    known = [Sample(2, 0.0, 1), Sample(4, 1.0, 2), Sample(8, 1.0, 3)]
    assert [value_at(known, step) for step in (2, 3, 4, 6, 8)] == [0.0, 0.5, 1.0, 1.0, 1.0]
    assert [average_until(known, step) for step in (2, 4, 8)] == [0.0, 0.5, pytest.approx((1 + 4) / 6)]
    assert levels(ASHA, known) == {1: 1.0}, "of 1, 4, 16, it has reached 4"
    assert levels(MEDIAN, known).keys() == {1, 2, 3}
    assert levels(ASHA, curve(*[0.5] * 64)).keys() == {0, 1, 2, 3}, "powers are exact"
    assert levels(ASHA, []) == {}


steps = st.floats(1e-6, 1e18)


@given(st.lists(st.tuples(steps, st.floats(-1e300, 1e300)), min_size=1, max_size=32, unique_by=lambda p: p[0]))
def test_what_is_compared_lies_within_the_values_of_the_curve(points: list[tuple[float, float]]) -> None:
    known = [Sample(step, value, 0.0) for step, value in sorted(points)]
    low, high = min(s.value for s in known), max(s.value for s in known)
    slack = 1e-9 * max(abs(low), abs(high))
    for rule in RULES.values():
        found = levels(rule, known)
        assert len(found) <= 81
        assert all(low - slack <= value <= high + slack for value in found.values())


SETTINGS = EarlyStopping(rule="asha", min_reports=2, min_runs=3, min_seconds=0)


@pytest.mark.parametrize(
    ("values", "others", "changes", "expected"),
    [
        pytest.param([1, 1, 1, 2], [1, 2, 3], {}, Finding(4, 2, 2.5, 3), id="below the best quarter"),
        pytest.param([1, 1, 1, 2.5], [1, 2, 3], {}, None, id="equal to its limit"),
        pytest.param([9, 9, 9, 2], [1, 2, 3], {}, Finding(4, 2, 2.5, 3), id="what counts is the value there"),
        pytest.param([1, 1, 1, 2], [2, 3], {}, None, id="too few others"),
        pytest.param([1, 1, 1, 2], [1, 2, 3], {"min_reports": 5}, None, id="too few reports"),
        pytest.param([1, 1, 1, 2], [1, 2, 3], {"min_seconds": 41}, None, id="too early"),
        pytest.param([1, 1, 1, 2], [1, 2, 3], {"min_seconds": 40}, Finding(4, 2, 2.5, 3), id="late enough"),
        pytest.param([1, 1, 1], [1, 2, 3], {}, None, id="no new mark"),
        pytest.param([1], [1, 2, 3], {"min_reports": 1}, None, id="the mark is already known"),
    ],
)
def test_asha(values: list[float], others: list[float], changes: dict[str, Any], expected: Finding | None) -> None:
    found = judge(ASHA, curve(1), curve(*values), lambda mark: others, SETTINGS.with_(**changes))
    assert found == expected


def test_asha_looks_at_the_highest_new_mark_only() -> None:
    known = {0: [0.0] * 9, 1: [5.0] * 9, 2: [0.0] * 9}
    assert judge(ASHA, [], curve(*[1.0] * 16), lambda mark: known[mark], SETTINGS) is None
    found = judge(ASHA, [], curve(*[1.0] * 5), lambda mark: known[mark], SETTINGS)
    assert found == Finding(4, 1, 5, 9)


@pytest.mark.parametrize(
    ("values", "others", "expected"),
    [
        pytest.param([1, 3], [2, 4, 6], Finding(2, 3, 4, 3), id="best value below the median"),
        pytest.param([4, 1], [2, 4, 6], None, id="the best value counts"),
        pytest.param([1, 3], [2, 4, 6, 8], Finding(2, 3, 5, 4), id="an even number"),
    ],
)
def test_median(values: list[float], others: list[float], expected: Finding | None) -> None:
    assert judge(MEDIAN, curve(values[0]), curve(*values), lambda mark: others, SETTINGS) == expected


# -- verdicts --------------------------------------------------------------------------------------------------------

TRAIN: dict[str, Any] = {"image": "i", "command": ["train"], "reports": {"maxStep": 100}}


def stopping(rule: str = "asha", **settings: Any) -> dict[str, Any]:
    return {"rule": rule, "minReports": 1, "minRuns": 2, "shadow": 0, **settings}


def of(settings: dict[str, Any] | None = None, **spec: Any) -> Sweep:
    limits = {"maxRuns": 9, "maxParallelRuns": 9}
    return sweep(**{"limits": limits, "train": TRAIN, "earlyStopping": settings or stopping(), **spec})


def reading(*values: float | None, metrics: Sequence[float] = (), **changes: Any) -> LogProgress:
    points = [
        Point(step, value, 5.0 * step, 1, (("loss", metrics[step - 1]),) if metrics else ())
        for step, value in enumerate(values, 1)
    ]
    return LogProgress(points=points, latest=points[-1] if points else None, **changes)


def reported(s: Sweep, live: SweepRun, found: LogProgress, *others: SweepRun, now: float = 100, **changes: Any) -> Plan:
    """A pass over a running run with new reports, beside other runs."""
    own = pod(live)
    return decide(snapshot(s, [live, *others], [job(live)], [own], now=now, reports={own.uid: found}, **changes))


def peer(s: Sweep, index: int, *values: float) -> SweepRun:
    """A running run whose reports are recorded."""
    live = started(s, index)
    return after(reported(s, live, reading(*values)), live)


def finished(s: Sweep, index: int, *values: float, score: float = 0.5) -> SweepRun:
    live = started(s, index)
    own, message = ended(live, 0, f'{{"metrics": {{"reward": {score}}}}}'), reading(*values, complete=True)
    return after(decide(snapshot(s, [live], [job(live)], [own], reports={own.uid: message})), live)


def test_the_verdict_is_written_before_the_job_is_deleted() -> None:
    s = of()
    live, others = started(s, 2), [peer(s, n, *[0.5 + n / 10] * 4) for n in range(2)]
    plan = reported(s, live, reading(0.1, 0.1, 0.1, 0.2), *others)
    (own,) = [p for p in plan.runs if p.run.name == live.name]
    status, verdict = own.status, own.status.early_stopping
    assert verdict is not None
    assert (verdict.rule, verdict.step, verdict.value, verdict.runs, verdict.seconds) == ("asha", 4, 0.2, 2, 20.0)
    assert verdict.threshold == pytest.approx(0.575)
    assert verdict.saved_cost == 480, "96 more steps at 5 s each"
    assert own.cleanup[0] == DeleteJob(job(live).name, job(live).uid, stops=True), "after the status write"
    assert own.follow is None
    assert status.failure is not None
    assert (status.failure.class_, reason(own.updated), status.cost) == ("pruned", "Pruned", 99.0)
    assert [p.value for p in status.curve] == [0.1, 0.1, 0.1, 0.2], "with the reports that it is based on"
    evidence = "reward 0.2 at step 4; the best quarter of 2 other runs begins at 0.575 there"
    assert [(e.reason, e.message, e.type, e.run) for e in own.events] == [("RunPruned", evidence, "Normal", live.name)]
    assert {c.type: c.reason for c in status.conditions}["Observed"] == "Pruned"
    counts, cost = plan.status.runs, plan.status.cost
    assert (counts.pruned, counts.failed, counts.running) == (1, 0, 2)
    assert (cost.pruned, cost.wasted) == (99.0, 0.0)
    assert plan.status.early_stopping == EarlyStoppingStatus(stopped=1, saved_cost=480)
    assert (plan.status.latest_failures, plan.status.consecutive_failures, plan.status.best) == ([], 0, [])
    assert plan.suggest is not None
    (learned,) = plan.suggest.observations
    assert (learned.score, learned.cost, learned.cost_is_lower_bound) == (None, 99.0, True)
    assert learned.curve == ((0.01, 0.1, 5.0), (0.03, 0.1, 15.0), (0.04, 0.2, 20.0)), "it says more than a score"
    assert live.name not in {p.name for p in plan.suggest.pending}
    again = decide(snapshot(settled(s, plan), [own.updated, *others], [job(live)], [pod(live)], now=101))
    assert after(again, own.updated) == own.updated
    assert again.runs[-1].cleanup == own.cleanup, "a crash before the deletion repeats it"


def test_a_run_is_not_stopped_before_its_job_was_looked_at() -> None:
    s = of()
    live, others = started(s, 2), [peer(s, n, *[0.5] * 4) for n in range(2)]
    plan = reported(s, live, reading(*[0.1] * 4), *others, looked=frozenset())
    own = next(p for p in plan.runs if p.run.name == live.name)
    assert [look.job for look in own.looks] == [job(live).name]
    assert own.status.early_stopping is None
    over, found = ended(live, 0, '{"metrics": {"reward": 0.1}}'), reading(*[0.1] * 4, complete=True)
    done = after(decide(snapshot(s, [live, *others], [job(live)], [over], reports={over.uid: found})), live)
    assert done.succeeded, "the result arrived meanwhile and counts"
    assert done.status.early_stopping is None


def test_a_verdict_does_not_wait_until_reports_may_be_written() -> None:
    s = of()
    live, others = started(s, 2), [peer(s, n, *[0.5] * 4) for n in range(2)]
    good, bad = (after(reported(s, live, reading(*[v] * 4), *others, now=9), live) for v in (0.9, 0.1))
    assert (good.status.curve, good.status.progress) == ([], None)
    assert (bad.pruned, len(bad.status.curve)) == (True, 4)


def test_runs_of_one_pass_are_compared_with_each_other_in_their_order() -> None:
    s = of()
    runs = [started(s, n) for n in range(4)]
    reports = {pod(run).uid: reading(*[1 - n / 10] * 4) for n, run in enumerate(runs)}
    plan = decide(snapshot(s, runs, [*map(job, runs)], [*map(pod, runs)], now=100, reports=reports))
    assert [after(plan, run).pruned for run in runs] == [False, False, True, True]


@pytest.mark.parametrize(
    ("given_", "spec"),
    [
        pytest.param({"rule": "none"}, {}, id="off"),
        pytest.param({"minRuns": 3}, {}, id="too few runs"),
        pytest.param({"minSeconds": 30}, {}, id="too early"),
        pytest.param({"metric": "loss"}, {}, id="another metric"),
        pytest.param({}, {"goal": "minimize"}, id="lower is better"),
        pytest.param({}, {"train": {**TRAIN, "reports": {"maxStep": 100, "comparable": False}}}, id="not comparable"),
        pytest.param({}, {"train": {**TRAIN, "reports": {"maxStep": 4}}}, id="the last step is reached"),
    ],
)
def test_a_run_is_not_stopped(given_: dict[str, Any], spec: dict[str, Any]) -> None:
    s = of(stopping(**given_), **spec)
    live, others = started(s, 2), [peer(s, n, *[0.5] * 4) for n in range(2)]
    run = after(reported(s, live, reading(*[0.1] * 4), *others), live)
    assert (run.terminal, run.status.early_stopping, len(run.status.curve)) == (False, None, 4)


def test_manual_runs_are_not_stopped() -> None:
    s = of()
    live, others = started(s, None, name="by-hand"), [peer(s, n, *[0.5] * 4) for n in range(2)]
    assert not after(reported(s, live, reading(*[0.1] * 4), *others), live).terminal


def test_another_metric_is_compared_by_its_own_goal() -> None:
    objectives = [{"metric": "reward"}, {"metric": "loss", "goal": "minimize"}]
    s = of(stopping(metric="loss"), metric=None, objectives=objectives)
    live, others = started(s, 2), []
    for n in range(2):
        other = started(s, n)
        others.append(after(reported(s, other, reading(*[0.1] * 4, metrics=[0.3] * 4)), other))
    verdict = after(reported(s, live, reading(*[0.9] * 4, metrics=[0.7] * 4), *others), live).status.early_stopping
    assert verdict is not None
    assert (verdict.value, verdict.threshold) == (0.7, 0.3)
    better = after(reported(s, live, reading(*[0.0] * 4, metrics=[0.2] * 4), *others), live)
    assert not better.terminal
    assert better.status.curve[0].metrics == {"loss": 0.2}


def test_median_compares_with_succeeded_runs() -> None:
    s = of(stopping("median"))
    live = started(s, 4)
    running = [peer(s, n, *[0.9] * 4) for n in range(2)]
    assert not after(reported(s, live, reading(*[0.1] * 4), *running), live).terminal
    done = [finished(s, n, *[0.9] * 8) for n in (2, 3)]
    run = after(reported(s, live, reading(*[0.1] * 4), *done), live)
    assert run.pruned
    assert run.status.failure is not None
    assert run.status.failure.message == (
        "best reward 0.1 by step 4; the averages of 2 finished runs have the median 0.9 there"
    )


GOOD = Forecast(
    points=3, score=0.2, low=0.1, high=0.3, probability=0.001, needed=0.5, remaining_cost=40.0, learned_from=2
)


@pytest.mark.parametrize(
    ("changes", "settings", "stops"),
    [
        pytest.param({}, {}, True, id="no chance"),
        pytest.param({"probability": 0.02}, {}, False, id="a chance"),
        pytest.param({"probability": 0.02}, {"confidence": 0.95}, True, id="less confidence"),
        pytest.param({"points": 2}, {}, False, id="older than the curve"),
        pytest.param({"learned_from": 1}, {}, False, id="too few finished runs"),
        pytest.param({}, {"minSeconds": 50}, False, id="too early"),
        pytest.param({}, {"minReports": 10}, False, id="too few reports"),
    ],
)
def test_model_stops_a_run_without_a_chance(changes: dict[str, Any], settings: dict[str, Any], stops: bool) -> None:
    s = of(stopping("model", **settings))
    done = [finished(s, n, *[0.5] * 4) for n in range(2)]
    known = peer(s, 2, *[0.1] * 9)
    asked = decide(snapshot(s, [known, *done], [job(known)], [pod(known)])).forecast
    assert asked is not None
    assert [(run.name, [round(100 * p[0]) for p in run.curve]) for run in asked.pending] == [(known.name, [1, 3, 7])]
    assert len(asked.observations) == 2
    forecasts = {known.name: replace(GOOD, **changes)}
    plan = reported(s, known, reading(*[0.1] * 9), *done, now=101, forecasts=forecasts)
    run = after(plan, known)
    assert run.pruned == stops
    if stops:
        verdict, failure = run.status.early_stopping, run.status.failure
        assert verdict is not None
        assert failure is not None
        assert (verdict.saved_cost, verdict.probability, verdict.runs) == (40.0, forecasts[known.name].probability, 2)
        assert failure.message == "predicted reward 0.2 +- 0.1 at 45 s; the front needs 0.5 there"


def test_without_finished_runs_or_curves_nothing_is_forecast() -> None:
    s = of(stopping("model"))
    known, live = peer(s, 2, *[0.1] * 9), started(s, 3)
    assert decide(snapshot(s, [known], [job(known)], [pod(known)])).forecast is None
    done = [finished(s, n, *[0.5] * 4) for n in range(2)]
    assert decide(snapshot(s, [live, *done], [job(live)], [pod(live)])).forecast is None
    assert decide(snapshot(of(), [known, *done], [job(known)], [pod(known)])).forecast is None


@pytest.mark.parametrize(
    ("spec", "need"),
    [
        ({"method": "random"}, "method bayes"),
        ({"train": {**TRAIN, "reports": {}}}, "train.reports.maxStep"),
        ({"eval": {"command": ["evaluate"]}}, "reports of the score by train: remove eval"),
        ({"earlyStopping": stopping("model", metric="loss")}, "the sweep's own metric"),
        ({"metric": None, "objectives": [{"metric": "a"}, {"metric": "b"}]}, "one objective"),
    ],
)
def test_model_names_what_it_needs(spec: dict[str, Any], need: str) -> None:
    with pytest.raises(InvalidObject, match=f"model needs {need}.*use asha or median otherwise"):
        of(**{"earlyStopping": stopping("model"), **spec})


@pytest.mark.parametrize(("score", "wrong"), [(0.9, 1), (0.1, 0)])
def test_a_shadowed_run_goes_on_and_shows_whether_the_rule_was_wrong(score: float, wrong: int) -> None:
    s = of(stopping(shadow=1))
    live, others = started(s, 2), [finished(s, n, *[0.5] * 4) for n in range(2)]
    plan = reported(s, live, reading(*[0.1] * 4), *others)
    run = after(plan, live)
    assert (run.terminal, run.status.early_stopping is not None and run.status.early_stopping.shadow) == (False, True)
    assert next(p for p in plan.runs if p.run.name == live.name).cleanup == ()
    assert "PruningSkipped" in [e.reason for p in plan.runs for e in p.events]
    later = reported(s, run, reading(*[0.1] * 16), *others, now=200)
    assert after(later, run).status.early_stopping == run.status.early_stopping, "there is one verdict"
    over = ended(run, 0, f'{{"metrics": {{"reward": {score}}}}}', finished=at(31))
    found = reading(*[0.1] * 16, complete=True)
    last = decide(snapshot(s, [run, *others], [job(run)], [over], now=40, reports={over.uid: found}))
    assert last.status.early_stopping == EarlyStoppingStatus(shadowed=1, wrong=wrong)
    assert last.status.runs.succeeded == 3


def test_the_share_of_shadowed_runs_is_the_one_that_is_asked_for() -> None:
    s = of(stopping(shadow=0.25))
    others = [peer(s, n, *[0.5] * 4) for n in range(2)]
    shadowed = 0
    for n in range(2, 202):
        live = started(s, n)
        verdict = after(reported(s, live, reading(*[0.1] * 4), *others), live).status.early_stopping
        assert verdict is not None
        shadowed += verdict.shadow
    assert math.isclose(shadowed / 200, 0.25, abs_tol=0.1)


def test_saved_cost_follows_the_prediction_if_the_last_step_is_unknown() -> None:
    s = of(train={**TRAIN, "reports": {}}, cost={"source": "WallClock"})
    others = [peer(s, n, *[0.5] * 4) for n in range(2)]
    for prediction, saved in (({"cost": 70.0}, 50.0), ({"cost": 5.0}, 0.0), (None, None)):
        live = started(s, 2, origin="model", prediction=prediction)
        plan = reported(s, live, reading(*[0.1] * 4), *others)
        verdict = after(plan, live).status.early_stopping
        assert verdict is not None
        assert verdict.saved_cost == saved
        assert plan.suggest is not None
        learned = Observation({"x": 0.5}, 0.1, 99.0, cost_is_lower_bound=True)
        assert plan.suggest.observations == (learned,), "without the last step, its last report is its score"


# -- whether the rule can work -----------------------------------------------------------------------------------------


def effective(s: Sweep, *runs: SweepRun, found: LogProgress | None = None) -> tuple[str, str, str]:
    live = started(s, 8)
    plan = reported(s, live, found or reading(), *runs)
    condition = find_condition(plan.status.conditions, "EarlyStoppingEffective")
    assert condition is not None
    return condition.status, condition.reason, condition.message


def test_a_condition_says_why_the_rule_cannot_work() -> None:
    s = of()
    assert effective(s)[:2] == ("Unknown", "NoReportsYet")
    status, why, message = effective(s, peer(s, 0, 0.5))
    assert (status, why) == ("True", "Comparing")
    assert message == "at the steps 1, 4, 16, ..., once 2 other runs have reached the step"
    assert effective(of(method="bayes"), peer(s, 0, 0.5))[2] == message, "the optimizer knows how far a stopped run was"
    unknown = of(method="bayes", train={**TRAIN, "reports": {"everySeconds": 60}})
    assert effective(unknown, peer(s, 0, 0.5))[2].startswith(f"{message}; set train.reports.maxStep: without it, the")
    fixed = of(train={**TRAIN, "reports": {"comparable": False}})
    assert effective(fixed)[:2] == ("False", "NotComparable")
    late = ("NoReports", "no report within 10 minutes: no line of the log is a SWEEP_REPORT")
    assert effective(s, found=LogProgress(problem=late)) == (
        "False", "NoReports", f"no run has reported 'reward': {late[1]}",
    )  # fmt: skip
    missing = ("MetricMissing", "reports do not contain 'reward'; they contain ['loss']")
    status, why, message = effective(of(eval={"command": ["evaluate"]}), found=LogProgress(problem=missing))
    assert (status, why) == ("False", "MetricMissing")
    assert "the score comes from eval; let train report the metric, or set earlyStopping.metric" in message
    assert effective(s, peer(s, 0, 0.5), found=LogProgress(problem=late))[0] == "True", "other runs can be compared"


def test_the_condition_disappears_with_the_rule_and_is_an_event_if_the_rule_cannot_work() -> None:
    s = of(train={**TRAIN, "reports": {"comparable": False}})
    plan = decide(snapshot(s))
    assert [e.reason for e in plan.events if "Early" in e.reason] == ["NotEarlyStoppingEffective"]
    off = decide(snapshot(of({"rule": "none"}).with_(status=plan.status)))
    assert find_condition(off.status.conditions, "EarlyStoppingEffective") is None
    assert off.status.early_stopping is None


def test_a_rule_needs_reports_that_contain_its_metric() -> None:
    with pytest.raises(InvalidObject, match=r"earlyStopping\.rule: asha compares .*; add train\.reports"):
        of(train={"image": "i", "command": ["train"]})
    of({"rule": "none"}, train={"image": "i", "command": ["train"]})
    pattern = {**TRAIN, "reports": {"pattern": "step={step} r={value}"}}
    (error,) = check_spec(of(stopping(metric="loss"), train=pattern).spec)
    assert str(error) == "spec.earlyStopping.metric: 'loss' is not in train.reports.pattern; add {loss} to it"
    given_ = {**TRAIN, "reports": {"pattern": "step={step} r={value} loss={loss}"}}
    assert not check_spec(of(stopping(metric="loss"), train=given_).spec)


def test_a_run_rests_until_the_rest_of_its_log_was_read() -> None:
    """Many runs that have ended must not be decided about in each pass, until it is the turn of the last log."""
    s = of()
    live = started(s, 0)
    (own,) = decide(snapshot(s, [live], [job(live)], [ended(live, 0, '{"metrics": {"reward": 1}}')])).runs
    assert own.follow is not None
    assert own.follow.last
    assert own.idle
