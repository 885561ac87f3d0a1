"""MettaProtein: the reference's programmatic example, with a W&B run and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from protein import MettaProtein

PARAMETERS: dict[str, Any] = {
    "metric": "reward",
    "goal": "maximize",
    "trainer": {
        "optimizer": {
            "learning_rate": {
                "distribution": "log_normal",
                "min": 1e-5,
                "max": 1e-2,
                "scale": "auto",
                "mean": 3e-4,
            }
        },
        "batch_size": {"distribution": "uniform_pow2", "min": 16, "max": 128, "scale": "auto", "mean": 64},
    },
}


def config(**sweep: Any) -> Any:
    protein = {"max_suggestion_cost": 3600, "num_random_samples": 50}
    return OmegaConf.create({"sweep": {"protein": protein, "parameters": PARAMETERS, **sweep}})


def test_the_references_example_runs_as_printed() -> None:
    optimizer = MettaProtein(config())
    suggestion, info = optimizer.suggest()
    assert suggestion["trainer"]["optimizer"]["learning_rate"] == 3e-4
    assert suggestion["trainer"]["batch_size"] == 64
    assert isinstance(info, dict)
    optimizer.record_observation(objective=0.7, cost=120.0)
    other, _ = optimizer.suggest()
    assert other != suggestion
    assert (optimizer.metric, optimizer.goal) == ("reward", "maximize")


def test_a_result_belongs_to_the_configuration_that_was_suggested() -> None:
    optimizer = MettaProtein(config(method="random"))
    suggestion, _ = optimizer.suggest()
    suggestion["trainer"]["batch_size"] = 16  # what the caller does to its copy changes nothing
    optimizer.record_observation(objective=0.7, cost=120.0)
    assert optimizer.optimizer.observations[0].params["trainer.batch_size"] == 64


def test_a_result_is_recorded_once() -> None:
    optimizer = MettaProtein(config(method="random"))
    with pytest.raises(RuntimeError, match="no suggestion is open"):
        optimizer.record_observation(objective=0.7, cost=120.0)
    optimizer.suggest()
    optimizer.record_failure("out of memory")
    with pytest.raises(RuntimeError, match="call suggest"):
        optimizer.record_observation(objective=0.7, cost=120.0)
    assert optimizer.optimizer.observations[0].is_failure


def test_interpolations_are_resolved() -> None:
    cfg = OmegaConf.create(
        {
            "largest": 128,
            "sweep": {
                "goal": "minimize",
                "method": "sobol",
                "parameters": {"b": {"distribution": "uniform_pow2", "min": 16, "max": "${largest}"}},
            },
        }
    )
    optimizer = MettaProtein(cfg)
    assert optimizer.goal == "minimize"
    assert optimizer.suggest()[0] == {"b": 64}


def test_plain_dictionaries_and_numpy_values_are_accepted() -> None:
    import numpy as np

    plain = {"parameters": {"x": {"distribution": "uniform", "min": np.float64(0), "max": np.int64(1)}}}
    optimizer = MettaProtein(plain)
    suggestion, _ = optimizer.suggest()
    assert type(suggestion["x"]) is float
    optimizer.record_observation(objective=np.float32(0.5), cost=np.int64(3))
    assert optimizer.optimizer.observations[0].score == 0.5


@pytest.mark.parametrize(
    ("sweep", "says"),
    [
        ({"goal": "max"}, "goal: 'max'"),
        ({"method": "grid"}, "method: 'grid' is unknown"),
        ({"parameters": 3}, "parameters: 3 must be a map"),
        ({"protein": {"num_random": 3}}, "num_random: unknown setting"),
    ],
)
def test_invalid_input_is_named(sweep: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        MettaProtein({"sweep": {"parameters": PARAMETERS, **sweep}})


@pytest.mark.usefixtures("no_wandb_env")
def test_the_active_wandb_run_receives_suggestion_and_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real SDK, offline."""
    monkeypatch.chdir(tmp_path)
    import wandb

    run = wandb.init(mode="offline", project="p", dir=str(tmp_path), settings=wandb.Settings(silent=True))
    try:
        optimizer = MettaProtein(config(method="random"))
        suggestion, _ = optimizer.suggest()
        assert run.summary["protein.state"] == "running"
        optimizer.record_observation(objective=0.7, cost=120.0)
        assert run.summary["protein.objective"] == 0.7
        assert run.summary["protein.state"] == "success"
        assert run.config["trainer"]["batch_size"] == suggestion["trainer"]["batch_size"]
        optimizer.suggest()
        optimizer.record_failure("diverged")
        assert (run.summary["protein.state"], run.summary["protein.error"]) == ("failure", "diverged")
    finally:
        run.finish()
