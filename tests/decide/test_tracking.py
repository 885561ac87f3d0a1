"""Tracking: allowed destinations, delivery, and the condition TrackingSynced."""

from __future__ import annotations

from typing import Any

import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.meta import Condition
from sweep_operator.api.status import SweepStatus, SweepTracking
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import RunTracking, SweepRun
from sweep_operator.api.tracking import Destination, NotAllowed, destination
from sweep_operator.decide.events import sweep_events
from sweep_operator.decide.tracking import (
    EndedRuns,
    Tracked,
    TrackingProblem,
    TrackingReport,
    is_undelivered,
    news_of,
    track,
)
from tests.builders import make_run, make_sweep

URL = "https://wandb.example.org"
CONFIG = OperatorConfig(wandb_base_urls=[URL], wandb_projects={"rl": ["metta/*", "*/shared"], "ops-*": ["ops/x"]})
HEARD = TrackingReport(heard=True, sweep_id="abc", entity="metta")


def tracked_sweep(**wandb: Any) -> Sweep:
    return make_sweep().spec(tracking={"wandb": {"entity": "metta", "project": "p", **wandb}}).build()


def ended(index: int, status: str = "True", **more: Any) -> SweepRun:
    run = make_run(tracked_sweep(), index)
    condition = {"type": "Succeeded", "status": status, "reason": "x", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    body = run.to_json() | {"status": {"conditions": [condition], "score": 1.0, **more}}
    return parse(SweepRun, body)


DELIVERED = {"tracking": {"state": "Delivered", "runId": "r"}}


def decide(
    sweep: Sweep,
    runs: list[SweepRun],
    report: TrackingReport | None = HEARD,
    *,
    over: bool = False,
    with_pods: frozenset[str] = frozenset(),
) -> Tracked:
    here = [r for r in runs if r.terminal and not r.imported]
    open_ = tuple(r for r in here if is_undelivered(r))
    return track(EndedRuns(len(here), len(here) - len(open_), open_), with_pods, sweep, report, CONFIG, over=over)


def state(tracked: Tracked) -> tuple[str, str] | None:
    return (tracked.condition.status, tracked.condition.reason) if tracked.condition else None


@pytest.mark.parametrize(
    ("wandb", "namespace", "found"),
    [
        ({}, "rl", Destination(URL, "metta", "p")),
        ({"baseURL": URL + "/"}, "rl", Destination(URL, "metta", "p")),
        ({"mode": "disabled"}, "rl", None),
        ({"baseURL": "https://evil.example.org"}, "rl", "BaseURLNotAllowed"),
        ({"baseURL": URL + ".evil.org"}, "rl", "BaseURLNotAllowed"),
        ({"entity": "other"}, "rl", "ProjectNotAllowed"),
        ({"entity": "other", "project": "shared"}, "rl", Destination(URL, "other", "shared")),
        ({"entity": None, "project": "shared"}, "rl", Destination(URL, None, "shared")),
        ({"entity": None}, "rl", "ProjectNotAllowed"),
        ({}, "default", "ProjectNotAllowed"),
        ({"entity": "ops", "project": "x"}, "ops-1", Destination(URL, "ops", "x")),
    ],
)
def test_destination(wandb: dict[str, Any], namespace: str, found: Destination | str | None) -> None:
    sweep = tracked_sweep(**wandb)
    sweep = sweep.with_(metadata=sweep.metadata.with_(namespace=namespace))
    there = destination(sweep, CONFIG)
    assert (there.reason if isinstance(there, NotAllowed) else there) == found


def test_no_destination_is_allowed_by_default() -> None:
    there = destination(make_sweep().spec(tracking={"wandb": {"entity": "metta"}}).build(), OperatorConfig())
    assert isinstance(there, NotAllowed)
    assert "wandbProjects: {rl: [metta/sweeps]}" in there.message


def test_tracking_is_off() -> None:
    assert decide(make_sweep().build(), [ended(0)]) == Tracked(None, None)
    assert decide(tracked_sweep(), [ended(0)], None) == Tracked(None, None), "this process does not deliver"


def test_finished_runs_without_active_pods_are_delivered() -> None:
    runs = [ended(0, **DELIVERED), ended(1), make_run(tracked_sweep(), 2), ended(3, "False"), ended(4)]
    tracked = decide(tracked_sweep(), runs, with_pods=frozenset({runs[4].name}))
    assert tracked.request is not None
    assert [r.spec.index for r in tracked.request.runs] == [1, 3], "finished runs, but not with a terminating pod"
    assert tracked.request.sweep_id == "abc"
    assert tracked.status is not None
    assert (tracked.status.delivered, tracked.status.backlog, tracked.status.wandb_sweep_id) == (1, 3, "abc")


def test_the_sweep_id_of_another_project_is_ignored() -> None:
    known = SweepTracking(base_url=URL, entity="metta", project="old", wandb_sweep_id="old-id")
    sweep = tracked_sweep().with_(status=SweepStatus(tracking=known))
    request = decide(sweep, [], TrackingReport()).request
    assert request is not None
    assert request.sweep_id is None
    kept = sweep.with_(status=SweepStatus(tracking=known.with_(project="p")))
    request = decide(kept, [], TrackingReport()).request
    assert request is not None
    assert request.sweep_id == "old-id"


@pytest.mark.parametrize(
    ("report", "runs", "over", "expected"),
    [
        (TrackingReport(), [], False, ("Unknown", "Connecting")),
        (HEARD, [ended(0)], False, ("True", "Synced")),
        (HEARD, [ended(0)], True, ("Unknown", "Delivering")),
        (HEARD, [ended(0, **DELIVERED)], True, ("True", "Synced")),
        (TrackingReport(problem=TrackingProblem("KeyRefused", "m")), [], False, ("False", "KeyRefused")),
        (HEARD, [ended(0, tracking={"state": "Refused", "error": "deleted"})], True, ("False", "RunRefused")),
    ],
)
def test_condition(report: TrackingReport, runs: list[SweepRun], over: bool, expected: tuple[str, str]) -> None:
    assert state(decide(tracked_sweep(), runs, report, over=over)) == expected


def test_a_problem_is_kept_after_a_restart_until_the_tracker_answers() -> None:
    before = Condition.model_validate(
        {
            "type": "TrackingSynced",
            "status": "False",
            "reason": "KeyRefused",
            "message": "m",
            "last_transition_time": "2026-01-01T00:00:00Z",
        }
    )
    sweep = tracked_sweep().with_(status=SweepStatus(conditions=[before]))
    assert state(decide(sweep, [ended(0)], TrackingReport())) == ("False", "KeyRefused")
    assert state(decide(sweep, [ended(0)], HEARD)) == ("True", "Synced")


def test_offline_mode() -> None:
    sweep = tracked_sweep(mode="offline")
    runs = [ended(0), ended(1, tracking={"state": "Offline"})]
    local = decide(sweep, runs, TrackingReport(keeps_files=True))
    assert local.request is not None
    assert [r.spec.index for r in local.request.runs] == [0]
    assert state(local) == ("Unknown", "Offline")
    assert local.condition is not None
    assert "sweep sync" in local.condition.message
    cluster = decide(sweep, runs, TrackingReport())
    assert cluster.request is None
    assert cluster.condition is not None
    assert "spec.tracking.wandb.mode" in cluster.condition.message


def test_the_delivery_of_a_run_is_recorded_once() -> None:
    news = RunTracking(state="Delivered", run_id="r")
    report = TrackingReport(runs={ended(0).metadata.uid: news})
    assert news_of(ended(0), report) == news
    assert news_of(ended(0, **DELIVERED), report) is None, "a delivered run stays delivered"
    assert news_of(make_run(tracked_sweep(), 0), report) is None, "a run that runs again"
    assert news_of(ended(1), report) is None


def test_events_report_the_start_and_end_of_a_tracking_problem() -> None:
    def status(value: str) -> SweepStatus:
        made = {"type": "TrackingSynced", "status": value, "reason": "R", "message": "words"}
        condition = Condition.model_validate(made | {"last_transition_time": "2026-01-01T00:00:00Z"})
        return SweepStatus(conditions=[condition])

    told = {
        (before, after): [e.reason for e in sweep_events(status(before) if before else SweepStatus(), status(after))]
        for before, after in [("", "Unknown"), ("Unknown", "True"), ("True", "False"), ("False", "True"), ("", "False")]
    }
    assert told == {
        ("", "Unknown"): [],
        ("Unknown", "True"): [],
        ("True", "False"): ["NotTrackingSynced"],
        ("False", "True"): ["TrackingSynced"],
        ("", "False"): ["NotTrackingSynced"],
    }


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("abc", "def", ["W&B sweep abc does not exist anymore; created sweep def"]),
        ("abc", "abc", []),
        (None, "abc", []),
    ],
)
def test_a_replaced_sweep_is_an_event(before: str | None, after: str, told: list[str]) -> None:
    was, now = (
        SweepStatus(tracking=SweepTracking(base_url=URL, project="p", wandb_sweep_id=i)) for i in (before, after)
    )
    assert [e.message for e in sweep_events(was, now)] == told
