"""The area that a run is expected to add to the front."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from protein.search.staircase import SOFTNESS, build_staircase

SCORES, COSTS = np.array([0.0, 1.0, 0.5]), np.array([0.0, 2.0, 3.0])
NONE = np.zeros((0, 1)), np.zeros(0)


def gain(
    mean: float, sd: float, log_cost: float, end: float = 5.0, pending: tuple[np.ndarray, np.ndarray] = NONE
) -> float:
    stairs = build_staircase(SCORES, COSTS, -1.0, *pending, end)
    means = torch.full((1, pending[0].shape[1]), mean, dtype=torch.float64)
    value = stairs.log_gain(means, torch.tensor([sd]).double(), torch.tensor([log_cost]).double())
    return float(value.exp()[0])


def improvement(mean: float, sd: float, height: float) -> float:
    drawn = mean + sd * np.random.default_rng(0).standard_normal(400_000)
    return float(np.maximum(drawn - height, 0).mean())


@pytest.mark.parametrize(
    ("log_cost", "widths"),
    [(0.0, {0.0: 2.0, 1.0: 3.0}), (1.0, {0.0: 1.0, 1.0: 3.0}), (2.5, {1.0: 2.5}), (4.9, {1.0: 0.1 + SOFTNESS / 7})],
)
def test_the_area_is_the_integral_of_the_improvement_over_cost_levels(
    log_cost: float, widths: dict[float, float]
) -> None:
    expected = sum(width * improvement(0.8, 0.7, height) for height, width in widths.items())
    assert gain(0.8, 0.7, log_cost) == pytest.approx(expected, rel=0.02)


def test_a_run_counts_only_where_it_is_the_best() -> None:
    assert gain(0.5, 1e-6, 0.0) == pytest.approx(2.0 * 0.5, rel=1e-3)
    assert gain(0.5, 1e-6, 2.5) < 1e-5
    assert gain(2.0, 1e-6, 6.0) < 1e-6, "beyond the end"


def test_pending_runs_raise_the_steps_that_they_are_expected_to_reach() -> None:
    pending = (np.array([[3.0, -9.0]]), np.array([1.0]))
    one = gain(2.0, 1e-6, 0.0, pending=pending)
    # in the first fantasy steps from 1.0 on are at 3: only [0, 1) is won; in the second all is as it was
    assert one == pytest.approx((1.0 * 2.0 + (2.0 * 2.0 + 3.0 * 1.0)) / 2, rel=0.02)


def test_the_area_is_finite_with_finite_gradients_far_away() -> None:
    stairs = build_staircase(SCORES, COSTS, -1.0, *NONE, 5.0)
    mean = torch.tensor([[-1e3], [0.0], [1e3]], dtype=torch.float64, requires_grad=True)
    cost = torch.tensor([-50.0, 4.0, 50.0], dtype=torch.float64, requires_grad=True)
    value = stairs.log_gain(mean, torch.tensor([1e-3, 1.0, 1.0], dtype=torch.float64), cost)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert mean.grad is not None
    assert cost.grad is not None
    assert torch.isfinite(mean.grad).all()
    assert torch.isfinite(cost.grad).all()


def test_without_a_run_within_the_level_the_worst_score_is_the_baseline() -> None:
    stairs = build_staircase(SCORES, COSTS + 10, -1.0, *NONE, 5.0)
    value = stairs.log_gain(torch.zeros(1, 1).double(), torch.full((1,), 1e-6).double(), torch.full((1,), 4.0).double())
    assert math.exp(float(value[0])) == pytest.approx(1.0, rel=1e-3)
