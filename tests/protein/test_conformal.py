"""Calibrated intervals hold what they promise, whatever the model, and depend on recorded results only."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protein import Protein
from protein.analysis.calibration import Z80
from protein.analysis.conformal import Calibrator, Interval, Side, side_of
from protein.optimizer import Goal

SPACE = {
    "a": {"distribution": "uniform", "min": 0, "max": 1, "mean": 0.5},
    "b": {"distribution": "uniform", "min": 0, "max": 1, "mean": 0.5},
}


@pytest.mark.parametrize(
    ("factor", "optimism"), [(0.3, 0.0), (1.0, 0.0), (5.0, 0.0), (1.0, 1.0), (3.0, -2.0), (5.0, 5.0)]
)
def test_the_interval_of_any_model_holds_80_percent(factor: float, optimism: float) -> None:
    """A model that errs by `optimism` of its standard deviations, and whose errors are `factor` times as large."""
    rng, interval = np.random.default_rng(0), Interval(0.85, 0.15)
    sides = []
    for z in rng.standard_normal(2000):
        mean, sd = interval.calibrated(10.0, 2.0)
        sides.append(side_of((mean - Z80 * sd, mean + Z80 * sd), 10.0 + 2.0 * (factor * z - optimism)))
        interval.learn(sides[-1])
    assert np.mean([side == 0 for side in sides[200:]]) == pytest.approx(0.8, abs=0.02)
    assert np.mean([side == -1 for side in sides[200:]]) == pytest.approx(0.1, abs=0.015)


def test_an_end_moves_only_for_observations_beyond_it() -> None:
    interval = Interval(0.0, 0.0)
    for _ in range(5):
        interval.learn(-1)
    mean, sd = interval.calibrated(0.0, 1.0)
    assert mean - Z80 * sd < -4 * Z80
    assert 0 < mean + Z80 * sd < Z80
    for _ in range(1000):
        interval.learn(0)
    assert 0 < interval.calibrated(0.0, 1.0)[1] < 0.2, "forgets"
    interval.learn(1)
    interval.learn(1)
    assert interval.calibrated(0.0, 1.0)[1] > 0.15, "and can return"
    assert Interval(3.0, 0.0).calibrated(-1e308, 1e308) == (-1e308, 1e308), "finite"


@given(st.lists(st.sampled_from([-1, 0, 1])))
def test_a_worse_score_is_more_likely_whatever_the_goal(sides: list[Side]) -> None:
    upward, downward = Calibrator.of("maximize").score, Calibrator.of("minimize").score
    for side in sides:
        upward.learn(side)
        downward.learn(-side)
    (mean, sd), (mirrored, same) = upward.calibrated(0.0, 1.0), downward.calibrated(0.0, 1.0)
    assert (mean, sd) == pytest.approx((-mirrored, same))
    assert sides or mean < 0
    assert math.isfinite(mean)
    assert sd > 0


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_forecasts_are_calibrated_by_the_results_of_earlier_ones(goal: Goal) -> None:
    """Two equal optimizers: the second one is told after a restart where the results of the first one lay."""
    rng = np.random.default_rng(2)
    first = Protein(SPACE, {"num_random_samples": 4}, goal=goal)
    sides: list[tuple[Side | None, Side | None]] = []
    for _ in range(12):
        params, info = first.suggest()
        score, cost = params["a"] + 3 * rng.standard_normal(), math.exp(params["b"] + rng.standard_normal())
        told = [info.details.get(f"{name}_forecast") for name in ("score", "cost")]
        sides.append((told[0] and side_of(told[0]["interval"], score), told[1] and side_of(told[1]["interval"], cost)))
        first.observe(params, score=score, cost=cost)
    again = Protein(SPACE, {"num_random_samples": 4}, goal=goal)
    for observation, (score_side, cost_side) in zip(first.observations, sides, strict=True):
        again.observe(observation.params, score=observation.score, cost=observation.cost)
        again.learn_forecast(score_side, cost_side)
    assert {side for pair in sides for side in pair} > {0, None}
    stored = pickle.loads(pickle.dumps(first))
    expected = first.suggest()
    assert again.suggest() == stored.suggest() == expected
    fresh = Protein(SPACE, {"num_random_samples": 4}, goal=goal)
    for observation in first.observations:
        fresh.observe(observation.params, score=observation.score, cost=observation.cost)
    params, info = fresh.suggest()
    assert params == expected[0], "the search does not depend on them"
    assert info.details["score_forecast"] != expected[1].details["score_forecast"]
