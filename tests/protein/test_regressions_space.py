"""Spaces, bookkeeping and parallel use: what went wrong in earlier optimizers and must not come back."""

from __future__ import annotations

import numpy as np

from protein import MettaProtein, Protein, Random, SearchSpace, Sobol, flatten

GRID = {
    "a": {"distribution": "int_uniform", "min": 1, "max": 4},
    "b": {"distribution": "uniform_pow2", "min": 1, "max": 8},
}


def test_04_repeated_measurements_stay_separate_rows() -> None:
    optimizer = Random(GRID)
    for score in (1.0, 2.0, 2.0):
        optimizer.observe({"a": 1, "b": 2}, score=score, cost=1.0)
    assert [o.score for o in optimizer.observations] == [1.0, 2.0, 2.0]


def test_05_every_run_is_remembered_not_the_oldest_hundred() -> None:
    optimizer = Random({"x": {"distribution": "uniform", "min": 0, "max": 1}})
    for i in range(1000):
        optimizer.observe({"x": i / 1000}, score=float(i), cost=1.0)
    assert len(optimizer.observations) == 1000


def test_06_a_result_is_recorded_for_the_trained_parameters() -> None:
    optimizer = MettaProtein({"method": "random", "parameters": GRID})
    suggestion, _ = optimizer.suggest()
    trained = dict(suggestion)
    suggestion["a"] = 99
    optimizer.record_observation(objective=1.0, cost=1.0)
    assert dict(optimizer.optimizer.observations[0].params) == trained


def test_07_the_returned_suggestion_is_not_changed_by_the_next_call() -> None:
    for kind in (Random, Sobol, Protein):
        optimizer = kind(GRID)
        first, _ = optimizer.suggest()
        kept = dict(first)
        optimizer.observe(first, score=1.0, cost=1.0)
        optimizer.suggest()
        assert first == kept


def test_17_integer_cells_do_not_collide() -> None:
    optimizer = Protein(GRID)
    keys = [optimizer.space.key(flatten(s)) for s, _ in optimizer.suggest(16)]
    assert len(set(keys)) == 16


def test_19_end_values_have_full_mass_and_nothing_leaves_its_range() -> None:
    space = SearchSpace({**GRID, "f": {"distribution": "uniform", "min": 0.1, "max": 0.3}})
    rows = np.random.default_rng(0).random((8000, space.dim))
    decoded = [space.decode(r) for r in rows]
    for value in (1, 2, 3, 4):
        assert abs(sum(d["a"] == value for d in decoded) / 8000 - 0.25) < 0.03
    assert {d["b"] for d in decoded} == {1, 2, 4, 8}
    assert space.decode([0, 0, 1.0])["f"] == 0.3
    assert max(float(d["f"]) for d in decoded) <= 0.3


def test_21_a_suggestion_that_violates_a_constraint_is_replaced() -> None:
    optimizer = Random(GRID, constraints=(lambda flat: flat["a"] * flat["b"] % 3 != 0,))
    keys = {optimizer.space.key(flatten(s)) for s, _ in optimizer.suggest(10)}
    assert len(keys) == 10


def test_22_optimizers_share_no_random_state() -> None:
    np.random.seed(0)
    alone = [s for s, _ in Sobol(GRID, seed=3).suggest(4)]
    np.random.seed(1)
    other = Sobol({"x": {"distribution": "uniform", "min": 0, "max": 1}}, seed=9)
    mixed = []
    optimizer = Sobol(GRID, seed=3)
    for i in range(4):
        other.suggest(index=i)
        pending = mixed[:i]
        mixed.append(optimizer.suggest(1, index=i, pending=pending)[0][0])
    assert mixed == alone


def test_25_values_are_not_rounded() -> None:
    value = 0.00031415926535897931
    optimizer = Random({"lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2, "mean": value}})
    suggestion, _ = optimizer.suggest()
    assert suggestion["lr"] == value
    optimizer.observe(suggestion, score=-0.0, cost=1.0)
    optimizer.observe(suggestion, score=-3.5, cost=1.0)
    assert [o.score for o in optimizer.observations] == [0.0, -3.5]
    assert optimizer.observations[0].params["lr"] == value
