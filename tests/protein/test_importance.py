"""Shares of variance against a function whose shares are known, and through the optimizer."""

from __future__ import annotations

import numpy as np
import pytest

from protein import Protein, SearchSpace
from protein.analysis.importance import first_order_shares, parameter_importance

SPEC = {
    "a": {"distribution": "uniform", "min": 0.0, "max": 1.0},
    "b": {"distribution": "uniform", "min": 0.0, "max": 1.0},
    "kind": {"distribution": "categorical", "values": ["x", "y", "z"]},
}


def test_shares_of_a_linear_function_are_its_squared_slopes() -> None:
    space = SearchSpace({"a": SPEC["a"], "b": SPEC["b"]})
    shares = first_order_shares(space, lambda x: 3 * x[:, 0] + x[:, 1], 1024)
    assert shares["a"] == pytest.approx(0.9, abs=0.02)
    assert list(shares) == ["a", "b"]


def test_importance_of_observed_runs_sums_to_one_and_is_deterministic() -> None:
    protein = Protein(SearchSpace(SPEC), seed=0)
    rng = np.random.default_rng(0)
    for a, b, k in rng.random((30, 3)).tolist():
        kind = "xyz"[int(3 * k)]
        protein.observe({"a": a, "b": b, "kind": kind}, score=2 * (kind == "x") + 0.3 * a, cost=1.0)
    shares = parameter_importance(protein)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert next(iter(shares)) == "kind"
    assert shares["kind"] > shares["a"] > shares["b"]
    assert parameter_importance(protein) == shares


def test_without_observations_shares_are_equal() -> None:
    shares = parameter_importance(Protein(SearchSpace(SPEC), seed=0))
    assert shares == pytest.approx({"a": 1 / 3, "b": 1 / 3, "kind": 1 / 3})
