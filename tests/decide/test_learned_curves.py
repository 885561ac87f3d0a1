"""What the optimizer learns of a learning curve stays true while the run goes on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.progress import MAX_POINTS, CurvePoint
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.curves import learned_curve
from sweep_operator.domain.curve import Point, fold
from tests.decide.given import finished, started, sweep

REPORTS: dict[str, Any] = {"maxStep": 1000}
STEPS = st.lists(st.integers(1, 1000), unique=True, max_size=200).map(sorted)


def with_curve(run: SweepRun, points: list[Point]) -> SweepRun:
    stored = [CurvePoint(step=p.step, value=p.value, seconds=p.seconds) for p in fold([], points, MAX_POINTS)]
    return run.with_(status=run.status.with_(curve=stored))


def reading(**spec: Any) -> Sweep:
    return sweep(**{"train": {"image": "i", "command": ["t"], "reports": REPORTS}, **spec})


def points(steps: list[int]) -> list[Point]:
    return [Point(step, step / 1000, step / 10) for step in steps]


@given(STEPS, st.integers(0, 200))
def test_what_is_learned_of_a_running_run_is_the_beginning_of_what_is_learned_later(steps: list[int], cut: int) -> None:
    s = reading()
    earlier = learned_curve(with_curve(started(s, 1), points(steps[:cut])), s, None)
    later = learned_curve(with_curve(started(s, 1), points(steps)), s, None)
    ended = learned_curve(with_curve(finished(sweep(), 1, 0.5), points(steps)), s, None)
    assert later[: len(earlier)] == earlier
    assert ended[: len(later)] == later
    assert len(ended) - len(later) <= 1


def test_the_points_are_fractions_with_scores_and_costs() -> None:
    s = reading()
    run = with_curve(finished(sweep(), 1, 0.5), points([1, 2, 3, 500, 999]))
    assert learned_curve(run, s, None) == (
        (0.001, 0.001, 0.1),
        (0.003, 0.003, 0.3),
        (0.5, 0.5, 50.0),
        (0.999, 0.999, 99.9),
    )
    by_parameter = reading(train={"image": "i", "command": ["t"], "reports": {"maxStep": "$(params.x)"}})
    of = with_curve(finished(sweep(), 1, 0.5, x=2000.0), points([500]))
    assert learned_curve(of, by_parameter, None) == ((0.25, 0.5, 50.0),)


@pytest.mark.parametrize(
    "spec",
    [
        {"train": {"image": "i", "command": ["t"]}},
        {"train": {"image": "i", "command": ["t"], "reports": {}}},
        {"eval": {"image": "i", "command": ["e"]}},
        {"method": "random"},
    ],
    ids=["no reports", "no maxStep", "the score comes from eval", "nothing is learned"],
)
def test_nothing_is_learned_where_reports_are_not_the_score_of_a_known_fraction(spec: dict[str, Any]) -> None:
    s = reading(**spec)
    assert learned_curve(with_curve(finished(sweep(), 1, 0.5), points([10, 500])), s, None) == ()


def test_a_cost_that_is_not_in_seconds_is_not_learned() -> None:
    s = reading(cost={"source": "GPUSeconds"})
    assert learned_curve(with_curve(finished(sweep(), 1, 0.5), points([10])), s, None) == ((0.01, 0.01, None),)
