"""The cost of a run in the unit of its sweep."""

from __future__ import annotations

from typing import Any

import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.decide.cost import run_cost, spent, unit
from tests.decide.given import run, sweep

CONFIG = OperatorConfig.model_validate({"profiles": {"gpu": {"gpus": 2, "pricePerHour": 3.6}, "cpu": {}}})
ATTEMPTS = {
    "train": {"attempts": [{"n": 1, "seconds": 50, "class": "crash"}, {"n": 2, "seconds": 100, "class": "succeeded"}]},
    "eval": {"attempts": [{"n": 1, "seconds": 10, "class": "succeeded"}]},
}
GPU = {"image": "i", "command": ["train"], "hardware": "gpu"}
EVAL = {"command": ["eval"], "hardware": "cpu"}


@pytest.mark.parametrize(
    ("cost", "train", "expected"),
    [
        ({"source": "WallClock"}, GPU, 110.0),
        ({"source": "WallClock", "include": ["train"]}, GPU, 100.0),
        ({"source": "GPUSeconds"}, GPU, 200.0),
        ({"source": "GPUSeconds"}, {**GPU, "nodes": 3}, 600.0),
        ({"source": "GPUSeconds"}, {**GPU, "resources": {"limits": {"nvidia.com/gpu": "8"}}}, 800.0),
        ({"source": "GPUSeconds"}, {**GPU, "hardware": "cpu", "resources": {"limits": {"amd.com/gpu": 1}}}, 100.0),
        ({"source": "GPUSeconds"}, {**GPU, "resources": {"limits": {"memory": "8Gi"}}}, 200.0),
        ({"source": "Price", "include": ["train"]}, GPU, 0.1),
        ({"source": "Reported"}, GPU, 7.0),
    ],
)
def test_cost_of_a_finished_run(cost: dict[str, Any], train: dict[str, Any], expected: float) -> None:
    given = sweep(cost=cost, train=train, eval=EVAL)
    assert run_cost(given, run(0, status=ATTEMPTS), None, CONFIG, reported=7.0) == pytest.approx(expected)


def test_what_was_spent_includes_failed_attempts() -> None:
    given = sweep(cost={"source": "GPUSeconds"}, train=GPU, eval=EVAL)
    tried = {"train": {**ATTEMPTS["train"], "seconds": 150}, "eval": {**ATTEMPTS["eval"], "seconds": 10}}
    assert spent(given, run(0, status=tried), None, CONFIG) == 300.0
    assert unit(given, CONFIG) == "GPU seconds"
