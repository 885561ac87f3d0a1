"""What a suggestion aims at: the cap on cost, and how often the front's area."""

from __future__ import annotations

import math

import numpy as np
import pytest

from protein import Protein, ProteinSettings, SearchSpace
from protein.models.model_set import Models
from protein.search.cost_level import GROWTH, SHARE_AREA, area_share, cost_cap

SPACE = {"x": {"distribution": "uniform", "min": 0.0, "max": 1.0}}
NONE = np.zeros(0)


def models(*costs: float) -> Models:
    optimizer = Protein(SearchSpace(SPACE))
    for i, cost in enumerate(costs):
        optimizer.observe({"x": i / len(costs)}, score=float(i), cost=cost)
    return optimizer.models()


@pytest.mark.parametrize(
    ("cap", "max_cost", "share"),
    [
        (1e2, None, 0.0),  # two decades above the cheapest
        (10**2.5, None, 0.0),
        (1e3, None, SHARE_AREA / 2),
        (1e5, None, SHARE_AREA),
        (1e2, 1e6, SHARE_AREA),  # the cap is low yet, but much dearer runs will be proposed
        (1e5, 1e2, SHARE_AREA),
    ],
)
def test_the_area_is_maximized_if_costs_span_decades(cap: float, max_cost: float | None, share: float) -> None:
    assert area_share(models(1.0, 20.0), math.log(cap), max_cost) == pytest.approx(share)


@pytest.mark.parametrize(
    ("costs", "pending", "max_cost", "expected"),
    [
        ((1.0, 4.0, 10.0), (), None, GROWTH * 15.0),  # everything spent so far
        ((1.0, 4.0, 10.0), (5.0,), None, GROWTH * 20.0),  # what is under way will be spent too
        ((1.0, 4.0, 10.0), (), 12.0, 12.0),
        ((5.0, 5.0, 5.0), (), None, None),  # a cost that never varies plays no part
    ],
)
def test_the_cap_grows_with_the_total_cost(
    costs: tuple[float, ...], pending: tuple[float, ...], max_cost: float | None, expected: float | None
) -> None:
    cap = cost_cap(models(*costs), np.log(np.array(pending)) if pending else NONE, max_cost)
    assert cap == (None if expected is None else pytest.approx(math.log(expected)))


def test_a_space_whose_costs_span_decades_gets_suggestions_of_every_kind() -> None:
    optimizer = Protein(SearchSpace(SPACE), ProteinSettings(max_suggestion_cost=1e6), seed=4)
    for i in range(12):
        optimizer.observe({"x": i / 12}, score=math.sin(i), cost=10.0 ** (i / 2))
    kinds = {info.details["acquisition"] for _, info in (optimizer.suggest(index=100 + i) for i in range(25))}
    assert kinds == {"ei", "ucb", "area"}
