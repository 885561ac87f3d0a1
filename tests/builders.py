"""Fluent fixtures: ``make_sweep("a").parallel(2).build()`` keeps a test to the one field under test."""

from __future__ import annotations

from typing import Any, Self

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun

SWEEP_UID = "0badcafe-0000-4000-8000-000000000001"


class SweepBuilder:
    def __init__(self, name: str) -> None:
        self._metadata: dict[str, Any] = {"name": name, "namespace": "rl", "uid": SWEEP_UID}
        self._spec: dict[str, Any] = {
            "metric": "reward",
            "seed": 7,
            "parameters": {
                "trainer.lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2},
                "trainer.batch_size": {"distribution": "uniform_pow2", "min": 16, "max": 1024},
            },
            "train": {"image": "train:1", "command": ["python", "train.py"]},
        }

    def spec(self, **fields: Any) -> Self:
        self._spec |= fields
        return self

    def train(self, **fields: Any) -> Self:
        self._spec["train"] = {**self._spec["train"], **fields}
        return self

    def eval(self, **fields: Any) -> Self:
        return self.spec(eval={"command": ["python", "sweep_eval.py"], **fields})

    def volume(self, **kind: Any) -> Self:
        return self.spec(storage={"runVolume": kind})

    def parallel(self, runs: int) -> Self:
        return self.spec(limits={**self._spec.get("limits", {}), "maxParallelRuns": runs})

    def suspended(self) -> Self:
        return self.spec(suspend=True)

    def build(self) -> Sweep:
        return parse(Sweep, {"metadata": self._metadata, "spec": self._spec})


def make_sweep(name: str = "cartpole") -> SweepBuilder:
    return SweepBuilder(name)


def make_run(sweep: Sweep, index: int | None = 3, **parameters: Any) -> SweepRun:
    """Run ``index`` of ``sweep``; None: a manual run called ``by-hand``."""
    name = "by-hand" if index is None else f"{sweep.name}.r.{index}"
    spec: dict[str, Any] = {"sweepName": sweep.name, "parameters": parameters}
    if index is not None:
        spec |= {"index": index, "origin": "model", "prediction": {"score": 1.5, "cost": 1e-05}}
    metadata = {"name": name, "namespace": sweep.metadata.namespace, "uid": f"uid-of-{name}"}
    return parse(SweepRun, {"metadata": metadata, "spec": spec})
