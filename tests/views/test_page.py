"""The data of the page: rows, phases, money and details say what the objects say, for any stored object."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep_operator.api.errors import InvalidObject
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.visible_text import visible_text
from sweep_operator.decide.summary import ranked
from sweep_operator.views.page.details import run_details
from sweep_operator.views.page.models import SweepPage
from sweep_operator.views.page.phases import phases_of
from sweep_operator.views.page.rows import curve_of, run_row
from sweep_operator.views.page.sweeps import sweep_page, sweep_row
from tests.page_samples import HOSTILE, big_sweep, hostile_sweep
from tests.report.sample_sweep import T0, run_json, sweep_json, with_status

NOW = T0 + timedelta(hours=1)
SWEEP, RUNS = big_sweep(120)
PAGE = sweep_page(SWEEP, RUNS, {}, NOW)


def run_of(status: dict[str, Any], **spec: Any) -> SweepRun:
    body = run_json(sweep_json(), 0, None, None, {})
    body["spec"] |= spec
    return read(SweepRun, {**body, "status": status})


def at(minute: float) -> str:
    return (T0 + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def condition(status: str, reason: str, type_: str = "Succeeded") -> dict[str, Any]:
    return {"type": type_, "status": status, "reason": reason, "lastTransitionTime": at(30)}


def shown(run: SweepRun) -> list[tuple[str, str, int, str, str | None]]:
    return [(p.phase, p.stage, p.attempt, p.start[11:16], p.end and p.end[11:16]) for p in phases_of(run)]


# -- one sweep ----------------------------------------------------------------------------------------------------


def test_every_run_has_a_row_and_groups_agree_with_the_counts() -> None:
    assert [row.name for row in PAGE.runs] == [run.name for run in RUNS]
    groups = [row.group for row in PAGE.runs]
    counts = PAGE.row.counts
    assert (groups.count("succeeded"), groups.count("pruned")) == (counts.succeeded, counts.pruned)
    assert groups.count("failed") + groups.count("stopped") == counts.failed
    assert groups.count("running") == counts.running > 0
    assert min(counts.succeeded, counts.failed, counts.pruned, groups.count("stopped")) > 0


def test_ranking_front_and_best_follow_the_rules_of_the_operator() -> None:
    assert PAGE.ranking == [run.name for run in ranked(SWEEP, RUNS)]
    assert PAGE.front == [point.run for point in SWEEP.status.pareto]
    assert PAGE.row.best is not None
    assert (PAGE.row.best.run, PAGE.row.best.label) == (
        PAGE.ranking[0],
        PAGE.ranking[0].replace("my-sweep", "my_sweep"),
    )
    assert PAGE.best_params is not None
    assert "# @package _global_" in (PAGE.best_params.patch or "")
    assert "trainer.gamma=" in PAGE.best_params.overrides


def test_runs_that_reach_every_threshold_rank_first() -> None:
    body = sweep_json(metric=None, objectives=[{"metric": "reward"}, {"metric": "latency", "goal": "minimize"}])
    body["spec"]["objectives"][1]["threshold"] = 3
    made = [run_json(body, index, float(index), 2.0, {}) for index in range(4)]
    for index, run in enumerate(made):
        run["status"]["metrics"] = {"latency": float(index), "other": 1.0}
    sweep, runs = with_status(body, [read(SweepRun, run) for run in made])
    page = sweep_page(sweep, runs, {}, NOW)
    assert [name[-1] for name in page.ranking] == ["3", "2", "1", "0"]
    made[3]["status"]["metrics"]["latency"] = 4.0
    page = sweep_page(sweep, [read(SweepRun, run) for run in made], {}, NOW)
    assert [name[-1] for name in page.ranking] == ["2", "1", "0", "3"]
    assert page.runs[0].metrics == {"latency": 0.0}
    assert [o.threshold for o in page.objectives] == [None, 3]


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_money_adds_up(goal: str) -> None:
    sweep, runs = big_sweep(200, goal=goal)
    money = sweep_page(sweep, runs, {}, NOW).money
    running = sum(r.status.train.seconds for r in runs if not r.terminal)
    parts = money.useful + sum(w.cost for w in money.wasted) + money.pruned.cost + running
    assert parts == pytest.approx(money.spent)
    by_class = {w.class_: w for w in money.wasted}
    assert set(by_class) == {"parameters", "crash", "infrastructure", "stopped", "preempted"}
    retried = [r for r in runs if len(r.status.train.attempts) > 1]
    assert by_class["preempted"].cost == pytest.approx(5.0 * len(retried))
    assert by_class["preempted"].runs == len(retried)
    assert money.pruned.saved == sum(30.0 for r in runs if r.pruned) > 0


def test_the_row_of_the_list_needs_the_sweep_only() -> None:
    row = sweep_row(SWEEP)
    assert row.with_(eta_seconds=PAGE.row.eta_seconds) == PAGE.row
    mean = SWEEP.status.cost.spent / row.counts.finished
    left = row.counts.running / 2
    assert row.eta_seconds == pytest.approx(left * mean / 8), "half of each run is left, and 8 run at a time"
    status = {"conditions": [condition("True", "MaxRunsReached"), condition("True", "Interrupted", "Interrupted")]}
    ended = sweep_row(read(Sweep, {**sweep_json(), "status": status}))
    assert (ended.state, ended.ended, ended.interrupted, ended.completed) == ("Interrupted", True, True, at(30))
    rejected = sweep_row(read(Sweep, {**sweep_json(), "status": {"conditions": [condition("False", "X", "Accepted")]}}))
    assert (rejected.state, rejected.ended) == ("Invalid", False)


def test_nothing_runs_in_an_interrupted_sweep() -> None:
    """Its process was killed, and its status still says what it did then."""
    now = NOW - timedelta(minutes=40)
    running = PAGE.row.counts.running
    assert running
    assert PAGE.row.eta_seconds is not None
    interrupted = [condition("Unknown", "Running"), condition("True", "Interrupted", "Interrupted")]
    stored = SWEEP.to_json()
    row = sweep_row(read(Sweep, {**stored, "status": {**stored["status"], "conditions": interrupted}}), PAGE.runs, now)
    assert (row.state, row.counts.running, row.counts.waiting, row.eta_seconds) == ("Interrupted", 0, running, None)
    run = run_of({"train": {"attempt": 1, "startTime": at(1)}, "conditions": interrupted})
    assert (run_row(SWEEP, run).group, run_row(SWEEP, run).state) == ("waiting", "Interrupted")
    assert [a.state for a in run_details(SWEEP, run, None, [], {}).attempts] == ["interrupted"]


def test_parameters_have_their_axis_and_a_unique_label() -> None:
    by_label = {p.label: p for p in PAGE.parameters}
    rate, size, name, momentum = (by_label[x] for x in ("learning_rate", "batch_size", "name", "momentum"))
    assert (rate.axis, rate.kind, rate.min, rate.max, rate.mean) == ("log10", "number", 1e-5, 1e-2, 3e-4)
    assert (size.axis, size.kind) == ("log2", "integer")
    assert (name.kind, name.values, name.min) == ("category", ["adam", "sgd"], None)
    assert (momentum.axis, momentum.when) == ("logit", "name: sgd")
    place = [p.path for p in PAGE.parameters].index(momentum.path)
    assert {row.parameters[place] is None for row in PAGE.runs} == {True, False}


def test_calibration_counts_the_runs_within_their_intervals() -> None:
    score = PAGE.calibration.score
    assert score is not None
    rows = [r for r in PAGE.runs if r.origin == "model" and r.score is not None and r.predicted is not None]
    found = [(r.predicted and r.predicted.score_low, r.score, r.predicted and r.predicted.score_high) for r in rows]
    inside = [low <= value <= high for low, value, high in found if low and value and high]
    assert (score.count, score.within) == (len(rows), sum(inside))


# -- one run ------------------------------------------------------------------------------------------------------


def test_a_run_waits_is_retried_and_is_evaluated() -> None:
    times = {"scheduledTime": at(1), "startTime": at(2)}
    first = {"n": 1, "seconds": 60.0, "class": "preempted", **times}
    waiting = {"attempt": 1, "attempts": [first], "failures": 0, "preemptions": 1}
    run = run_of({"train": waiting, "conditions": [condition("Unknown", "BackOff")]})
    done = [("queued", "train", 1, "09:00", "09:01"), ("pulling", "train", 1, "09:01", "09:02")]
    done.append(("training", "train", 1, "09:02", "09:03"))
    assert shown(run) == [*done, ("retrying", "train", 2, "09:03", None)]
    second = {**waiting, "attempt": 2}
    run = run_of({"train": second, "conditions": [condition("Unknown", "ContainerCreating")]})
    assert shown(run)[3:] == [("pulling", "train", 2, "09:03", None)]
    run = run_of({"train": second, "conditions": [condition("Unknown", "Training")]})
    assert shown(run)[3:] == [("starting", "train", 2, "09:03", None)], "whether it waits or runs is not recorded yet"
    second |= {"scheduledTime": at(5), "startTime": at(6), "node": "n1"}
    run = run_of({"train": second, "conditions": [condition("Unknown", "Training")]})
    again = [("retrying", "train", 2, "09:03", "09:05"), ("pulling", "train", 2, "09:05", "09:06")]
    assert shown(run)[3:] == [*again, ("training", "train", 2, "09:06", None)]
    assert [p.node for p in phases_of(run)[3:]] == [None, "n1", "n1"]
    second["attempts"] = [first, {"n": 2, "seconds": 120.0, "class": "succeeded", "startTime": at(6)}]
    evaluated = {"attempt": 1, "startTime": at(9)}
    trained = condition("True", "Completed", "TrainSucceeded")
    run = run_of({"train": second, "eval": evaluated, "conditions": [condition("Unknown", "Evaluating"), trained]})
    after = [("queued", "eval", 1, "09:08", "09:09"), ("evaluating", "eval", 1, "09:09", None)]
    assert shown(run)[-3:] == [("training", "train", 2, "09:06", "09:08"), *after]


def test_a_run_whose_queue_evicts_it_goes_on_with_another_pod() -> None:
    """Each pod is shown with its own name and node."""
    evicted = {
        "n": 1, "podUID": "p", "podName": "pod-a", "node": "n1", "seconds": 60.0, "scheduledTime": at(1),
        "startTime": at(2),
    }  # fmt: skip
    train = {
        "attempt": 1, "attempts": [evicted], "scheduledTime": at(9), "startTime": at(10), "podName": "pod-b",
        "node": "n2",
    }  # fmt: skip
    run = run_of({"train": train, "conditions": [condition("Unknown", "Training")]})
    assert shown(run)[2:] == [
        ("training", "train", 1, "09:02", "09:03"), ("queued", "train", 1, "09:03", "09:09"),
        ("pulling", "train", 1, "09:09", "09:10"), ("training", "train", 1, "09:10", None),
    ]  # fmt: skip
    assert [p.node for p in phases_of(run)] == [None, "n1", "n1", None, "n2", "n2"]
    details = run_details(SWEEP, run, None, [], {})
    assert [(a.state, a.pod, a.node) for a in details.attempts] == [
        ("evicted", "pod-a", "n1"), ("running", "pod-b", "n2"),
    ]  # fmt: skip


def test_a_run_that_has_not_started_is_queued_and_an_imported_one_has_no_phases() -> None:
    assert shown(run_of({})) == [("queued", "train", 1, "09:00", None)]
    imported = run_of({"conditions": [condition("True", "Imported")]}, origin="imported", observation={"score": 1.0})
    assert phases_of(imported) == []
    row = run_row(SWEEP, imported)
    assert (row.imported, row.ended, row.group) == (True, at(30), "succeeded")


def test_phases_follow_each_other() -> None:
    for row in PAGE.runs:
        for before, after in zip(row.phases, row.phases[1:], strict=False):
            assert before.end is not None
            assert before.start < before.end <= after.start
        assert (row.phases[-1].end is None) == (row.ended is None)


def test_the_page_of_a_run_says_what_differs_and_how_to_repeat_it() -> None:
    best = next(r for r in RUNS if r.name == PAGE.ranking[0])
    run = next(r for r in RUNS if len(r.status.train.attempts) > 1)
    event = {"lastTimestamp": at(1), "type": "Warning", "reason": "Preempted", "message": "evicted", "count": 3}
    found = run_details(SWEEP, run, best, [event], {})
    assert [(a.attempt, a.state, a.exit_code) for a in found.attempts] == [(1, "preempted", None), (2, "succeeded", 0)]
    assert [(e.time, e.reason, e.count) for e in found.events] == [(at(1), "Preempted", 3)]
    assert {d.path for d in found.difference} >= {"trainer.gamma"}
    assert all(d.value == run.parameters.get(d.path) != d.best for d in found.difference)
    assert "images/trainer/train.py" in found.command
    assert [(log.stage, log.attempt) for log in found.logs] == [("train", 1), ("train", 2)]
    assert run_details(SWEEP, best, best, [], {}).difference == []


def test_a_verdict_is_told_in_words() -> None:
    stopped = next(row for row in PAGE.runs if row.group == "pruned")
    assert stopped.verdict is not None
    assert stopped.verdict.text == "best reward 3 by step 64; the averages of 9 finished runs have the median 5 there"
    assert {row.verdict.shadow for row in PAGE.runs if row.verdict} == {True, False}


# -- any object ---------------------------------------------------------------------------------------------------


def test_hostile_text_is_visible_and_no_link() -> None:
    sweep, runs = hostile_sweep()
    page = sweep_page(sweep, runs, {}, NOW)
    failed = page.runs[1].failure
    assert failed is not None
    assert failed.message == visible_text(failed.message) != HOSTILE * 90
    assert run_details(sweep, runs[0], None, [], {}).tracker_url is None
    assert len(page.parameters) == len(page.runs[0].parameters) == 64
    assert page.runs[0].parameters[-1] == HOSTILE, "a value stays what it is"


ODD: list[Any] = [
    None,
    0,
    -1,
    1e308,
    True,
    "",
    "x",
    HOSTILE,
    [],
    {},
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+14:00",
]


def _places(obj: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = obj.items() if isinstance(obj, dict) else enumerate(obj) if isinstance(obj, list) else ()
    return [place for key, value in items for place in ((*path, key), *_places(value, (*path, key)))]


def _changed(obj: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    new = copy.deepcopy(obj)
    at_: Any = new
    for part in place[:-1]:
        at_ = at_[part]
    if value is ...:
        del at_[place[-1]]
    else:
        at_[place[-1]] = value
    return new


STORED = [SWEEP.to_json(), *(run.to_json() for run in (*RUNS[3:22], *RUNS[-3:]))]
PLACES = [_places(obj) for obj in STORED]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_stored_object_breaks_the_page(data: st.DataObject) -> None:
    objects = list(STORED)
    for _ in range(data.draw(st.integers(1, 3))):
        which = data.draw(st.integers(0, len(objects) - 1))
        place = data.draw(st.sampled_from(PLACES[which]))
        try:
            objects[which] = _changed(objects[which], place, data.draw(st.sampled_from([..., *ODD])))
        except (KeyError, IndexError, TypeError):  # an earlier change has removed the place
            continue
    try:
        sweep = read(Sweep, objects[0])
    except InvalidObject:
        return
    runs = []
    for obj in objects[1:]:
        try:
            runs.append(read(SweepRun, obj))
        except InvalidObject:
            continue
    page = sweep_page(sweep, runs, {}, NOW)
    assert SweepPage.model_validate_json(page.model_dump_json(by_alias=True)) == page
    for run in runs:
        run_details(sweep, run, runs[0], [], {}).model_dump_json(by_alias=True)
        curve_of(run)
