"""Where predictions are computed. CUDA itself is tested where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from protein import Protein, ProteinSettings, SearchSpace
from protein.history import build_history
from protein.models.device import CPU, CPU_ROWS, CUDA_ROWS, Capacity, capacity_for
from protein.models.score import ScoreModel

SPACE = SearchSpace({"a": {"distribution": "uniform", "min": 0.0, "max": 1.0}})


@pytest.mark.parametrize(
    ("device", "count", "present", "expected"),
    [
        ("auto", CPU_ROWS, True, CPU),
        ("auto", CPU_ROWS + 1, True, Capacity("cuda", CUDA_ROWS)),
        ("auto", 10**6, False, CPU),
        ("cpu", 10**6, True, CPU),
        ("cuda", 1, True, Capacity("cuda", CUDA_ROWS)),
    ],
)
def test_a_gpu_is_used_for_many_observations(
    monkeypatch: pytest.MonkeyPatch, device: str, count: int, present: bool, expected: Capacity
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present)
    assert capacity_for(device, count) == expected


def test_a_missing_gpu_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    optimizer = Protein(SPACE, ProteinSettings(num_random_samples=1, device="cuda"))
    optimizer.observe({"a": 0.5}, score=1.0)
    optimizer.observe({"a": 0.6}, score=2.0)
    with pytest.raises(ValueError, match="device: 'cuda' is not available"):
        optimizer.suggest()
    with pytest.raises(ValueError, match="device: 'tpu' is unknown"):
        ProteinSettings(device="tpu")


def filled(n: int) -> Protein:
    optimizer = Protein(SPACE, ProteinSettings(num_random_samples=1))
    for a in np.random.default_rng(0).random(n).tolist():
        optimizer.observe({"a": a}, score=float(np.sin(20 * a)), cost=1 + a)
    return optimizer


def test_capacity_limits_the_number_of_rows() -> None:
    history = build_history(SPACE, filled(1500).observations, "maximize")
    assert len(ScoreModel(history).posterior.x) == CPU_ROWS
    assert len(ScoreModel(history, capacity=Capacity("cpu", 1400)).posterior.x) == 1400


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_predicts_what_a_cpu_does() -> None:
    cpu, gpu = filled(400), filled(400)
    gpu.settings = ProteinSettings(num_random_samples=1, device="cuda")
    points = [{"a": a} for a in np.linspace(0, 1, 50).tolist()]
    for mine, theirs in zip(cpu.predict(points), gpu.predict(points), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8)
    assert gpu.suggest() == gpu.suggest()
