"""Resource usage and cost of active runs, from objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sweep_operator.domain.quantities import quantity
from sweep_operator.kubectl.usage import bytes_text, cores_text, usage_of

NOW = datetime(2026, 3, 1, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("250m", 0.25), ("1500Ki", 1536000), ("1.5Gi", 1.5 * 2**30), ("1e3", 1000), ("12345n", 1.2345e-05)],
)
def test_quantities(text: str, value: float) -> None:
    assert quantity(text) == pytest.approx(value)


def test_an_invalid_quantity_is_rejected() -> None:
    with pytest.raises(ValueError, match="'2 GB' is not a valid Kubernetes quantity"):
        quantity("2 GB")


def sweep(**cost: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a"}, "spec": {"cost": cost}}


def run(state: str, **stages: Any) -> dict[str, Any]:
    condition = {"type": "Succeeded", "status": "Unknown", "reason": state}
    return {
        "metadata": {"name": "a.r.1"},
        "spec": {"prediction": {"cost": 900}},
        "status": {"conditions": [condition], **stages},
    }


def pod(name: str, stage: str, *, gpus: int = 0, phase: str = "Running") -> dict[str, Any]:
    limits = {"cpu": "4", "memory": "1Gi", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    return {
        "metadata": {"name": name, "labels": {"metta.ai/run": "a.r.1", "metta.ai/stage": stage}},
        "spec": {"nodeName": f"node-of-{name}", "containers": [{"name": "main", "resources": {"limits": limits}}]},
        "status": {"phase": phase},
    }


TRAINS = {"attempt": 2, "startTime": "2026-03-01T09:00:00Z", "seconds": 60.0, "attempts": [{"n": 1, "seconds": 60.0}]}


def test_cost_of_an_active_run_up_to_now() -> None:
    found = usage_of(run("Training", train=TRAINS), sweep(), None, None, NOW)
    assert (found.stage, found.attempt, found.seconds, found.cost) == ("train", 2, 660.0, 660.0)
    assert (found.predicted, found.devices, found.cpu, found.node) == (900, None, None, "")


def test_waiting_for_a_retry_costs_nothing() -> None:
    found = usage_of(run("BackOff", train=TRAINS), sweep(), None, None, NOW)
    assert (found.stage, found.seconds) == ("BackOff", 60.0)


def test_gpu_seconds_come_from_the_pods_of_the_active_stage() -> None:
    pods = [pod("t", "train", gpus=8, phase="Succeeded"), pod("e0", "eval", gpus=2), pod("e1", "eval", gpus=2)]
    status = {"train": {"attempt": 1, "seconds": 100.0}, "eval": {"attempt": 1, "startTime": "2026-03-01T09:09:50Z"}}
    metrics = [
        {"metadata": {"name": name}, "containers": [{"usage": {"cpu": "500m", "memory": "1Gi"}}, {"usage": {}}]}
        for name in ("e0", "e1", "of-another-run")
    ]
    found = usage_of(run("Evaluating", **status), sweep(source="GPUSeconds", include=["eval"]), pods, metrics, NOW)
    assert (found.stage, found.devices, found.seconds, found.cost) == ("eval", 4, 10.0, 40.0)
    assert (found.cpu, found.memory, found.node) == (1.0, 2 * 2**30, "node-of-e0,node-of-e1")


def test_cost_by_price_is_unknown() -> None:
    assert usage_of(run("Training", train=TRAINS), sweep(source="Price"), [], [], NOW).cost is None


def test_a_pod_without_a_node_has_none() -> None:
    pods = [pod("t0", "train", gpus=1), pod("t1", "train", gpus=1)]
    del pods[0]["spec"]["nodeName"]
    assert usage_of(run("Training", train=TRAINS), sweep(), pods, None, NOW).node == "node-of-t1"


def test_texts() -> None:
    assert [cores_text(v) for v in (None, 0.85, 3.5)] == ["", "850m", "3.5"]
    assert [bytes_text(v) for v in (None, 210 * 2**20, 1.5 * 2**30)] == ["", "210Mi", "1.5Gi"]
