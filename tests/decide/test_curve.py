"""Reports become a learning curve: whatever the order of the reads, and however often a line is read."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.domain.curve import Point, fold

MOST = 32
steps = st.one_of(st.integers(0, 10**9).map(float), st.floats(0, 1e12), st.sampled_from([0.0, 1.0, 5e-324, 1.7e308]))
metrics = st.dictionaries(st.text(max_size=3), st.floats(-1e9, 1e9), max_size=2).map(lambda m: tuple(sorted(m.items())))
points = st.builds(
    Point,
    steps,
    st.none() | st.floats(-1e9, 1e9),
    st.floats(0, 1e6).map(lambda s: round(s, 1)),
    st.integers(1, 3),
    metrics,
)


@given(st.lists(points, max_size=200), st.randoms(use_true_random=False))
def test_order_and_repetition_of_reports_do_not_matter(reports: list[Point], rng: random.Random) -> None:
    curve = fold([], reports, MOST)
    mixed = [*reports, *reports[::2]]
    rng.shuffle(mixed)
    assert fold([], mixed, MOST) == curve
    assert fold(curve, curve, MOST) == curve


@given(st.lists(points.map(lambda p: p._replace(attempt=1)), max_size=200), st.integers(0, 200))
def test_reading_in_parts_gives_the_same_curve(reports: list[Point], cut: int) -> None:
    whole = fold([], reports, MOST)
    assert fold(fold([], reports[:cut], MOST), reports[cut:], MOST) == whole
    assert fold(fold([], reports, 8 * MOST), [], MOST) == whole, "a longer history contains the curve"


@given(st.lists(points, min_size=1, max_size=200))
def test_a_curve_is_a_short_sorted_part_of_the_reports_with_their_ends(reports: list[Point]) -> None:
    curve = fold([], reports, MOST)
    assert 1 <= len(curve) <= MOST
    assert [p.step for p in curve] == sorted({p.step for p in curve})
    assert set(curve) <= set(reports)
    last = max(p.attempt for p in reports)
    assert max(p.step for p in reports if p.attempt == last) == curve[-1].step
    assert min(p.step for p in reports) == curve[0].step


def test_a_grid_has_more_points_where_steps_are_fewer() -> None:
    curve = fold([], [Point(step, step / 1e6, step) for step in range(10_000, 1_000_001, 10_000)], MOST)
    assert len(curve) > 20
    gaps = [b.step / a.step for a, b in itertools.pairwise(curve[4:])]
    assert max(gaps) < 1.3, "about the same factor between neighbors"


def test_a_resumed_attempt_replaces_what_it_repeats() -> None:
    first = [Point(step, 0.1, step) for step in (10, 20, 30, 40)]
    resumed = [Point(step, 0.9, 40 + step, 2) for step in (25, 35)]
    assert fold(first, resumed, MOST) == [*first[:2], *resumed]
    again = [Point(5, 0.5, 90, 3)]
    assert fold(fold(first, resumed, MOST), again, MOST) == again


@pytest.mark.parametrize("step", [math.nan, math.inf, -1.0])
def test_an_invalid_step_is_ignored(step: float) -> None:
    assert fold([], [Point(step, 1.0, 1.0)], MOST) == []


def test_of_two_values_of_a_step_the_later_one_counts() -> None:
    assert fold([Point(1, 5.0, 1)], [Point(1, 3.0, 2)], MOST) == [Point(1, 3.0, 2)]
    assert fold([Point(1, 3.0, 2)], [Point(1, None, 3)], MOST) == [Point(1, None, 3)]
