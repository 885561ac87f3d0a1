"""Candidates stay on the grid and in the box, reach every level, and are functions of their generator alone."""

from __future__ import annotations

import numpy as np
import pytest

from protein import Protein, ProteinSettings, SearchSpace
from protein.search.candidates import MAX_CELLS, neighbors, perturb, row_key, spread
from protein.search.initial_design import initial_design, initial_design_size
from protein.search.observed_front import front_rows
from protein.search.proposal import draw_candidates
from protein.search.repair import repair

MIXED = {
    "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3},
    "depth": {"distribution": "int_uniform", "min": 2, "max": 6, "mean": 3},
    "batch": {"distribution": "uniform_pow2", "min": 8, "max": 64, "mean": 16},
    "optimizer": {"distribution": "categorical", "values": ["adam", "sgd", "lion"]},
}


@pytest.fixture
def space() -> SearchSpace:
    return SearchSpace(MIXED)


def valid(space: SearchSpace, rows: np.ndarray) -> bool:
    return bool(np.all((rows >= 0) & (rows <= 1)) and np.allclose(space.snap(rows), rows, atol=1e-9))


def test_spread_covers_every_level(space: SearchSpace) -> None:
    rows = spread(space, 100, np.random.default_rng(0))
    flats = [space.decode(row) for row in rows]
    assert rows.shape == (100, space.dim)
    assert valid(space, rows)
    assert {f["optimizer"] for f in flats} == {"adam", "sgd", "lion"}
    assert {f["depth"] for f in flats} == {2, 3, 4, 5, 6}


def test_perturbations_change_something_and_stay_valid(space: SearchSpace) -> None:
    centers = spread(space, 3, np.random.default_rng(1))
    rows = perturb(space, centers, 50, np.ones(space.dim), np.random.default_rng(2))
    assert rows.shape == (150, space.dim)
    assert valid(space, rows)
    base = np.repeat(centers, 50, axis=0)
    assert (np.abs(rows - base).max(axis=1) > 0).all()
    owner = space.owner
    changed = np.stack([(np.abs(rows - base)[:, owner == k] > 0).any(axis=1) for k in range(4)], axis=1)
    assert changed.sum(axis=1).min() >= 1
    assert (changed.sum(axis=1) == 1).any()


def test_grid_steps_beyond_the_end_are_reversed(space: SearchSpace) -> None:
    corner = space.encode({"lr": 1e-5, "depth": 2, "batch": 64, "optimizer": "sgd"})[None, :]
    rows = perturb(space, corner, 60, np.full(space.dim, 1e-6), np.random.default_rng(0))
    flats = [space.decode(row) for row in rows]
    assert {f["depth"] for f in flats} == {2, 3}
    assert {f["batch"] for f in flats} == {64, 32}


def test_neighbors_are_one_step_or_one_level_away(space: SearchSpace) -> None:
    row = space.encode({"lr": 1e-3, "depth": 2, "batch": 16, "optimizer": "sgd"})
    flats = [space.decode(r) for r in neighbors(space, row)]
    assert {f["depth"] for f in flats} == {2, 3}
    assert {f["batch"] for f in flats} == {8, 16, 32}
    assert {f["optimizer"] for f in flats} == {"adam", "sgd", "lion"}
    assert len(flats) == 1 + 2 + 2


def test_the_initial_design_is_the_center_and_cheap_points() -> None:
    spec = {
        "steps": {"distribution": "log_normal", "min": 10.0, "max": 1e6, "mean": 5e3, "scale": "time"},
        "lr": MIXED["lr"],
        "depth": MIXED["depth"],
    }
    space, settings = SearchSpace(spec), ProteinSettings()
    assert initial_design_size(space, settings) == 4
    rows = initial_design(space, settings, 0, 9)
    flats = [space.decode(row) for row in rows]
    assert flats[0] == space.center()
    assert all(f["steps"] <= 160 * (1 + 1e-9) for f in flats[1:])
    assert max(f["steps"] for f in flats[1:]) > 60


@pytest.mark.parametrize(("parameters", "size"), [(1, 2), (3, 4), (4, 5), (40, 5)])
def test_the_initial_design_has_at_most_five_points(parameters: int, size: int) -> None:
    space = SearchSpace({f"x{i}": {"distribution": "uniform", "min": 0.0, "max": 1.0} for i in range(parameters)})
    assert initial_design_size(space, ProteinSettings()) == size
    assert initial_design_size(space, ProteinSettings(num_random_samples=41)) == 41


def test_every_second_point_of_the_design_is_drawn_toward_the_center() -> None:
    spec = {name: {"distribution": "uniform", "min": 0.0, "max": 1.0, "mean": 0.8} for name in ("x", "y", "z")}
    spec["y"]["prior_weight"], spec["z"]["priorWeight"] = 1.0, 0.0
    space = SearchSpace(spec)
    plain = initial_design(space, ProteinSettings(prior_weight=0.0), 0, 20)
    drawn = initial_design(space, ProteinSettings(prior_weight=0.75, num_random_samples=9), 0, 20)
    assert np.array_equal(drawn[9:], plain[9:]), "what goes on because there is nothing to learn covers the space"
    plain, drawn = plain[:9], drawn[:9]
    assert np.array_equal(drawn[::2], plain[::2])
    assert np.allclose(drawn[1::2, 0], 0.8 + 0.25 * (plain[1::2, 0] - 0.8))
    assert np.allclose(drawn[1::2, 1], 0.8)
    assert np.array_equal(drawn[1::2, 2], plain[1::2, 2])


def test_a_cost_parameter_is_drawn_toward_its_low_end_if_the_center_is_above_it() -> None:
    steps = {"distribution": "int_log_normal", "min": 10, "max": 10**6, "mean": 5000, "scale": "time"}
    space = SearchSpace({"steps": steps, "x": {"distribution": "uniform", "min": 0.0, "max": 1.0}})
    rows = initial_design(space, ProteinSettings(prior_weight=1.0, num_random_samples=9), 0, 9)
    assert {space.decode(row)["steps"] for row in rows[1::2]} == {160}
    assert max(space.decode(row)["steps"] for row in rows[2::2]) <= 160


def test_longer_designs_begin_with_shorter_ones(space: SearchSpace) -> None:
    long, short = (initial_design(space, ProteinSettings(), 3, n) for n in (40, 5))
    assert np.array_equal(long[:5], short)
    assert not np.array_equal(long, initial_design(space, ProteinSettings(), 4, 40))


def test_repair_changes_as_little_as_possible(space: SearchSpace) -> None:
    def allowed(p: dict[str, object]) -> bool:
        return p["depth"] <= 3 or p["batch"] == 64  # type: ignore[operator]

    anchor = space.encode({"lr": 1e-3, "depth": 3, "batch": 16, "optimizer": "adam"})
    row = space.encode({"lr": 1e-2, "depth": 6, "batch": 8, "optimizer": "sgd"})
    mended = repair(space, row, anchor[None, :], allowed)
    assert mended is not None
    flat = space.decode(mended)
    assert allowed(flat)
    assert flat["optimizer"] == "sgd"
    assert flat["batch"] == 8
    assert repair(space, row, np.zeros((0, space.dim)), allowed) is None


def test_rows_that_differ_by_rounding_are_one_point() -> None:
    assert row_key(np.array([0.1 + 0.2, 0.0])) == row_key(np.array([0.3, -0.0]))


@pytest.mark.parametrize("acquisition", ["auto", "protein"])
def test_candidates_have_bounded_memory_whatever_the_settings(acquisition: str) -> None:
    # 64 parameters and the largest settings: a front of 100 points gave 6.5 million candidates, 3.4 GB
    space = SearchSpace({f"x{i}": {"distribution": "uniform", "min": 0.0, "max": 1.0} for i in range(64)})
    largest = ProteinSettings(random_suggestions=65536, suggestions_per_pareto=65536, acquisition=acquisition)
    optimizer = Protein(space, largest)
    for i, row in enumerate(np.random.default_rng(0).random((100, 64))):
        optimizer.observe(space.decode(row), score=float(i), cost=float(i + 1))
    models = optimizer.models()
    assert len(front_rows(models.history)) == 100
    rows = draw_candidates(space, largest, models, np.random.default_rng(1))
    assert len(rows) > 10_000
    assert rows.size <= MAX_CELLS


def test_neighbors_have_bounded_memory() -> None:
    wide = {f"x{i}": {"distribution": "categorical", "values": list(range(64))} for i in range(64)}
    space = SearchSpace(wide)
    assert space.dim == 4096
    rows = neighbors(space, space.center_unit)
    assert rows.size <= MAX_CELLS
    assert len(np.unique(space.owner[(rows != space.center_unit).argmax(axis=1)])) > 32, "of many parameters"
