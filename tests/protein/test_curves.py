"""Learning curves of running runs: what may be reported, what is forecast, and what suggestions learn from them."""

from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protein import CurvePoint, Forecast, Protein
from protein.curves import MOST_POINTS, curve_of, thinned

FIXED: dict[str, Any] = {
    "lr": {"distribution": "log_normal", "min": 1e-4, "max": 1.0, "mean": 1e-2},
    "decay": {"distribution": "log_normal", "min": 1e-6, "max": 1.0, "mean": 1e-3},
}
DIAL: dict[str, Any] = {
    **FIXED,
    "epochs": {"distribution": "int_log_normal", "min": 4, "max": 256, "mean": 32, "scale": "time"},
}
FULL = 256
SPACES = pytest.mark.parametrize("space", [FIXED, DIAL], ids=["fixed", "dial"])


def score_at(params: Mapping[str, Any], epoch: float) -> float:
    """A curve that rises to an optimum at lr 0.01 and decay 0.001; the rate at which it rises depends on lr."""
    lr, decay = math.log10(params["lr"]), math.log10(params["decay"])
    return 1 - 0.1 * (lr + 2) ** 2 - 0.05 * (decay + 3) ** 2 - 0.8 * epoch ** (-0.4 * max(lr + 4, 0.3))


def epochs_of(params: Mapping[str, Any]) -> int:
    return int(params.get("epochs", FULL))


def report(optimizer: Protein, params: Mapping[str, Any], until: float, noise: float = 0.0) -> None:
    """Report at powers of two up to a fraction of the run."""
    end = epochs_of(params)
    rng = np.random.default_rng(int(1e6 * params["lr"]))
    for step in [s for s in (2**k for k in range(9)) if s <= until * end and s < end]:
        score = score_at(params, step) + noise * rng.standard_normal()
        optimizer.report(params, step=step, score=score, cost=0.5 * step, max_step=end)


def told(space: Mapping[str, Any], finished: int = 10, running: int = 3, noise: float = 0.0, **options: Any) -> Protein:
    optimizer = Protein(space, **options)
    for params in [optimizer.suggest()[0] for _ in range(finished)]:
        report(optimizer, params, 1.0, noise)
        optimizer.observe(params, score=score_at(params, epochs_of(params)), cost=0.5 * epochs_of(params))
    for params in [optimizer.suggest()[0] for _ in range(running)]:
        report(optimizer, params, 0.5)
    return optimizer


REPORTS = st.lists(
    st.builds(
        CurvePoint,
        st.sampled_from([2.0**-k for k in range(6)] + [0.3]),
        st.floats(-5, 5),
        st.none() | st.floats(0.1, 9),
    ),
    max_size=12,
)


@given(REPORTS, st.randoms())
def test_a_curve_does_not_depend_on_the_order_of_its_reports(points: list[CurvePoint], random: Any) -> None:
    shuffled = points + points[:2]
    random.shuffle(shuffled)
    curve = curve_of(points)
    assert curve_of(shuffled) == curve
    assert curve_of(curve) == curve
    costs = [p.cost for p in curve if p.cost is not None]
    assert costs == sorted(costs)
    assert all(a.fraction < b.fraction for a, b in itertools.pairwise(curve))
    assert len(thinned(curve)) <= MOST_POINTS


def test_a_restarted_run_replaces_what_it_repeats() -> None:
    first = [CurvePoint(0.1, 1.0, 10.0), CurvePoint(0.2, 2.0, 20.0), CurvePoint(0.3, 3.0, 30.0)]
    again = [CurvePoint(0.2, 5.0, 45.0)]
    assert curve_of([*first, *again]) == (first[0], again[0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"score": math.nan}, "score: nan is not a finite number; skip this report"),
        ({"step": math.inf}, "step: inf is not a finite number"),
        ({"step": 0}, "step: 0 is not above 0; report after the first step"),
        ({"step": -3}, "step: -3 is not above 0"),
        ({"step": 300}, "step: 300 is above max_step 256; max_step is the step of a complete run"),
        ({"max_step": None}, "max_step: is missing; give the step of a complete run, or a parameter with scale: time"),
    ],
)
def test_an_invalid_report_is_refused_and_changes_nothing(values: dict[str, Any], message: str) -> None:
    optimizer = told(FIXED, finished=3)
    params = optimizer.outstanding[0]
    before = optimizer.forecast(params)
    with pytest.raises(ValueError, match=message):
        optimizer.report(params, **{"step": 1, "score": 0.5, "max_step": FULL, **values})
    assert optimizer.forecast(params) == before


@SPACES
def test_reports_in_another_order_give_the_same_bits(space: dict[str, Any]) -> None:
    optimizer, other = told(space), Protein(space)
    for observation in optimizer.observations[::-1]:
        for point in observation.curve[::-1]:
            other.report(observation.params, step=point.fraction, score=point.score, cost=point.cost, max_step=1.0)
        other.observe(observation.params, score=observation.score, cost=observation.cost)
    running = optimizer.outstanding[::-1]
    for params in running:
        for point in reversed(optimizer.running(params)):
            for _ in range(2):
                other.report(params, step=point.fraction, score=point.score, cost=point.cost, max_step=1.0)
    assert other.forecast_many(running) == optimizer.forecast_many(running)
    expected = optimizer.suggest(2, pending=running, index=30)
    assert other.suggest(2, pending=running, index=30) == expected
    assert pickle.loads(pickle.dumps(optimizer)).suggest(2, pending=running, index=30) == expected


@SPACES
def test_forecasts_approach_the_final_score_and_cost(space: dict[str, Any]) -> None:
    widths, errors = [], []
    for until in (0.1, 0.3, 0.99):
        optimizer = told(space, finished=14, running=0, seed=1)
        forecasts, finals = [], []
        for params in [optimizer.suggest()[0] for _ in range(6)]:
            report(optimizer, params, until)
            forecasts.append(optimizer.forecast(params))
            finals.append((score_at(params, epochs_of(params)), 0.5 * epochs_of(params)))
        widths.append(np.mean([f.score_interval[1] - f.score_interval[0] for f in forecasts]))
        errors.append(np.mean([abs(f.score - s) for f, (s, _) in zip(forecasts, finals, strict=True)]))
        known = [(f.cost, cost) for f, (_, cost) in zip(forecasts, finals, strict=True) if f.cost is not None]
        assert all(predicted == pytest.approx(cost) for predicted, cost in known)
    assert widths[0] > widths[2]
    assert errors[0] > errors[2]
    assert errors[2] < 0.02


@SPACES
def test_intervals_hold_most_results_and_losers_are_told_from_winners(space: dict[str, Any]) -> None:
    inside, pairs = [], []
    for seed in range(4):
        optimizer = told(space, finished=16, running=0, noise=0.01, seed=seed)
        best = max(o.score for o in optimizer.observations if o.score is not None)
        for params, _ in optimizer.suggest(5):
            report(optimizer, params, 0.4, noise=0.01)
            forecast, final = optimizer.forecast(params), score_at(params, epochs_of(params))
            inside.append(forecast.score_interval[0] <= final <= forecast.score_interval[1])
            pairs.append((forecast.front_probability, final > best))
    assert np.mean(inside) >= 0.6
    assert all(probability > 0.01 for probability, wins in pairs if wins)


def test_without_finished_runs_nothing_is_certain() -> None:
    optimizer = Protein(FIXED)
    params, _ = optimizer.suggest()
    nothing = optimizer.forecast(params)
    assert (nothing.fraction, nothing.front_probability, nothing.cost) == (0.0, 1.0, None)
    report(optimizer, params, 0.5)
    assert optimizer.forecast(params).front_probability == 1.0
    optimizer.observe({"lr": 0.1, "decay": 0.1}, score=0.9, cost=128.0)
    forecast = optimizer.forecast(params)
    assert forecast.learned_from == 1
    assert 0.1 < forecast.front_probability <= 1.0
    assert all(map(math.isfinite, forecast.score_interval))


def test_running_runs_inform_the_next_suggestion() -> None:
    optimizer = told(FIXED)
    running = optimizer.outstanding
    silent = Protein(FIXED)
    for o in optimizer.observations:
        for point in o.curve:
            silent.report(o.params, step=point.fraction, score=point.score, cost=point.cost, max_step=1.0)
        silent.observe(o.params, score=o.score, cost=o.cost)
    assert silent.suggest(pending=running, index=40) != optimizer.suggest(pending=running, index=40)


def test_a_search_whose_runs_were_all_stopped_goes_on() -> None:
    optimizer = Protein(FIXED)
    for params in [optimizer.suggest()[0] for _ in range(6)]:
        report(optimizer, params, 0.5)
        optimizer.observe(params, score=score_at(params, 128), cost=64.0, cost_is_lower_bound=True)
    running, _ = optimizer.suggest()
    report(optimizer, running, 0.5)
    assert optimizer.forecast(running).learned_from == 0
    params, info = optimizer.suggest()
    assert info.origin == "model"
    assert all(map(math.isfinite, params.values()))


def test_curves_that_are_not_comparable_leave_other_runs_alone() -> None:
    optimizer = told(DIAL, comparable_curves=False)
    plain = Protein(DIAL, comparable_curves=False)
    for o in optimizer.observations:
        plain.observe(o.params, score=o.score, cost=o.cost)
    assert optimizer.suggest(pending=[], index=40) == plain.suggest(pending=[], index=40)
    params = optimizer.outstanding[0]
    before = optimizer.forecast(params)
    other = optimizer.outstanding[1]
    optimizer.report(other, step=3, score=-50.0, max_step=epochs_of(other))
    assert optimizer.forecast(params) == before


def test_a_stopped_run_keeps_its_curve_and_a_failed_one_does_not() -> None:
    optimizer = told(DIAL)
    stopped, failed, forgotten = optimizer.outstanding
    optimizer.observe(stopped, cost=3.0, cost_is_lower_bound=True)
    optimizer.observe(failed, is_failure=True)
    optimizer.discard(forgotten)
    assert [bool(o.curve) for o in optimizer.observations[-2:]] == [True, False]
    assert optimizer.running(forgotten) == ()
    assert optimizer.suggest()[1].origin == "model"


def test_the_best_and_the_front_are_runs_not_points_of_curves() -> None:
    optimizer = told(DIAL)
    results = [(o.score, o.cost) for o in optimizer.observations]
    assert all((o.score, o.cost) in results for o in optimizer.front())
    best = optimizer.best(by="observed")
    assert best is not None
    assert best[1:] in results


def test_forecasts_are_in_the_direction_of_the_goal() -> None:
    up, down = told(FIXED, running=2), Protein(FIXED, goal="minimize")
    for o in up.observations:
        for p in o.curve:
            down.report(o.params, step=p.fraction, score=-p.score, cost=p.cost, max_step=1.0)
        down.observe(o.params, score=-(o.score or 0.0), cost=o.cost)
    params = up.outstanding[0]
    for p in up.running(params):
        down.report(params, step=p.fraction, score=-p.score, cost=p.cost, max_step=1.0)
    one, other = up.forecast(params), down.forecast(params)
    assert other.score == pytest.approx(-one.score)
    assert other.front_probability == pytest.approx(one.front_probability)
    assert isinstance(one, Forecast)
