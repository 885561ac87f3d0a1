"""The models of score, cost and failure on histories with gaps, repeats, cut-short runs and extremes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from protein import SearchSpace
from protein.history import build_history, select_rows
from protein.models.cost import CostModel
from protein.models.feasibility import FeasibilityModel
from protein.models.model_set import build_models
from protein.models.score import ScoreModel, normals_for
from protein.optimizer import Observation

SPACE = SearchSpace(
    {
        "a": {"distribution": "uniform", "min": 0.0, "max": 1.0},
        "b": {"distribution": "uniform", "min": 0.0, "max": 1.0},
    }
)


def seen(n: int = 12, seed: int = 0) -> list[Observation]:
    rng = np.random.default_rng(seed)
    return [
        Observation(params={"a": a, "b": b}, score=a - (b - 0.5) ** 2, cost=math.exp(2 + 3 * a))
        for a, b in rng.random((n, 2)).tolist()
    ]


def at(*points: tuple[float, float]) -> np.ndarray:
    return SPACE.encode_many([{"a": a, "b": b} for a, b in points])


def test_history_does_not_depend_on_the_order() -> None:
    observations = seen()
    a, b = build_history(SPACE, observations, "maximize"), build_history(SPACE, observations[::-1], "maximize")
    assert a.digest() == b.digest()
    assert observations[a.source[0]] == observations[::-1][b.source[0]]


def test_goal_sets_the_direction() -> None:
    up, down = (build_history(SPACE, seen(), goal) for goal in ("maximize", "minimize"))
    assert np.array_equal(np.sort(up.utility), np.sort(-down.utility))


def test_failures_and_timeouts_never_reach_the_score_model() -> None:
    observations = [
        *seen(),
        Observation(params={"a": 0.1, "b": 0.1}, score=99.0, cost=1.0, is_failure=True),
        Observation(params={"a": 0.2, "b": 0.1}, score=math.nan, cost=1.0),
        Observation(params={"a": 0.3, "b": 0.1}, score=None, cost=1.0, cost_is_lower_bound=True),
    ]
    history = build_history(SPACE, observations, "maximize")
    assert int(history.scored.sum()) == 12
    assert int(history.failed.sum()) == 2
    assert int(history.priced.sum()) == 12
    assert history.spent == pytest.approx(sum(o.cost or 0 for o in observations))


def test_cut_short_cost_is_a_lower_bound() -> None:
    long = Observation(params={"a": 0.95, "b": 0.5}, score=None, cost=5000.0, cost_is_lower_bound=True)
    brief = Observation(params={"a": 0.95, "b": 0.5}, score=None, cost=2.0, cost_is_lower_bound=True)
    plain, raised, kept = (
        CostModel(build_history(SPACE, [*seen(), *extra], "maximize")).predict(at((0.95, 0.5)))[0][0]
        for extra in ([], [long], [brief])
    )
    assert raised > plain + 1.0
    assert kept == pytest.approx(plain, abs=0.1)


def test_costs_that_are_all_bounds_are_used() -> None:
    observations = [
        Observation(params={"a": 0.5, "b": b}, cost=100.0 + b, cost_is_lower_bound=True) for b in (0.1, 0.9)
    ]
    model = CostModel(build_history(SPACE, observations, "maximize"))
    assert model.known
    assert model.predict(at((0.5, 0.5)))[0][0] == pytest.approx(math.log(100), abs=0.1)


def test_cost_extrapolates_its_trend() -> None:
    observations = [o for o in seen(40) if o.params["a"] < 0.6]
    model = CostModel(build_history(SPACE, observations, "maximize"))
    assert model.predict(at((1.0, 0.5)))[0][0] == pytest.approx(5.0, abs=0.4)


@pytest.mark.parametrize("costs", [[0.0, 0.0, 0.0], [0.0, 1.0, 5.0], [-3.0, 2.0, 4.0], [5e-324, 1e300, 1.0]])
def test_odd_costs_are_finite_in_log(costs: list[float]) -> None:
    observations = [Observation(params={"a": i / 3, "b": 0.5}, score=1.0, cost=c) for i, c in enumerate(costs)]
    mean, sd = CostModel(build_history(SPACE, observations, "maximize")).predict(at((0.4, 0.4), (1.0, 0.0)))
    assert np.isfinite(mean).all()
    assert np.isfinite(sd).all()


def test_failures_affect_their_neighborhood_only() -> None:
    failed = Observation(params={"a": 0.9, "b": 0.9}, is_failure=True)
    model = FeasibilityModel(build_history(SPACE, [*seen(), failed], "maximize"))
    near, far = model.predict(at((0.9, 0.9), (0.1, 0.1)))
    assert near < 0.8
    assert far > 0.9


def test_ten_thousand_equal_scores() -> None:
    rng = np.random.default_rng(0)
    observations = [
        Observation(params={"a": a, "b": b}, score=3.0, cost=1.0) for a, b in rng.random((10_000, 2)).tolist()
    ]
    models = build_models(build_history(SPACE, observations, "maximize"), "maximize")
    mean, sd = models.predict_score(at((0.5, 0.5)))
    assert mean[0] == pytest.approx(3.0)
    assert np.isfinite(sd).all()


def test_fantasies_of_pending_runs_keep_the_expected_score() -> None:
    model = ScoreModel(build_history(SPACE, seen(), "maximize"))
    waiting = at((0.99, 0.01), (0.01, 0.99))
    posterior, fantasies = model.with_pending(waiting, normals_for(2, np.random.default_rng(0)))
    assert fantasies.shape[0] == 2
    mean, _ = model.predict(waiting)
    assert fantasies.mean(axis=1) == pytest.approx(mean, abs=1e-6)
    assert posterior.predict(posterior.x[-2:])[1].max() < 0.5 * model.predict(waiting)[1].min()


@pytest.mark.parametrize(("n", "budget"), [(5, 10), (10, 10), (500, 64)])
def test_selected_rows_contain_the_best_half(n: int, budget: int) -> None:
    priority = np.random.default_rng(0).random(n)
    rows = select_rows(priority, budget)
    assert len(rows) == min(n, budget)
    assert len(set(rows.tolist())) == len(rows)
    assert set(np.argsort(-priority)[: budget // 2].tolist()) <= set(rows.tolist())
