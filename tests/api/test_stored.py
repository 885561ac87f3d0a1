"""Stored objects of a newer version are read, and written without loss. What users write is still checked strictly."""

from __future__ import annotations

from typing import Any

import pytest

from sweep_operator.api import stored
from sweep_operator.api.errors import InvalidObject, parse
from sweep_operator.api.failures import FAILURES
from sweep_operator.api.status import SweepStatus
from sweep_operator.api.stored import keep_unknown, read, read_with_errors, with_status
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun, SweepRunStatus
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.revision import read_revision
from tests.builders import X, sweep_body

AT = "2026-01-01T00:00:00Z"


def newer_run(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "s.r.0", "uid": "u", "later": 1},
        "spec": {"sweepName": "s", "index": 0, "origin": "evolution", "parameters": {"x": 0.5}, "priority": 3},
        "status": {
            "train": {"attempt": 1, "gpuHours": 2, "attempts": [{"n": 1, "class": "throttled", "zone": "a"}]},
            "failure": {"class": "throttled", "reason": "Throttled", "hint": "wait"},
            "conditions": [
                {"type": "Succeeded", "status": "False", "reason": "Throttled", "lastTransitionTime": AT, "severity": 2}
            ],
            "tracking": {"state": "Archived"},
            "energy": {"joules": 5},
            **status,
        },
    }


def test_a_newer_run_is_read() -> None:
    run = read(SweepRun, newer_run())
    assert (run.spec.origin, run.failed, run.delivered) == ("evolution", True, False)
    assert run.status.failure is not None
    assert run.status.failure.class_ == run.status.train.attempts[0].class_ == "throttled"
    row = FAILURES["throttled"]
    assert (row.learned, row.budget, row.counts_as_failed) == (None, None, "never")
    assert "throttled" not in FAILURES


def test_unknown_status_fields_are_kept_at_every_depth() -> None:
    obj = newer_run()
    run = read(SweepRun, obj)
    assert with_status(obj, run.status)["status"].items() >= {"energy": {"joules": 5}}.items()
    assert with_status(obj, run.status)["status"]["train"] == {**run.status.train.to_json(), "gpuHours": 2} | {
        "attempts": [{"n": 1, "seconds": 0.0, "class": "throttled", "zone": "a"}]
    }
    changed = with_status(obj, run.status.with_(failure=None, score=1.5))["status"]
    assert changed["score"] == 1.5
    assert "failure" not in changed, "an object that is removed takes its unknown fields with it"
    assert changed["conditions"][0]["severity"] == 2


def test_list_items_are_matched_by_identity() -> None:
    old = {"best": [{"run": "a", "score": 1.0, "rank": 1}, {"run": "b", "score": 2.0, "rank": 2}], "cost": {"co2": 3}}
    new = {"best": [{"run": "b", "score": 2.0}, {"run": "c", "score": 0.0}], "cost": {"spent": 1.0}}
    assert keep_unknown(SweepStatus, old, new) == {
        "best": [{"run": "b", "score": 2.0, "rank": 2}, {"run": "c", "score": 0.0}],
        "cost": {"co2": 3, "spent": 1.0},
    }
    assert keep_unknown(SweepRunStatus, {}, {"score": 1.0}) == {"score": 1.0}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"goal": "balance"}, "spec.goal"),
        ({"suspendPolicy": "pause"}, "spec.suspendPolicy"),
        ({"cost": {"source": "Tokens"}}, "spec.cost.source"),
        ({"cost": {"include": ["train", "warmup"]}}, "spec.cost.include[1]"),
        ({"storage": {"retention": "newest"}}, "spec.storage.retention"),
        ({"protein": {"acquisition": "thompson"}}, "spec.protein.acquisition"),
        ({"tracking": {"wandb": {"mode": "shadow"}}}, "spec.tracking.wandb.mode"),
        ({"perRun": {"failureRules": [{"exitCodes": [3], "class": "throttled"}]}}, "spec.perRun.failureRules[0].class"),
        (
            {"parameters": {"x": X, "y": X | {"distribution": "beta"}}},
            "spec.parameters['y'].distribution",
        ),
        ({"train": {"results": {"source": "Bucket"}}}, "spec.train.results.source"),
        ({"limits": {"maxRuns": "many"}}, "spec.limits.maxRuns"),
    ],
)
def test_an_invalid_field_is_named_and_the_rest_is_read(spec: dict[str, Any], path: str) -> None:
    body = sweep_body(target=0.5, **spec)
    sweep, errors = read_with_errors(Sweep, body)
    assert [e.path for e in errors] == [path]
    assert sweep.spec.target == 0.5
    assert sweep.spec.tracking.wandb is None, "an unreadable tracker is off"
    with pytest.raises(InvalidObject) as strict:
        parse(Sweep, body)
    assert [str(e) for e in strict.value.errors] == [str(e) for e in errors]


def test_many_invalid_fields_are_removed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt reads the whole object, so a user must not decide how many there are."""
    remove, rounds = stored._remove, list[int]()

    def counted(body: dict[str, Any], places: set[stored.Place]) -> None:
        rounds.append(len(places))
        remove(body, places)

    monkeypatch.setattr(stored, "_remove", counted)
    bad: dict[str, Any] = {f"bad{n}": [] for n in range(200)}
    rules = [{"exitCodes": [n], "class": "crash" if n % 2 else "throttled"} for n in range(1, 8)]
    body = sweep_body(fixed={**bad, "good": 1}, perRun={"failureRules": rules}, limits={"maxRuns": "x"}, goal="up")
    sweep, errors = read_with_errors(Sweep, body)
    assert {e.path for e in errors} >= {"spec.fixed['bad199']", "spec.limits.maxRuns", "spec.goal"}
    assert sweep.spec.fixed == {"good": 1}
    assert [rule.exit_codes for rule in sweep.spec.per_run.failure_rules] == [[1], [3], [5], [7]]
    assert len(rounds) <= 3


def test_unreadable_objects_are_still_errors() -> None:
    for body in ({"metadata": {"name": "s"}}, sweep_body(parameters={}), sweep_body(train=None)):
        with pytest.raises(InvalidObject):
            read(Sweep, body)
    with pytest.raises(InvalidObject, match=r"status\.nextIndex"):
        read(Sweep, {**sweep_body(), "status": {"nextIndex": "many"}})


def test_an_unknown_field_is_an_error_for_users_only() -> None:
    body = sweep_body(limits={"maxRuns": 3, "maxGpuHours": 8}, budget={"hours": 1})
    assert read_with_errors(Sweep, body)[1] == []
    with pytest.raises(InvalidObject) as strict:
        parse(Sweep, body)
    assert {e.path for e in strict.value.errors} == {"spec.limits.maxGpuHours", "spec.budget"}


def test_a_newer_template_is_read() -> None:
    template = RunTemplate.of(parse(Sweep, sweep_body())).to_json()
    template["perRun"]["failureRules"] = [{"exitCodes": [3], "class": "throttled"}]
    template["train"] |= {"zone": "a"}
    assert read_revision({"data": template}) == RunTemplate.of(parse(Sweep, sweep_body()))
