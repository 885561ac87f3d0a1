"""The acquisition: stable where probabilities underflow, and additive, so that signs cannot invert a choice."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from protein import Protein, ProteinSettings
from protein.models.scaling import standardize
from protein.search.log_improvement import log_expected_improvement, log_h


@pytest.mark.parametrize("z", [-30.0, -8.0, -1.5, -1.0, -0.999, 0.0, 0.5, 4.0])
def test_log_h_is_the_log_of_the_expectation(z: float) -> None:
    # phi(z) + z Phi(z) = phi(z) * integral of u exp(u z - u^2 / 2) over u > 0, which does not cancel
    integral, _ = quad(lambda u: u * math.exp(u * z - u * u / 2), 0, 60)
    expected = stats.norm.logpdf(z) + math.log(integral)
    assert float(log_h(torch.tensor(z, dtype=torch.float64))) == pytest.approx(expected, abs=1e-6)


def test_log_h_rises_and_has_finite_gradients_everywhere() -> None:
    z = torch.cat([-torch.logspace(12, -3, 200), torch.logspace(-3, 3, 60)]).double().requires_grad_(True)
    value = log_h(z)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()
    assert (z.grad > 0).all()
    assert (value.diff() >= 0).all()


def test_improvement_grows_with_mean_and_with_variance() -> None:
    def value(mean: float, sd: float) -> float:
        one = torch.ones(1, 1, dtype=torch.float64)
        return float(log_expected_improvement(mean * one, sd * one, torch.zeros(1).double()))

    assert value(0.5, 1.0) > value(0.0, 1.0) > value(-0.5, 1.0)
    assert value(-2.0, 1.0) > value(-2.0, 0.5)


def test_clipping_limits_the_effect_of_a_catastrophic_score() -> None:
    y = np.array([-1e9, 1.0, 2.0, 3.0, 4.0, 5.0])
    z = standardize(y, clip=True).forward(y)
    assert z[-1] - z[1] > 1.0
    assert np.argmin(z) == 0


@pytest.mark.parametrize(
    "y",
    [
        [1e300, -1e300, 5.0],
        [1.7e308, -1.7e308, 0.0],
        [5e-324, 0.0, 1e-310],
        [0.0] * 5,
        [-1e300] * 4,
        [7.0],
        [],
        [1e-9, 2e-9, 3e-9],
    ],
)
def test_standardization_of_extremes_is_finite(y: list[float]) -> None:
    scaling = standardize(np.array(y), clip=True)
    z = scaling.forward(np.array(y))
    assert np.isfinite(z).all()
    assert math.isfinite(scaling.backward(3.0))
    assert np.abs(z).max(initial=0.0) < 10


def test_small_scores_are_not_mistaken_for_equal_ones() -> None:
    y = np.array([1e-9, 2e-9, 3e-9])
    assert standardize(y, clip=True).forward(y).std() == pytest.approx(1.0)


@pytest.mark.parametrize(("configured", "kinds"), [("auto", {"ei", "ucb"}), ("ei", {"ei"}), ("ucb", {"ucb"})])
def test_the_gain_is_drawn_for_each_suggestion_unless_one_is_configured(configured: str, kinds: set[str]) -> None:
    space = {"x": {"distribution": "uniform", "min": 0.0, "max": 1.0}}
    optimizer = Protein(space, ProteinSettings(acquisition=configured), seed=4)
    for i in range(6):
        optimizer.observe({"x": i / 6}, score=math.sin(i), cost=10.0**i)
    found = [info.details for _, info in (optimizer.suggest(index=100 + i) for i in range(12))]
    assert {details["acquisition"] for details in found} == kinds
    assert {details["cost_power"] for details in found} == {1 / 3}
