"""What W&B receives of a sweep and its runs, retries, and which failures are temporary."""

from __future__ import annotations

from typing import Any

import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.sweeprun import SweepRunStatus
from sweep_operator.pacing import TokenBucket
from sweep_operator.tracking.delivery.content import run_card, sweep_card
from sweep_operator.tracking.delivery.offer import FIRST_REPAIR, LONGEST_RETRY, Retry
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
    assert card.curve[0] == {"curve/step": 1, "curve/seconds": 2, "curve/value": 0.5, "curve/loss": 0.25}


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
