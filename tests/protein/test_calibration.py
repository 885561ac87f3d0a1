"""Forecasts of observations: their coverage and log score, and that the models' own forecasts are calibrated."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from protein import Protein, SearchSpace
from protein.analysis.calibration import Z80, calibrate, calibrate_cost
from protein.history import build_history
from protein.models.model_set import build_models
from protein.models.threads import pinned_threads
from protein.optimizer import Goal, Observation
from protein.settings import ProteinSettings

SPACE = SearchSpace({name: {"distribution": "uniform", "min": 0.0, "max": 1.0} for name in "ab"})
NOISE = 0.3


def test_the_interval_is_the_central_eighty_percent() -> None:
    assert stats.norm.cdf(Z80) - stats.norm.cdf(-Z80) == pytest.approx(0.8, abs=1e-12)


def test_coverage_and_log_score_by_hand() -> None:
    found = calibrate([0.0, 10.0, 5.0, 0.0], [1.0, 2.0, 1.0, 1.0], [1.2, 12.7, 5.0, -1.3])
    assert found is not None
    assert (found.count, found.coverage80) == (4, 0.5)
    expected = stats.norm.logpdf([1.2, 12.7, 5.0, -1.3], [0.0, 10.0, 5.0, 0.0], [1.0, 2.0, 1.0, 1.0]).mean()
    assert found.mean_log_score == pytest.approx(expected)


def test_cost_forecasts_are_log_normal_and_have_no_unit() -> None:
    median, log_sd, cost = np.array([10.0, 200.0]), np.array([0.5, 0.1]), np.array([15.0, 300.0])
    found, in_hours = calibrate_cost(median, log_sd, cost), calibrate_cost(median / 3600, log_sd, cost / 3600)
    assert found is not None
    assert in_hours is not None
    assert found.coverage80 == in_hours.coverage80 == 0.5
    assert found.mean_log_score == pytest.approx(in_hours.mean_log_score)
    own = stats.lognorm.logpdf(cost, s=log_sd, scale=median).mean()
    assert found.mean_log_score == pytest.approx(own + np.log(cost).mean())


def test_without_forecasts_there_is_no_calibration() -> None:
    assert calibrate([], [], []) is None
    assert calibrate_cost([], [], []) is None


@pytest.mark.parametrize(
    ("mean", "sd", "observed", "word"),
    [([1.0], [0.0], [1.0], "sd"), ([math.nan], [1.0], [1.0], "mean"), ([1.0], [1.0], [math.inf], "observed"),
     ([1.0, 2.0], [1.0], [1.0], "lengths")],
)  # fmt: skip
def test_invalid_forecasts_are_named(mean: list[float], sd: list[float], observed: list[float], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        calibrate(mean, sd, observed)


def test_a_cost_of_zero_is_rejected() -> None:
    with pytest.raises(ValueError, match="observed"):
        calibrate_cost([1.0], [1.0], [0.0])


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(FINITE, st.floats(5e-324, 1e308), FINITE), min_size=1), st.randoms(use_true_random=False))
def test_the_result_is_finite_and_independent_of_order(
    rows: list[tuple[float, float, float]], order: random.Random
) -> None:
    found = calibrate(*zip(*rows, strict=True))
    assert found is not None
    assert 0 <= found.coverage80 <= 1
    assert math.isfinite(found.mean_log_score)
    order.shuffle(rows)
    assert calibrate(*zip(*rows, strict=True)) == found


def random_function(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """A draw of a smooth Gaussian process over the square, by 200 random Fourier features; variance 1."""
    frequency, phase = rng.standard_normal((200, 2)) * 3.0, rng.uniform(0, 2 * math.pi, 200)
    weight = rng.standard_normal(200)
    return lambda x: math.sqrt(2 / 200) * np.cos(x @ frequency.T + phase) @ weight


def test_the_models_forecasts_of_observations_are_calibrated() -> None:
    """Noisy scores and costs of random functions: the interval of an observation holds 80% of new ones, and the
    noise-free function's own interval far fewer."""
    score: list[np.ndarray] = []
    cost: list[np.ndarray] = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        f, g = random_function(rng), random_function(rng)
        x = rng.random((300, 2))
        y = 100 + 20 * (f(x) + NOISE * rng.standard_normal(300))
        price = np.exp(3 + g(x) + NOISE * rng.standard_normal(300))
        seen = [
            Observation({"a": a, "b": b}, float(s), float(c)) for (a, b), s, c in zip(x[:100], y, price, strict=False)
        ]
        new = SPACE.encode_many([{"a": a, "b": b} for a, b in x[100:]])
        with pinned_threads():
            models = build_models(build_history(SPACE, seen, "maximize"), "maximize")
            score.append(np.stack([*models.forecast_score(new), models.predict_score(new)[1], y[100:]]))
            log_cost, log_sd = models.forecast_log_cost(new)
            cost.append(np.stack([np.exp(log_cost), log_sd, models.cost.predict(new)[1], price[100:]]))
    mean, sd, bare, observed = np.concatenate(score, axis=1)
    forecast, noise_free = calibrate(mean, sd, observed), calibrate(mean, bare, observed)
    median, log_sd, log_bare, paid = np.concatenate(cost, axis=1)
    cost_forecast, cost_noise_free = calibrate_cost(median, log_sd, paid), calibrate_cost(median, log_bare, paid)
    for honest, too_sure in ((forecast, noise_free), (cost_forecast, cost_noise_free)):
        assert honest is not None
        assert too_sure is not None
        assert honest.coverage80 == pytest.approx(0.8, abs=0.05)
        assert too_sure.coverage80 < 0.6
        assert honest.mean_log_score > too_sure.mean_log_score


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_a_suggestion_carries_its_forecast(goal: Goal) -> None:
    rng = np.random.default_rng(1)
    optimizer = Protein(SPACE, ProteinSettings(num_random_samples=4), goal=goal)
    for a, b in rng.random((20, 2)).tolist():
        optimizer.observe(
            {"a": a, "b": b}, score=a + NOISE * rng.standard_normal(), cost=math.exp(a + rng.normal(0, 0.2))
        )
    _, info = optimizer.suggest()
    assert info.origin == "model"
    score, cost = info.details["score_forecast"], info.details["cost_forecast"]
    assert score["mean"] == info.score
    assert score["interval"] == pytest.approx([info.score - Z80 * score["sd"], info.score + Z80 * score["sd"]])
    assert cost["median"] == info.cost
    assert cost["interval"] == pytest.approx([info.cost * math.exp(z * cost["log_sd"]) for z in (-Z80, Z80)])
    for name, forecast in (("score", score), ("cost", cost)):
        low, high = info.details[f"{name}_interval"]
        assert forecast["interval"][0] < low < high < forecast["interval"][1]


def test_without_known_costs_there_is_no_cost_forecast() -> None:
    optimizer = Protein(SPACE, ProteinSettings(num_random_samples=1))
    for a in (0.1, 0.5, 0.9):
        optimizer.observe({"a": a, "b": a}, score=a)
    details = optimizer.suggest()[1].details
    assert "score_forecast" in details
    assert "cost_forecast" not in details
