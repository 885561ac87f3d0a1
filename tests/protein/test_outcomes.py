"""Further metrics of a run: objectives and thresholds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protein import Outcome, Protein, SearchSpace
from protein.analysis.pareto import nondominated
from protein.outcomes import OutcomeTable, draw_levels

SPACE = {f"x{i}": {"distribution": "uniform", "min": 0.0, "max": 1.0, "mean": 0.8} for i in range(3)}


def measure(params: dict[str, Any]) -> tuple[float, float]:
    """(accuracy, latency): both grow with x0; x1 helps accuracy alone, x2 = 0.5 is best for latency."""
    x0, x1, x2 = (params[f"x{i}"] for i in range(3))
    return math.sqrt(x0) - (x1 - 0.7) ** 2, x0 + 2 * (x2 - 0.5) ** 2


def search(outcome: Outcome | None, n: int, seed: int = 3) -> Protein:
    optimizer = Protein(SearchSpace(SPACE), seed=seed, outcomes={} if outcome is None else {"latency": outcome})
    for _ in range(n):
        params, _ = optimizer.suggest()
        accuracy, latency = measure(params)
        optimizer.observe(params, score=accuracy, cost=1.0, metrics={"latency": latency})
    return optimizer


def area(points: list[tuple[float, float]]) -> float:
    """Area dominated by (accuracy, latency) points above accuracy -1 and below latency 2."""
    total, reach = 0.0, -1.0
    for accuracy, latency in sorted(points, key=lambda p: p[1]):
        if accuracy > reach and latency < 2:
            total += (accuracy - reach) * (2 - latency)
            reach = accuracy
    return total


ROWS = st.lists(
    st.lists(st.one_of(st.integers(0, 3).map(float), st.sampled_from([math.nan, -math.inf])), min_size=3, max_size=3),
    max_size=12,
)


@settings(derandomize=True, deadline=None)
@given(ROWS)
def test_the_front_is_the_set_of_nondominated_rows(rows: list[list[float]]) -> None:
    values = np.array(rows).reshape(-1, 3)
    front = nondominated(values.tolist())
    for i, row in enumerate(values):
        if not np.isfinite(row).all():
            assert i not in front
            continue
        beaten = [j for j, other in enumerate(values) if np.isfinite(other).all() and (other >= row).all()]
        strictly = any((values[j] > row).any() for j in beaten)
        first = min(j for j in beaten if (values[j] == row).all())
        assert (i in front) == (not strictly and i == first)


def test_a_threshold_is_met_and_approached() -> None:
    optimizer = search(Outcome("minimize", threshold=0.4, objective=False), 30)
    best = optimizer.best()
    assert best is not None
    accuracy, latency = measure(best[0])
    assert latency <= 0.4
    assert accuracy > 0.6, "the best that is allowed is sqrt(0.4) = 0.632"
    later = [measure(o.params) for o in list(optimizer.observations)[10:]]
    assert sum(reached <= 0.45 for _, reached in later) >= len(later) * 0.7, (
        "few runs are spent where they cannot count"
    )


def test_without_a_feasible_run_there_is_no_best_and_the_search_continues() -> None:
    optimizer = Protein(
        SearchSpace(SPACE), seed=1, outcomes={"latency": Outcome("minimize", threshold=0.0, objective=False)}
    )
    for _ in range(8):
        params, _ = optimizer.suggest()
        optimizer.observe(params, score=measure(params)[0], cost=1.0, metrics={"latency": measure(params)[1]})
    assert optimizer.best() is None
    params, info = optimizer.suggest()
    assert measure(params)[1] < 0.2
    assert info.details["metrics.latency"] < 0.3


def test_an_objective_spreads_the_front() -> None:
    both = alone = 0.0
    for seed in range(3, 6):
        optimizer, single = search(Outcome("minimize"), 22, seed), search(None, 22, seed)
        both += area([measure(o.params) for o in optimizer.observations])
        alone += area([measure(o.params) for o in single.observations])
        front = [measure(o.params) for o in optimizer.front()]
        assert all(not any(a >= x and b <= y and (a, b) != (x, y) for a, b in front) for x, y in front)
        assert max(accuracy for accuracy, _ in front) > 0.9
    assert both > 1.05 * alone


def test_outcomes_in_any_order_and_with_gaps_give_the_same_suggestion() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for row in rng.random((12, 3)):
        params = {f"x{i}": float(v) for i, v in enumerate(row)}
        accuracy, latency = measure(params)
        rows.append((params, accuracy, {"latency": latency} if row[0] < 0.7 else {"latency": math.nan, "other": 1.0}))
    answers = []
    for order in (rows, rows[::-1]):
        optimizer = Protein(SearchSpace(SPACE), seed=0, outcomes={"latency": Outcome("minimize", threshold=1.5)})
        for params, accuracy, metrics in order:
            optimizer.observe(params, score=accuracy, cost=1.0, metrics=metrics)
        answers.append(optimizer.suggest())
    assert answers[0] == answers[1]


def test_levels_are_drawn_slightly_beyond_the_front_and_never_below_a_threshold() -> None:
    outcomes = {"a": Outcome("maximize"), "b": Outcome("minimize", threshold=5.0), "c": Outcome(threshold=1.0)}
    table = OutcomeTable(outcomes, np.array([[0.0, -4.0, 2.0], [10.0, -9.0, math.nan]]))
    front = np.array([0, 1])
    drawn = np.array([draw_levels(table, front, np.random.default_rng(i)) for i in range(300)])
    a = drawn[np.isfinite(drawn[:, 0]), 0]
    assert 100 < len(a) < 200
    assert 0 <= a.min() < 1
    assert 10 < a.max() <= 11
    assert drawn[:, 1].min() == -5.0
    assert drawn[:, 1].max() > -4.0
    assert (drawn[:, 2] >= 1.0).all()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"goal": "up"}, "goal"),
        ({"threshold": math.nan}, "threshold"),
        ({"objective": False}, "threshold"),
    ],
)
def test_an_invalid_outcome_names_its_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Outcome(**fields)


def test_a_metric_that_is_not_a_number_is_rejected() -> None:
    optimizer = Protein(SearchSpace(SPACE), outcomes={"latency": Outcome("minimize")})
    with pytest.raises(ValueError, match=r"metrics\['latency'\]"):
        optimizer.observe(optimizer.space.center(), score=1.0, metrics={"latency": "fast"})  # type: ignore[dict-item]
    assert len(optimizer.observations) == 0
