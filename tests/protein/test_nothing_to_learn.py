"""While all runs fail or all scores are equal, the space-filling design goes on. Scores may have any unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from protein import Protein, ProteinSettings, SearchSpace
from protein.models.scaling import standardize

UNIT = {f"x{i}": {"distribution": "uniform", "min": 0.0, "max": 1.0} for i in range(4)}
Result = Mapping[str, Any]


def run(optimizer: Protein, count: int, result: Callable[[Mapping[str, Any]], Result]) -> tuple[np.ndarray, list[str]]:
    """The rows of `count` suggestions, one after the other, and their origins."""
    rows, origins = [], []
    for _ in range(count):
        params, info = optimizer.suggest()
        rows.append(optimizer.space.encode(params))
        origins.append(info.origin)
        optimizer.observe(params, **result(params))
    return np.array(rows), origins


@pytest.mark.parametrize(
    "result", [{"is_failure": True}, {"score": 0.0}, {"score": 1e9, "cost": 3.0}], ids=["failed", "zero", "equal"]
)
def test_the_design_goes_on_and_keeps_off_the_edges(result: Result) -> None:
    rows, origins = run(Protein(SearchSpace(UNIT), seed=3), 64, lambda params: result)
    assert set(origins) == {"center", "random"}
    assert np.mean((rows < 0.02) | (rows > 0.98)) < 0.08, "4% of a uniform design"
    assert np.abs(np.sort(rows[1:], axis=0) - np.linspace(0, 1, 63)[:, None]).max() < 0.1, "evenly over each coordinate"


def test_the_model_starts_with_the_second_different_score() -> None:
    optimizer = Protein(SearchSpace(UNIT), seed=0)
    run(optimizer, 8, lambda params: {"score": 1.0})
    params, _ = optimizer.suggest()
    optimizer.observe(params, score=1.0 + 1e-9)
    assert optimizer.suggest()[1].origin == "model"


def test_a_needle_is_found_as_by_random_search() -> None:
    def found(params: Mapping[str, Any]) -> Result:
        return {"score": float(all(0.6 < value < 0.95 for value in params.values()))}

    hits = 0
    for seed in range(20):
        design = Protein(SearchSpace(UNIT), seed=seed).suggest(60)
        hits += any(found(params)["score"] for params, _ in design)
    # 0.35^4 = 1.5% of the volume: random search finds it in 59% of the sweeps
    assert hits >= 10


def test_the_design_prefers_points_that_are_likely_to_succeed() -> None:
    optimizer = Protein(SearchSpace(UNIT), seed=0)

    def result(params: Mapping[str, Any]) -> Result:
        return {"score": 5.0} if params["x0"] < 0.4 else {"is_failure": True}

    rows, origins = run(optimizer, 60, result)
    assert "model" not in origins
    assert np.mean(rows[40:, 0] < 0.4) > 0.7
    assert np.ptp(rows[40:, 1:], axis=0).min() > 0.7, "still all over the other coordinates"


def test_a_cost_parameter_grows_while_cheap_runs_teach_nothing() -> None:
    space = {**UNIT, "steps": {"distribution": "log_normal", "min": 1.0, "max": 1e5, "scale": "time"}}
    optimizer = Protein(SearchSpace(space), ProteinSettings(seed_with_search_center=False))
    rows, _ = run(optimizer, 40, lambda params: {"score": 0.0})
    steps = 1e5 ** rows[:, -1]
    assert steps[:6].max() <= 16 * (1 + 1e-9)
    assert steps[20:].max() > 1e4


SCORES = [0.3, 0.9, 0.2, 0.55, 0.7, 0.1, 0.62, 0.81]


def suggested(scale: float, shift: float = 0.0, goal: str = "maximize") -> dict[str, Any]:
    optimizer = Protein(SearchSpace(UNIT), goal=goal, seed=1)
    for row, score in zip(np.random.default_rng(0).random((8, 4)), SCORES, strict=True):
        optimizer.observe(optimizer.space.decode(row), score=scale * (score + shift), cost=1 + row[0])
    params, info = optimizer.suggest(index=30)
    assert info.origin == "model"
    return params


@pytest.mark.parametrize("exponent", [-900, -60, -3, 5, 40, 1000])
def test_a_power_of_two_changes_no_suggestion(exponent: int) -> None:
    assert suggested(math.ldexp(1.0, exponent)) == suggested(1.0)


@pytest.mark.parametrize(
    ("scale", "shift"), [(1e-15, 0.0), (1e15, 0.0), (1e-15, 3.0), (1e-7, -20.0), (1e15, 1e3), (3.0, 1e5)]
)
def test_the_unit_and_the_zero_of_the_score_do_not_matter(scale: float, shift: float) -> None:
    assert suggested(scale, shift) == pytest.approx(suggested(1.0), abs=0.02)


@pytest.mark.parametrize("factor", [1e-300, 1e-15, 1.0, 1e15, 1e300])
@pytest.mark.parametrize(
    ("scores", "constant"),
    [
        ([1.0, 2.0, 3.0], False),
        ([1.0, 1.0 + 1e-13, 1.0], False),
        ([0.1 + 0.2, 0.3, 0.3], True),
        ([2.0, 2.0, 2.0], True),
        ([0.0, 0.0], True),
        ([-1.0, 1.0], False),
    ],
)
def test_scores_are_equal_up_to_rounding_only(scores: list[float], constant: bool, factor: float) -> None:
    assert standardize(factor * np.array(scores), clip=True).constant is constant


@pytest.mark.parametrize("high", [[1e30], [1e308, 1e30], [1e30, 1e30]])
def test_overflowed_scores_leave_the_others_apart(high: list[float]) -> None:
    y = np.array([*SCORES, *SCORES, *SCORES, *high])
    z = standardize(y, clip=True).forward(y)
    assert np.array_equal(np.argsort(z, kind="stable"), np.argsort(y, kind="stable"))
    assert np.ptp(z[:8]) > 0.8
    assert z.max() < 6


def test_a_sweep_goes_on_after_an_overflow() -> None:
    optimizer = Protein(SearchSpace(UNIT), seed=0)

    def result(params: Mapping[str, Any]) -> Result:
        overflow = len(optimizer.observations) == 9
        return {"score": 1e30 if overflow else -sum((value - 0.3) ** 2 for value in params.values())}

    rows, _ = run(optimizer, 30, result)
    assert np.abs(rows[20:] - 0.3).max(axis=1).min() < 0.15


def test_a_good_score_far_above_the_others_is_no_overflow() -> None:
    for y in ([0.0, 1e-3, 2e-3, 1e-3, 0.0, 90.0], [-500.0, -500.0, -500.0 + 1e-9, -500.0, -110.0]):
        assert standardize(np.array(y), clip=True).knee == math.inf
