"""The front against the definition, for both goals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protein.analysis.pareto import pareto_front

POINTS = st.lists(st.tuples(st.integers(-4, 4).map(float), st.integers(0, 6).map(float)), max_size=12)


@given(POINTS, st.sampled_from(["maximize", "minimize"]))
@settings(max_examples=80, deadline=None)
def test_the_front_is_the_set_of_nondominated_points(points: list[tuple[float, float]], goal: str) -> None:
    sign = 1 if goal == "maximize" else -1

    def dominated(p: tuple[float, float]) -> bool:
        return any(sign * q[0] >= sign * p[0] and q[1] <= p[1] and q != p for q in points)

    front = pareto_front(points, goal)
    assert {points[i] for i in front} == {p for p in points if not dominated(p)}
    assert len(front) == len({points[i] for i in front})
    assert [points[i][1] for i in front] == sorted(points[i][1] for i in front)


def test_missing_and_non_finite_points_are_never_in_the_front() -> None:
    points = [(math.nan, 1.0), (5.0, math.inf), (None, 1.0), (9.0, None), (math.inf, 0.0), (1.0, 2.0)]
    assert pareto_front(points) == [5]


def test_an_unknown_goal_is_named() -> None:
    with pytest.raises(ValueError, match="goal: 'best'"):
        pareto_front([(1.0, 1.0)], "best")
