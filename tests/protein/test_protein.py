"""Protein as its users see it: properties of every suggestion, and what each setting means."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protein import Protein, SearchSpace, SearchSpaceInfeasible, flatten
from protein.settings import ProteinSettings
from protein.sobol import SobolSequence

MIXED = {
    "train.lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3},
    "train.depth": {"distribution": "int_uniform", "min": 2, "max": 16, "step": 2},
    "train.batch": {"distribution": "uniform_pow2", "min": 8, "max": 256, "mean": 32},
    "train.kind": {"distribution": "categorical", "values": ["adam", "sgd"]},
    "train.momentum": {
        "distribution": "logit_normal",
        "min": 0.5,
        "max": 0.99,
        "when": {"parameter": "train.kind", "in": ["sgd"]},
    },
}
TINY = {
    "a": {"distribution": "int_uniform", "min": 1, "max": 4},
    "b": {"distribution": "int_uniform", "min": 1, "max": 4},
}
ODD = st.sampled_from([0.0, -0.0, 1.0, -3.5, 5e-324, 1e300, -1e300, math.nan, math.inf, -math.inf, 1e-9])
BRIEF = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def fill(optimizer: Protein, n: int, seed: int = 0) -> Protein:
    rng = np.random.default_rng(seed)
    for row in rng.random((n, optimizer.space.dim)):
        flat = optimizer.space.decode(row)
        optimizer.observe(flat, score=-float(((row - 0.3) ** 2).sum()), cost=float(math.exp(2 * row[0])))
    return optimizer


def legal(space: SearchSpace, flat: Mapping[str, Any]) -> bool:
    row = space.encode(flat)
    return bool(np.all((row >= 0) & (row <= 1))) and space.decode(row) == dict(flat)


@BRIEF
@given(st.lists(st.tuples(st.one_of(st.none(), ODD), st.one_of(st.none(), ODD), st.booleans()), max_size=9), st.data())
def test_any_observations_give_a_legal_suggestion_and_finite_predictions(rows: list[Any], data: st.DataObject) -> None:
    goal = data.draw(st.sampled_from(["maximize", "minimize"]))
    optimizer = Protein(SearchSpace(MIXED), ProteinSettings(num_random_samples=1), goal=goal, seed=1)
    rng = np.random.default_rng(len(rows))
    for score, cost, failed in rows:
        flat = optimizer.space.decode(rng.random(optimizer.space.dim))
        optimizer.observe(flat, score=score, cost=cost, is_failure=failed or score is None)
    suggestion, info = optimizer.suggest(pending=[optimizer.space.decode(rng.random(optimizer.space.dim))])
    assert legal(optimizer.space, optimizer.space.flatten(suggestion))
    for value in (info.score, info.cost, info.rating):
        assert value is None or math.isfinite(value)
    json.dumps(info.to_dict(), allow_nan=False)


@BRIEF
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_does_not_matter(random: Any, seed: int) -> None:
    one = fill(Protein(SearchSpace(MIXED), seed=seed), 12)
    other = Protein(SearchSpace(MIXED), seed=seed)
    observations = list(one.observations)
    random.shuffle(observations)
    for o in observations:
        other.observe(o.params, score=o.score, cost=o.cost)
    rng = np.random.default_rng(5)
    pending = [one.space.decode(row) for row in rng.random((3, one.space.dim))]
    shuffled = list(pending)
    random.shuffle(shuffled)
    assert one.suggest(2, pending=pending, index=30) == other.suggest(2, pending=shuffled, index=30)


@BRIEF
@given(st.integers(0, 20), st.integers(1, 5))
def test_batch_pending_and_observed_are_all_different(seed: int, n: int) -> None:
    optimizer = fill(Protein(SearchSpace(MIXED), seed=seed), 8, seed)
    rng = np.random.default_rng(seed + 100)
    pending = [optimizer.space.decode(row) for row in rng.random((3, optimizer.space.dim))]
    batch = [optimizer.space.flatten(s) for s, _ in optimizer.suggest(n, pending=pending)]
    keys = [optimizer.space.key(p) for p in [*batch, *pending]]
    keys += list({optimizer.space.key(o.params) for o in optimizer.observations})
    assert len(set(keys)) == len(keys)


def test_suggestions_are_legal_in_every_acquisition() -> None:
    for acquisition in ("auto", "protein", "ei", "ucb"):
        optimizer = fill(Protein(SearchSpace(MIXED), ProteinSettings(acquisition=acquisition)), 10)
        for suggestion, info in optimizer.suggest(3):
            flat = optimizer.space.flatten(suggestion)
            assert info.origin == "model"
            assert legal(optimizer.space, flat)
            assert ("train.momentum" in flat) == (flat["train.kind"] == "sgd")


def test_a_small_space_is_covered_without_collisions_and_then_repeated() -> None:
    optimizer = Protein(SearchSpace(TINY), seed=2)
    seen = []
    for _ in range(16):
        (suggestion, _), *_ = optimizer.suggest(1)
        seen.append((suggestion["a"], suggestion["b"]))
        optimizer.observe(suggestion, score=float(-((suggestion["a"] - 3) ** 2) - suggestion["b"]), cost=1.0)
    assert len(set(seen)) == 16
    again, _ = optimizer.suggest()
    assert abs(again["a"] - 3) + again["b"] <= 3


def test_a_batch_can_be_larger_than_the_space() -> None:
    optimizer = Protein(SearchSpace({"a": {"distribution": "categorical", "values": [1, 2]}}), seed=0)
    assert sorted(s["a"] for s, _ in optimizer.suggest(4))[0] == 1


def test_constraints_hold_for_every_suggestion() -> None:
    def divisible(p: Mapping[str, Any]) -> bool:
        return bool(p["train.batch"] % p["train.depth"] == 0 and p["train.lr"] < 1e-2)

    optimizer, origins = Protein(SearchSpace(MIXED), seed=0, constraints=[divisible]), []
    for _ in range(12):
        suggestion, info = optimizer.suggest()
        flat = optimizer.space.flatten(suggestion)
        assert divisible(flat)
        optimizer.observe(flat, score=float(flat["train.depth"]), cost=1.0)
        origins.append(info.origin)
    assert origins == 5 * ["random"] + 7 * ["model"]


def test_infeasible_constraints_raise() -> None:
    optimizer = fill(Protein(SearchSpace(MIXED), constraints=[lambda p: False]), 10)
    with pytest.raises(SearchSpaceInfeasible):
        optimizer.suggest()


def test_resampling_repeats_the_front_at_its_frequency() -> None:
    optimizer = fill(Protein(SearchSpace(MIXED), ProteinSettings(resample_frequency=4)), 12)
    batch = optimizer.suggest(9, index=12)
    assert [info.origin == "resample" for _, info in batch] == [i % 4 == 0 for i in range(12, 21)]
    front = [o.params for o in optimizer.observations]
    assert all(optimizer.space.flatten(s) in front for s, info in batch if info.origin == "resample")
    assert len({json.dumps(s, sort_keys=True) for s, info in batch if info.origin == "resample"}) > 1


def test_info_predicts_in_the_users_units_with_intervals() -> None:
    optimizer = Protein(SearchSpace({"a": {"distribution": "uniform", "min": 0.0, "max": 1.0}}), goal="minimize")
    for a in np.linspace(0, 1, 12).tolist():
        optimizer.observe({"a": a}, score=100 + 50 * (a - 0.6) ** 2, cost=math.exp(a))
    suggestion, info = optimizer.suggest()
    row = info.to_dict()
    low, high = row["score_forecast"]["interval"]
    assert low <= info.score <= high
    assert info.score == pytest.approx(100 + 50 * (suggestion["a"] - 0.6) ** 2, abs=1.0)
    assert row["cost_forecast"]["interval"][0] <= info.cost <= row["cost_forecast"]["interval"][1]
    assert info.cost == pytest.approx(math.exp(suggestion["a"]), rel=0.1)
    assert row["success_probability"] == pytest.approx(1.0)
    assert row["acquisition"] in ("ei", "ucb")
    assert row["nearest"]["params"]["a"] == min(np.linspace(0, 1, 12), key=lambda a: abs(a - suggestion["a"]))
    assert row["nearest"]["distance"] == pytest.approx(abs(row["nearest"]["params"]["a"] - suggestion["a"]))
    assert row["nearest"]["cost"] == math.exp(row["nearest"]["params"]["a"])


def test_best_by_posterior_ignores_lucky_measurements() -> None:
    optimizer = Protein(SearchSpace({"a": {"distribution": "uniform", "min": 0.0, "max": 1.0}}))
    rng = np.random.default_rng(3)
    for a in np.repeat(np.linspace(0, 1, 9), 6).tolist():
        optimizer.observe({"a": a}, score=-((a - 0.75) ** 2) + 0.05 * float(rng.standard_normal()), cost=1 + a)
    optimizer.observe({"a": 0.125}, score=0.3, cost=1.0)
    lucky, steady = optimizer.best("observed"), optimizer.best()
    assert lucky == ({"a": 0.125}, 0.3, 1.0)
    assert steady is not None
    assert 0.5 <= steady[0]["a"] <= 0.9
    assert steady[1] < 0.2
    cheap = optimizer.best("observed", max_cost=1.4)
    assert cheap is not None
    assert cheap[2] is not None
    assert cheap[2] <= 1.4
    with pytest.raises(ValueError, match="by: 'luck'"):
        optimizer.best("luck")


def test_best_of_nothing_is_none() -> None:
    optimizer = Protein(SearchSpace(TINY))
    assert optimizer.best() is None
    optimizer.observe({"a": 1, "b": 1}, is_failure=True)
    assert optimizer.best("observed") is None


def test_the_initial_design_respects_the_cost_cap_once_costs_are_known() -> None:
    space = SearchSpace({"a": {"distribution": "uniform", "min": 0.0, "max": 1.0}})
    optimizer = Protein(space, ProteinSettings(num_random_samples=30, max_suggestion_cost=20.0), seed=4)
    for a in (0.1, 0.3, 0.5, 0.7):
        optimizer.observe({"a": a}, score=a, cost=math.exp(5 * a))
    batch = optimizer.suggest(6)
    assert all(info.origin in ("random", "center") for _, info in batch)
    assert max(math.exp(5 * s["a"]) for s, _ in batch) < 24


def test_index_moves_the_random_stream() -> None:
    optimizer = fill(Protein(SearchSpace(MIXED)), 10)
    assert optimizer.suggest(pending=(), index=20) == optimizer.suggest(pending=(), index=20)
    assert optimizer.suggest(pending=(), index=20)[0] != optimizer.suggest(pending=(), index=21)[0]


def test_a_timeout_is_not_suggested_again() -> None:
    space = SearchSpace({"a": {"distribution": "uniform", "min": 0.0, "max": 1.0}})
    optimizer = Protein(space, seed=0)
    for a in np.linspace(0, 0.8, 9).tolist():
        optimizer.observe({"a": a}, score=a, cost=1.0 + a)
    before = [s["a"] for s, _ in optimizer.suggest(1, index=20)]
    assert before[0] > 0.85
    for a in (0.9, 0.95, 1.0):
        optimizer.observe({"a": a}, cost=500.0, cost_is_lower_bound=True)
    assert max(s["a"] for s, _ in optimizer.suggest(3, index=20)) < 0.9
    _, _, cost = optimizer.predict([{"a": 0.95}, {"a": 0.2}])
    assert cost[0] > 100 * cost[1]


def test_only_model_suggestions_import_torch_and_scipy() -> None:
    code = (
        "import sys; from protein import Protein, SearchSpace, Sobol\n"
        "space = SearchSpace({'a': {'distribution': 'uniform', 'min': 0, 'max': 1}})\n"
        "p = Protein(space); Sobol(space).suggest(3); p.suggest(5)\n"
        "p.observe(p.suggest()[0], score=1.0, cost=1.0); assert not p.needs_model(0); p.suggest(pending=[])\n"
        "print(sorted({'torch', 'gpytorch', 'scipy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_without_a_result_the_initial_design_goes_on() -> None:
    optimizer = Protein(SearchSpace(MIXED), seed=3)
    batch = optimizer.suggest(100)
    assert [info.origin for _, info in batch] == ["center"] + ["random"] * 99
    assert len({optimizer.space.key(flatten(params)) for params, _ in batch}) == 100
    assert not optimizer.needs_model(500)
    optimizer.observe(batch[0][0], score=1.0, cost=1.0)
    assert not optimizer.needs_model(99)
    optimizer.observe(batch[1][0], score=2.0, cost=1.0)
    assert [optimizer.needs_model(pending) for pending in (0, 99)] == [False, True]
    again = Protein(SearchSpace(MIXED), seed=3)
    assert again.suggest(pending=[params for params, _ in batch[60::-1]], index=61)[0] == batch[61][0]


def test_a_cap_on_the_cost_needs_a_model_once_costs_are_known() -> None:
    optimizer = fill(Protein(SearchSpace(MIXED), {"max_suggestion_cost": 5.0, "num_random_samples": 9}), 1)
    assert not optimizer.needs_model(0)
    assert fill(optimizer, 1).needs_model(0)


@pytest.mark.parametrize("dim", [1, 2, 3, 11, 130])
def test_sobol_points_are_those_of_scipy(dim: int) -> None:
    from scipy.stats import qmc

    theirs = qmc.Sobol(dim, scramble=True, seed=np.random.default_rng([dim, 5])).random_base2(7)
    ours = SobolSequence(dim, np.random.default_rng([dim, 5]))
    assert (ours.points(0, 128) == theirs).all()
    assert (ours.points(77, 20) == theirs[77:97]).all()
    assert ours.points(0, 0).shape == (0, dim)


def test_global_generators_and_threads_do_not_change() -> None:
    import random

    import torch

    optimizer = fill(Protein(SearchSpace(MIXED)), 10)
    before = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state(), torch.get_num_threads()  # type: ignore[union-attr]
    optimizer.suggest(2)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tobytes() == before[1]  # type: ignore[union-attr]
    assert torch.equal(torch.get_rng_state(), before[2])
    assert torch.get_num_threads() == before[3]


@pytest.mark.parametrize(
    ("score", "cost", "failed"),
    [
        (lambda i: 1.0, lambda i: 5.0, False),  # equal scores at one level of cost
        (lambda i: (-1) ** i * 1e300, lambda i: 10.0 ** (i % 600 - 300), False),  # everything that a double can hold
        (lambda i: 5e-324 * (i % 3), lambda i: 5e-324 * (1 + i % 3), False),  # denormals
        (lambda i: None, lambda i: 1.0 + i, True),  # nothing ever works
    ],
    ids=["equal", "huge", "denormal", "failures"],
)
def test_ten_thousand_adversarial_observations(score: Any, cost: Any, failed: bool) -> None:
    optimizer = Protein(SearchSpace(MIXED), seed=2)
    for i, row in enumerate(np.random.default_rng(0).random((10_000, optimizer.space.dim))):
        optimizer.observe(optimizer.space.decode(row), score=score(i), cost=cost(i), is_failure=failed)
    batch = optimizer.suggest(2)
    assert len({json.dumps(params, sort_keys=True) for params, _ in batch}) == 2
    for params, info in batch:
        assert legal(optimizer.space, optimizer.space.flatten(params))
        json.dumps(info.to_dict(), allow_nan=False)
