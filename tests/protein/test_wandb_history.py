"""What a run of a W&B sweep teaches: successes, failures, runs that are under way, and those that have died."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from protein.integrations.wandb_history import HistoricalRun, WandbRecord, numbers_of, read_run

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
FRESH, SILENT = "2026-11-03T11:56:00Z", "2026-11-03T11:54:59"
OURS = {"protein.suggestion": {"trainer": {"lr": 1e-3}}, "protein.cost": 12.5}


def read(wandb_state: str = "finished", heartbeat: str | None = FRESH, **more: Any) -> HistoricalRun:
    summary, config = more.pop("summary", {}), more.pop("config", {"trainer": {"lr": 0.5}, "seed": 3})
    return read_run(WandbRecord("r1", wandb_state, config, summary, heartbeat), NOW, metric="reward", **more)


@pytest.mark.parametrize(
    ("wandb_state", "heartbeat", "summary", "state", "objective"),
    [
        # what the run has said of itself counts most
        ("finished", FRESH, {"protein.state": "success", "protein.objective": 0.87}, "success", 0.87),
        ("crashed", SILENT, {"protein.state": "success", "protein.objective": 0.87}, "success", 0.87),
        ("running", FRESH, {"protein.state": "success", "protein.objective": 0.0}, "success", 0.0),
        ("finished", FRESH, {"protein.state": "failure", "protein.objective": 1.0}, "failure", None),
        ("finished", FRESH, {"protein.state": "success", "protein.objective": "NaN"}, "failure", None),
        ("finished", FRESH, {"protein.state": "success", "protein.objective": math.inf}, "failure", None),
        ("finished", FRESH, {"protein.state": "success"}, "unscored", None),
        ("finished", FRESH, {"protein.state": "success", "reward": 3}, "success", 3.0),
        ("running", FRESH, {"protein.state": "running"}, "running", None),
        ("running", FRESH, {"protein.state": "initializing"}, "running", None),
        ("running", SILENT, {"protein.state": "running", "reward": 3}, "defunct", None),
        ("crashed", FRESH, {"protein.state": "running"}, "defunct", None),
        ("finished", FRESH, {"protein.state": "running", "reward": 3}, "defunct", None),
        # a plain sweep of `wandb agent`
        ("finished", FRESH, {"reward": 3}, "success", 3.0),
        ("finished", FRESH, {"reward": {"last": 2.5, "max": 3}}, "success", 2.5),
        ("finished", FRESH, {"reward": "NaN"}, "failure", None),
        ("finished", FRESH, {"reward": "high"}, "unscored", None),
        ("finished", FRESH, {}, "unscored", None),
        ("failed", FRESH, {"reward": 3}, "failure", None),
        ("crashed", SILENT, {"reward": 3}, "defunct", None),
        ("killed", FRESH, {"reward": 3}, "defunct", None),
        ("running", FRESH, {"reward": 3}, "running", None),
        ("running", SILENT, {"reward": 3}, "defunct", None),
        ("pending", None, {}, "running", None),
    ],
)
def test_states(
    wandb_state: str, heartbeat: str | None, summary: dict[str, Any], state: str, objective: float | None
) -> None:
    run = read(wandb_state, heartbeat, summary=summary)
    assert (run.state, run.objective) == (state, objective)


def test_parameters_come_from_the_suggestion_or_else_the_config() -> None:
    ours = {**OURS, "protein.state": "success", "protein.objective": 1}
    assert read(summary=ours).params == {"trainer.lr": 1e-3}
    flat = {"protein.suggestion_flattened_items": [["trainer.lr", 0.25], ["n", 3]], "reward": 1}
    assert read(summary=flat).params == {"trainer.lr": 0.25, "n": 3}
    plain = read(summary={"reward": 1}, config={"_wandb": {"t": 1}, "trainer.lr": 0.5, "opt": {"name": "sgd"}})
    assert plain.params == {"trainer.lr": 0.5, "opt.name": "sgd"}


@pytest.mark.parametrize(
    ("summary", "named", "cost"),
    [
        ({"protein.state": "success", "protein.cost": 12.5, "_runtime": 99}, None, 12.5),
        ({"protein.state": "success", "_runtime": 99}, None, None),
        ({"reward": 1, "_runtime": 99}, None, 99.0),
        ({"reward": 1, "_wandb": {"runtime": 98}}, None, 98.0),
        ({"reward": 1, "gpu": {"seconds": 7}, "_runtime": 99}, "gpu.seconds", 7.0),
        ({"reward": 1, "_runtime": -1}, None, None),
        ({"reward": 1, "_runtime": "Infinity"}, None, None),
    ],
)
def test_costs(summary: dict[str, Any], named: str | None, cost: float | None) -> None:
    assert read(summary=summary, cost=named).cost == cost


def test_a_run_can_report_when_it_was_created() -> None:
    assert read(summary={"protein.created": "2026-01-02T03:04:05+00:00"}).created == "2026-01-02T03:04:05+00:00"
    assert read(summary={}).created is None


def test_metrics_are_the_finite_numbers_of_the_summary() -> None:
    summary = {"reward": 1, "loss": 0.5, "bad": "NaN", "note": "x", "_step": 9, "protein.cost": 3, "on": True}
    assert read(summary=summary).metrics == {"reward": 1.0, "loss": 0.5}
    named = read(summary={**summary, "_runtime": 7}, cost="_runtime")
    assert named.metrics == {"reward": 1.0, "loss": 0.5, "_runtime": 7.0}, "names in W&B's own namespace are found, too"


def test_dotted_names_are_keys_or_paths() -> None:
    assert numbers_of({"a.b": 1, "a": {"b": 2}})["a.b"] == 1
    assert numbers_of({"a": {"b": 2}}) == {"a.b": 2}
    assert numbers_of({"a": 3}) == {"a": 3}


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ({"min": 0.1, "last": 0.4}, {"m": 0.4, "m.min": 0.1, "m.last": 0.4}),
        ({"min": 0.1}, {"m": 0.1, "m.min": 0.1}),
        ({"min": 0.1, "max": 0.9}, {"m.min": 0.1, "m.max": 0.9}),
        ({"a": {"b": "NaN"}}, {"m.a.b": math.nan}),
        ({"_type": "image-file", "size": 3}, {}),
    ],
)
def test_statistics_of_a_metric_and_nested_metrics(value: Any, numbers: dict[str, float]) -> None:
    assert numbers_of({"m": value}) == pytest.approx(numbers, nan_ok=True)


METTA = {"suggestion": {"trainer": {"lr": 0.25}}, "objective": 0.5, "cost": 120.0, "is_failure": False}


@pytest.mark.parametrize(
    ("wandb_state", "summary", "expected"),
    [
        ("finished", {"protein_observation": METTA}, ("success", 0.5, 120.0)),
        ("failed", {"protein_observation": METTA}, ("success", 0.5, 120.0)),
        ("finished", {"protein_observation": {**METTA, "is_failure": True}}, ("failure", None, 120.0)),
        ("finished", {"protein_observation": {**METTA, "objective": "NaN"}}, ("failure", None, 120.0)),
        ("running", {}, ("running", None, None)),
        ("failed", {}, ("defunct", None, None)),
        ("finished", {"reward": 3}, ("defunct", None, None)),
        ("finished", {"protein.state": "success", "protein.objective": 2}, ("success", 2.0, None)),
    ],
)
def test_runs_of_mettas_sweep_system(wandb_state: str, summary: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """A run without a result has a suggestion only; its run time is not its cost."""
    suggested = {"protein_suggestion": METTA["suggestion"], "_runtime": 9, **summary}
    run = read(wandb_state, summary=suggested, config={"dummy_param": 1, "seed": 3})
    assert (run.state, run.objective, run.cost) == expected
    assert (run.params, run.suggested, run.config) == ({"trainer.lr": 0.25}, True, {"dummy_param": 1, "seed": 3})
    assert "protein_observation.cost" not in run.metrics


def test_failure_class_and_error_of_a_run() -> None:
    assert read(summary={"protein.state": "failure", "protein.error": "out of memory"}).error == "out of memory"
    stopped = {"protein.state": "failure", "protein.failure_class": "pruned", "protein.last_report": 0.25}
    assert (read(summary=stopped).failure_class, read(summary=stopped).last_report) == ("pruned", 0.25)
