"""Slices, contours and outlooks agree with the models that they come from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from protein import Budget, Outcome, Protein, SpaceError
from protein.explain.outlook import front_area
from protein.explain.paths import Process

SPACE: dict[str, Any] = {
    "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3},
    "layers": {"distribution": "int_uniform", "min": 1, "max": 4},
    "width": {"distribution": "int_uniform", "min": 1, "max": 1000},
    "kind": {"distribution": "categorical", "values": ["sgd", "adam"]},
    "momentum": {
        "distribution": "uniform", "min": 0.0, "max": 1.0, "when": {"parameter": "kind", "in": ["sgd"]}
    },
}  # fmt: skip


def observed(goal: str = "maximize", count: int = 30, **options: Any) -> Protein:
    """An optimizer that knows random points: the score has its best at lr 1e-3, and the cost grows with the width."""
    protein = Protein(SPACE, goal=goal, seed=3, **options)
    rng = np.random.default_rng(0)
    sign = 1.0 if goal == "maximize" else -1.0
    for row in rng.random((count, protein.space.dim)):
        flat = protein.space.decode(row)
        score = -abs(math.log10(flat["lr"]) + 3) + 0.1 * flat["layers"] + 0.5 * (flat["kind"] == "adam")
        cost = 1.0 + 0.01 * flat["width"]
        protein.observe(flat, score=sign * score, cost=cost, metrics={"latency": cost * flat["layers"]})
    return protein


@pytest.fixture(scope="module")
def protein() -> Protein:
    return observed()


def test_slices_are_the_models_along_one_parameter(protein: Protein) -> None:
    found = protein.slices()
    assert dict(found.at) == protein.best()[0]  # type: ignore[index]
    assert list(found.parameters) == list(SPACE)
    for name, part in found.parameters.items():
        points = [{**found.at, **part.assumed, name: value} for value in part.values]
        mean, sd, cost = protein.predict(points)
        np.testing.assert_allclose(part.curves.mean, mean, atol=1e-9)
        np.testing.assert_allclose(part.curves.sd, sd, atol=1e-9)
        np.testing.assert_allclose(part.curves.cost, cost, rtol=1e-9)
        assert (part.curves.low < part.curves.mean).all()
        assert (part.curves.mean < part.curves.high).all()
        assert (part.curves.cost_low < part.curves.cost).all()
    assert found.parameters["layers"].values == [1, 2, 3, 4]
    assert found.parameters["kind"].values == ["sgd", "adam"]
    width = found.parameters["width"].values
    assert (width[0], width[-1]) == (1, 1000)
    assert len(width) in (33, 34)
    lr = found.parameters["lr"]
    assert abs(math.log10(lr.values[int(lr.curves.mean.argmax())]) + 3) < 0.5
    assert found.at["lr"] in lr.values


def test_a_slice_of_a_conditional_parameter_assumes_that_it_is_present(protein: Protein) -> None:
    at = {"kind": "adam", "lr": 1e-3}
    found = protein.slices(at, parameters=["momentum"]).parameters["momentum"]
    assert found.assumed == {"kind": "sgd"}
    assert "momentum" not in protein.slices(at).at
    table = protein.contour("momentum", "kind", at)
    assert table.allowed.tolist() == [[True] * len(table.x_values), [False] * len(table.x_values)]


def test_constraints_mark_what_may_not_run() -> None:
    protein = observed(constraints=[lambda flat: flat["layers"] <= 2])
    found = protein.slices(parameters=["layers"]).parameters["layers"]
    assert found.allowed.tolist() == [True, True, False, False]
    assert protein.contour("lr", "layers", points=4).allowed.all(axis=1).tolist() == [True, True, False, False]


def test_a_contour_is_the_models_over_two_parameters(protein: Protein) -> None:
    found = protein.contour("lr", "kind", points=5)
    assert found.mean.shape == (2, len(found.x_values))
    mean, _, cost = protein.predict([{**found.at, "kind": "sgd", "lr": value} for value in found.x_values])
    np.testing.assert_allclose(found.mean[0], mean, atol=1e-9)
    np.testing.assert_allclose(found.cost[0], cost, rtol=1e-9)


def test_further_objectives_have_slices_of_their_own() -> None:
    protein = observed(outcomes={"latency": Outcome("minimize", threshold=100.0)})
    mean, low, high = protein.slices(parameters=["layers"]).parameters["layers"].curves.metrics["latency"]
    assert mean[0] < mean[-1]
    assert (low < mean).all()
    assert (mean < high).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: p.slices(parameters=["lrr"]), "lrr: unknown parameter"),
        (lambda p: p.slices({"lr": "fast"}), "lr: 'fast' is not a number"),
        (lambda p: p.contour("lr", "lr"), "lr: is both x and y"),
        (lambda p: p.contour("lr", "kind", points=1), "points: 1 is not an integer of 2 or more"),
        (lambda p: p.outlook(0), "n: 0 is not an integer from 1 to 200"),
        (lambda p: p.outlook(1, parallel=0), "parallel: 0 is not an integer above 0"),
    ],
)
def test_invalid_questions_name_the_value(protein: Protein, call: Any, words: str) -> None:
    with pytest.raises((SpaceError, ValueError), match=words):
        call(protein)


def test_drawn_results_condition_the_process_like_observations(protein: Protein) -> None:
    posterior = protein.models().score.posterior
    x = torch.tensor(np.random.default_rng(1).random((6, protein.space.dim)))
    process = Process.of(posterior, x, 2, 0, (1.0, 0.0))
    chosen = torch.tensor([[0, 3], [2, 3], [5, 1]])
    normals = torch.tensor(np.random.default_rng(2).standard_normal((3, 2)))
    results = torch.stack([process.draw(at, z) for at, z in zip(chosen, normals, strict=True)])
    for path in range(2):
        joint = posterior.joint(x[chosen[:2, path]])  # two measurements at once, then one more
        after = joint.condition(results[:2, path : path + 1])
        last = after.joint(x[chosen[2:, path]]).condition(results[2:, path : path + 1])
        mean, sd = last.mean_and_sd(x)
        torch.testing.assert_close(process.known[path], mean[:, 0], atol=1e-7, rtol=0)
        torch.testing.assert_close(process.variance[path].sqrt(), sd, atol=1e-5, rtol=0)


def test_an_outlook_of_minimization_mirrors_that_of_maximization(protein: Protein) -> None:
    up, down = protein.outlook(4), observed("minimize").outlook(4)
    assert up == observed().outlook(4)
    assert down.best == pytest.approx(-up.best, rel=1e-6)
    assert down.best_now == pytest.approx(-up.best_now, rel=1e-12)
    assert down.best_interval == pytest.approx((-up.best_interval[1], -up.best_interval[0]), rel=1e-6)
    assert down.best <= down.best_now


def test_an_outlook_grows_with_the_runs_and_stays_within_the_budget(protein: Protein) -> None:
    few, many = protein.outlook(2), protein.outlook(12)
    assert few.best_now is not None
    assert many.best >= few.best >= few.best_now
    assert many.probability_better >= few.probability_better
    assert few.cost is not None
    assert many.cost is not None
    assert many.cost > 3 * few.cost
    spent = sum(o.cost or 0.0 for o in protein.observations)
    limited = observed(budget=Budget(cost=spent + 10.0)).outlook(12)
    assert limited.payable_runs < 12
    assert limited.cost_interval is not None
    assert limited.cost_interval[1] <= 15.0  # the cost of the last run is not known before


def test_pending_runs_count_for_the_best_score_and_not_for_the_cost() -> None:
    space = {"x": {"distribution": "uniform", "min": 0.0, "max": 1.0}}
    protein = Protein(space, seed=0, constraints=[lambda flat: flat["x"] <= 0.5])
    for x in np.linspace(0.0, 0.6, 8):
        protein.observe({"x": float(x)}, score=float(x), cost=2.0)
    alone, waiting = protein.outlook(3), protein.outlook(3, pending=[{"x": 1.0}])
    assert waiting.cost == pytest.approx(6.0, rel=0.05)
    assert waiting.cost_interval == pytest.approx((6.0, 6.0), rel=0.05), "the cost is constant"
    assert alone.best == pytest.approx(0.6, abs=0.02)
    assert waiting.best > 0.8


def test_thresholds_count_for_the_best_score() -> None:
    protein = observed(outcomes={"latency": Outcome("minimize", threshold=3.0, objective=False)})
    found = protein.outlook(5)
    reaching = [o.score for o in protein.observations if o.score is not None and o.metrics["latency"] <= 3.0]
    assert found.best_now == pytest.approx(max(reaching))
    assert found.best < max(o.score or -9.0 for o in protein.observations) + 1.0


def test_the_area_of_the_front_has_the_steps_of_the_front() -> None:
    scores, log_costs = np.array([1.0, 0.5, 3.0, -math.inf]), np.array([2.0, 1.0, 4.0, 0.0])
    assert front_area(scores, log_costs, worst=0.0, end=5.0) == pytest.approx(0.5 * 1 + 1.0 * 2 + 3.0 * 1)
    assert front_area(scores, log_costs, worst=0.0, end=3.0) == pytest.approx(0.5 * 1 + 1.0 * 1)
