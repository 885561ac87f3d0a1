"""What W&B receives of a sweep and its runs, retries, and which failures are temporary."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from sweep_operator.api.errors import parse
from sweep_operator.api.sweeprun import SweepRunStatus
from sweep_operator.domain.curve import Point
from sweep_operator.engine.report_files import ReportFiles
from sweep_operator.pacing import TokenBucket
from sweep_operator.tracking.delivery.content import run_card, sweep_card
from sweep_operator.tracking.delivery.messages import RunCard
from sweep_operator.tracking.delivery.offer import FIRST_REPAIR, LONGEST_RETRY, Retry
from sweep_operator.tracking.delivery.rows import FoundHistory, rows_of
from sweep_operator.tracking.history.messages import PastSweep
from sweep_operator.tracking.history.reader import reported_metric
from sweep_operator.tracking.troubles import NoKey, WandbError, status_in, trouble_of
from tests.builders import SWEEP_UID, make_run, make_sweep


def test_the_sweep_has_its_real_parameters() -> None:
    parameters = {
        "a.lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2},
        "a.batch": {"distribution": "uniform_pow2", "min": 16, "max": 128},
        "a.depth": {"distribution": "int_uniform", "min": 2, "max": 8},
        "a.drop": {"distribution": "logit_normal", "min": 0.1, "max": 0.9},
        "a.opt": {"distribution": "categorical", "values": ["adam", "sgd"]},
    }
    sweep = make_sweep().spec(parameters=parameters, fixed={"steps": 100}, goal="minimize", displayName="My_S").build()
    card = sweep_card(sweep, "known")
    assert card.config["parameters"] == {
        "steps": {"value": 100},
        "a.lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-2},
        "a.batch": {"values": [16, 32, 64, 128]},
        "a.depth": {"distribution": "int_uniform", "min": 2, "max": 8},
        "a.drop": {"distribution": "uniform", "min": 0.1, "max": 0.9},
        "a.opt": {"values": ["adam", "sgd"]},
    }
    assert card.config["metric"] == {"name": "score", "goal": "minimize"}
    assert (card.config["method"], card.config["controller"]) == ("custom", {"type": "local"})
    assert SWEEP_UID in card.config["description"]
    assert (card.display_name, card.known_id) == ("My_S", "known")


def test_values_have_their_types_again() -> None:
    """JSON turned 1.0 into 1 on its way through the API server."""
    sweep = make_sweep().build()
    card = run_card(sweep, make_run(sweep, 3, **{"trainer.lr": 1, "trainer.batch_size": 64.0}))
    assert [type(v) for v in card.config.values()] == [float, int]
    assert (card.id, card.name) == (f"cartpole-{SWEEP_UID[:8]}.r.3", "cartpole.r.3")


def test_a_manual_run_has_its_own_name() -> None:
    sweep = make_sweep().spec(displayName="My_S").build()
    assert (run_card(sweep, make_run(sweep, None)).id, run_card(sweep, make_run(sweep, None)).name) == (
        f"My_S-{SWEEP_UID[:8]}.by-hand",
        "by-hand",
    )


def test_a_run_that_early_stopping_ended_is_no_failure_in_wandb() -> None:
    sweep = make_sweep().build()
    run = make_run(sweep, 3, **{"trainer.lr": 0.001, "trainer.batch_size": 64})
    ended = {"type": "Succeeded", "status": "False", "reason": "Pruned", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {
        "failure": {"class": "pruned", "reason": "Pruned", "message": "too low"},
        "curve": [{"step": 1, "value": 0.5, "seconds": 2, "metrics": {"loss": 0.25}}, {"step": 2, "seconds": 4}],
        "conditions": [ended],
    }
    card = run_card(sweep, run.with_(status=parse(SweepRunStatus, status)))
    assert not card.failed
    assert (card.summary["protein.state"], card.summary["protein.last_report"]) == ("failure", 0.5)
    assert "score" not in card.summary
    rows = rows_of(card.with_(cost_per_second=0.5))
    first = {"curve/step": 1, "curve/seconds": 2, "curve/cost": 1, "curve/value": 0.5, "curve/loss": 0.25}
    assert rows == [(1, first), (2, {"curve/step": 2, "curve/seconds": 4, "curve/cost": 2})]


@hypothesis.given(
    st.lists(st.sampled_from([0.0, 0.25, 1.0, 2.0, 1e6, 1e15 + 0.5, 1e300]) | st.floats(0, 100), max_size=20),
    st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_every_report_is_one_row_whatever_file_it_is_in(steps: list[float], stored: list[bool]) -> None:
    points = [Point(step, step / 2, step, 1, (("loss", 0.5),)) for step in steps]
    curve = [point for point, kept in zip(points, stored, strict=False) if kept]
    with TemporaryDirectory() as folder:
        files = ReportFiles(Path(folder))
        for pod, part in (("a", points[::2]), ("b", points[1::2]), ("b", points[:3])):
            files.add(pod, part)
        with files.find(["b"])[0].open("a") as file:
            file.write("[7.0, 1.0, ")  # its writer was killed
        card = RunCard(id="r", uid="u", name="r", config={}, summary={}, curve=curve, failed=False)
        rows = rows_of(card.with_(reports=[str(path) for path in files.find(["a", "b", "c"])]))
    assert [row["curve/step"] for _, row in rows] == sorted(set(steps))
    numbers = [number for number, _ in rows]
    assert numbers == sorted(set(numbers))
    if all(step.is_integer() and step < 2**53 for step in steps):
        assert numbers == [row["curve/step"] for _, row in rows]


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (FoundHistory(40, 40), False),
        (FoundHistory(20, 39), True),
        (FoundHistory(), True),
        (FoundHistory(40), False),
        (FoundHistory(3, 2, foreign=True), False),
    ],
)
def test_a_run_is_delivered_when_its_last_row_has_arrived(found: FoundHistory, missing: bool) -> None:
    assert (found.lacks(40) is not None) == missing
    assert found.lacks(None) is None


TROUBLES: list[tuple[Exception, str, bool]] = [
    (WandbError(401, "user is not logged in"), "KeyRefused", True),
    (WandbError(403, "permission denied"), "PermissionDenied", True),
    (WandbError(404, "entity not found"), "ProjectNotFound", True),
    (WandbError(400, "Unknown field"), "RequestRefused", True),
    (WandbError(200, "a GraphQL error"), "RequestRefused", True),
    (WandbError(408, "timeout"), "Unreachable", False),
    (WandbError(429, "slow down"), "Unreachable", False),
    (WandbError(500, "oops"), "Unreachable", False),
    (WandbError(None, "connection refused"), "Unreachable", False),
    (NoKey("none"), "NoAPIKey", True),
    (ModuleNotFoundError("No module named 'wandb'"), "WandbNotInstalled", True),
    (RuntimeError("a defect of the SDK"), "Unreachable", False),
]


@pytest.mark.parametrize(("error", "reason", "permanent"), TROUBLES)
def test_which_troubles_pass(error: Exception, reason: str, permanent: bool) -> None:
    found = trouble_of(error, "acme/p")
    assert (found.reason, found.permanent) == (reason, permanent)
    assert len(found.message) < 1000


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ('Failed to get resume status for run x: returned error 401: {"data":null}', (401, False)),
        ("POST http://h/graphql giving up after 2 attempt(s)\nwhile retrying: HTTP 429: slow down", (429, True)),
        ("dial tcp 127.0.0.1:1: connect: connection refused", (None, True)),
        ("permission denied", (None, False)),
    ],
)
def test_the_status_in_the_sdks_words(words: str, found: Any) -> None:
    assert status_in(words) == found


def test_pauses_grow_to_a_limit() -> None:
    retry, waits = Retry(), []
    for _ in range(12):
        retry.failed(100.0, permanent=False, rand=lambda: 1.0)
        waits.append(retry.wait(100.0))
    assert waits[:3] == [2.0, 4.0, 8.0]
    assert max(waits) == waits[-1] == LONGEST_RETRY
    repair = Retry()
    repair.failed(0.0, permanent=True, rand=lambda: 0.0)
    assert repair.wait(0.0) == FIRST_REPAIR / 2


def test_no_more_than_the_rate() -> None:
    sent, now = 0, 0.0
    bucket = TokenBucket(1.0, 15.0, clock=lambda: now)
    while now < 120.0:
        count = min(10, bucket.available())
        bucket.take(count)
        sent += count
        now += bucket.wait(10) or 0.001
    assert 60 * 2 <= sent <= 60 * 2 + 15, "a quarter of a minute's worth at once, then one per second"
    assert bucket.wait(1000) <= 15.0, "a request for more than one burst waits for one burst only"


def test_the_description_lists_the_objectives_and_the_score_is_still_found() -> None:
    objectives = [{"metric": "acc, uid 1"}, {"metric": "latency", "goal": "minimize", "threshold": 50}]
    for given in (objectives[:1], objectives):
        card = sweep_card(make_sweep().spec(metric=None, objectives=given).build(), None)
        assert card.config["metric"] == {"name": "score", "goal": "maximize"}
        text = card.config["description"]
        assert reported_metric(PastSweep(id="x", name="x", description=text, config="")) == "acc, uid 1"
    assert text.splitlines()[1:] == ["Objective: maximize acc, uid 1", "Objective: minimize latency, at most 50"]
