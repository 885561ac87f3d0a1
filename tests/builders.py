"""Sweeps and SweepRuns for tests, valid with nothing but a name: each test writes the one field that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from sweep_operator.api.errors import parse
from sweep_operator.api.names import API_VERSION
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.plan import EarlierObservations, Observation
from sweep_operator.exchange.observation import JsonObservation, pack

SWEEP_UID = "0badcafe-0000-4000-8000-000000000001"


X: dict[str, Any] = {"distribution": "uniform", "min": 0, "max": 1}
LR_AND_BATCH_SIZE: dict[str, Any] = {
    "trainer.lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2},
    "trainer.batch_size": {"distribution": "uniform_pow2", "min": 16, "max": 1024},
}


def sweep_body(
    name: str = "s", *, metadata: Mapping[str, Any] | None = None, status: Mapping[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """A Sweep as JSON: one parameter ``x`` in [0, 1], metric ``reward``. ``spec`` replaces whole fields."""
    base: dict[str, Any] = {"metric": "reward", "parameters": {"x": X}, "train": {"command": ["train"]}}
    body: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "Sweep",
        "metadata": {"name": name, **(metadata or {})},
        "spec": {**base, **spec},
    }
    return body if status is None else {**body, "status": dict(status)}


class SweepBuilder:
    """``make_sweep("a").parallel(2).build()``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: dict[str, Any] = {
            "seed": 7,
            "parameters": LR_AND_BATCH_SIZE,
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
        return parse(Sweep, sweep_body(self._name, metadata={"namespace": "rl", "uid": SWEEP_UID}, **self._spec))


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


def earlier(*observations: Observation) -> EarlierObservations:
    """Observations of a warm start as they are stored."""
    return pack(map(JsonObservation.of, observations))
