"""Sources: results of other tasks decide on the first points, as far as their ranking is that of this search."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from protein import Budget, Observation, Protein, Source, SpaceError

SPACE: dict[str, Any] = {
    "x": {"distribution": "uniform", "min": 0.0, "max": 1.0},
    "y": {"distribution": "uniform", "min": 0.0, "max": 1.0},
    "steps": {"distribution": "int_log_normal", "min": 10, "max": 10_000, "scale": "time"},
}
Function = Callable[[float, float], float]


def peak(x: float, y: float) -> float:
    """The task: best at (0.7, 0.2)."""
    return -((x - 0.7) ** 2) - (y - 0.2) ** 2


def scaled(x: float, y: float) -> float:
    return 400.0 + 1000.0 * peak(x - 0.03, y + 0.02)


def inverted(x: float, y: float) -> float:
    return -peak(x, y)


def rippled(x: float, y: float) -> float:
    return math.sin(9.0 * x + 4.0) * math.cos(7.0 * y)


def rows(function: Function, *, unit: float = 1.0, count: int = 40, seed: int = 0) -> list[Observation]:
    drawn = np.random.default_rng(seed).random((count, 3))
    found = []
    for x, y, z in drawn.tolist():
        steps = round(10 * 1000.0**z)
        found.append(Observation({"x": x, "y": y, "steps": steps}, function(x, y) - 1.0 / steps, unit * steps))
    return found


def observed(count: int, sources: Sequence[Source], *, order: int = 1, **options: Any) -> Protein:
    optimizer = Protein(SPACE, seed=3, sources=sources, **options)
    for o in rows(peak, count=count, seed=7)[::order]:
        optimizer.observe(o.params, score=o.score, cost=o.cost)
    return optimizer


def test_the_first_point_is_where_a_source_is_good_and_its_results_are_none_of_this_search() -> None:
    optimizer = Protein(SPACE, seed=1, sources=[Source("old", rows(scaled, unit=5.0))])
    params, info = optimizer.suggest()
    assert info.origin == "model"
    assert math.dist((params["x"], params["y"]), (0.73, 0.18)) < 0.15
    assert info.score is None, "the scale of this task's scores is not known yet"
    assert (optimizer.observations, optimizer.front(), optimizer.best(by="observed")) == ((), [], None)
    optimizer.observe(params, score=-0.01, cost=7.0)
    second, after = optimizer.suggest()
    assert after.origin == "center", "the initial design takes turns with the sources"
    optimizer.observe(second, score=-0.2, cost=9.0)
    assert optimizer.best() == (params, pytest.approx(-0.01, abs=0.05), 7.0)
    assert [o.cost for o in optimizer.front()] == [7.0]


def test_sources_and_their_rows_have_no_order_and_a_batch_equals_single_suggestions() -> None:
    old, other = rows(scaled), rows(rippled)
    one = observed(6, [Source("old", old), Source("other", other)])
    two = observed(6, [Source("other", other[::-1]), Source("old", old[::-1])], order=-1)
    batch = one.suggest(3, pending=[], index=20)
    assert two.suggest(3, pending=[], index=20) == batch
    assert two.source_weights() == one.source_weights()
    again = pickle.loads(pickle.dumps(one))
    assert again.suggest(pending=[p for p, _ in batch[1::-1]], index=22) == batch[2]


@pytest.mark.parametrize("unrelated", [[inverted], [rippled, inverted]])
def test_a_related_source_has_the_weight_and_unrelated_ones_lose_it(unrelated: list[Function]) -> None:
    others = [Source(f"{f.__name__} {i}", rows(f, seed=i)) for f in unrelated for i in range(3)]
    weights = observed(8, [*others, Source("old", rows(scaled))]).source_weights()
    assert weights["old"] > 0.6
    assert sum(weights.values()) <= 1.0
    alone = observed(16, others).source_weights()
    assert sum(alone.values()) < 0.1, "the model of the results themselves ranks them better"


def test_one_of_many_sources_does_not_win_by_luck() -> None:
    """Three results say little, and each source ranks them in some order."""
    noise = np.random.default_rng(5)
    others = [
        Source(str(i), [Observation(o.params, float(noise.standard_normal()), o.cost) for o in rows(peak, seed=i)])
        for i in range(8)
    ]
    assert sum(observed(3, others).source_weights().values()) < 0.6


def test_a_source_without_two_different_scores_changes_nothing() -> None:
    flat = [Observation(o.params, 1.0, o.cost) for o in rows(peak)]
    with_it, without = observed(6, [Source("flat", flat)]), observed(6, [])
    one, other = with_it.suggest(pending=[], index=9), without.suggest(pending=[], index=9)
    assert one[0] == other[0]
    assert one[1].details.pop("sources") == {"flat": 0.0}
    assert one[1] == other[1]


def test_costs_are_those_of_the_source_up_to_a_factor() -> None:
    sources = [Source("old", rows(scaled, unit=5.0))]
    at = [{"x": 0.5, "y": 0.5, "steps": steps} for steps in (100, 5000)]
    before = observed(0, sources).predict(at)[2]
    np.testing.assert_allclose(before, [500.0, 25_000.0], rtol=0.3)
    np.testing.assert_allclose(observed(2, sources).predict(at)[2], [100.0, 5000.0], rtol=0.3)
    budget = Protein(SPACE, seed=2, sources=sources, budget=Budget(cost=1000.0))
    assert budget.suggest()[0]["steps"] < 200, "what is not payable in the source is not suggested"
    assert Protein(SPACE, seed=2, sources=sources).suggest()[0]["steps"] <= 160, "as in the initial design"


def test_where_a_related_source_failed_is_avoided_at_first() -> None:
    works = [o for o in rows(scaled) if o.params["x"] < 0.6]
    fails = [Observation(o.params, is_failure=True) for o in rows(scaled) if o.params["x"] > 0.6]
    assert observed(0, [Source("old", [*works, *fails])]).suggest()[0]["x"] < 0.6
    assert observed(0, [Source("old", works)]).suggest()[0]["x"] > 0.6


def test_invalid_sources_are_refused() -> None:
    with pytest.raises(ValueError, match="'a' is the name of two sources; give each source its own name"):
        Protein(SPACE, sources=[Source("a", []), Source("a", [])])
    with pytest.raises(SpaceError, match="z"):
        Protein(SPACE, sources=[Source("a", [Observation({"z": 1}, 1.0)])])
