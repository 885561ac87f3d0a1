"""Calibration: which runs are compared, the values, and their place in the status."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protein.analysis.calibration import Z80, calibrate, calibrate_cost
from sweep_operator.api.status import Calibration
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide import calibration as ours
from sweep_operator.decide.calibration import calibration
from sweep_operator.decide.sweep import decide
from tests.decide.given import T0, settled, snapshot, sweep
from tests.decide.given import run as make_run

SCORE = {"score": 10.0, "scoreLow": 8.0, "scoreHigh": 12.0}
COST = {"cost": 100.0, "costLow": 50.0, "costHigh": 200.0}


def ended(
    index: int | None, score: float | None = 10.0, cost: float | None = 100.0, *, origin: str = "model",
    prediction: dict[str, float] | None = None, succeeded: str = "True",
) -> SweepRun:  # fmt: skip
    status = {
        "score": score, "cost": cost, "train": {"attempt": 1},
        "conditions": [{"type": "Succeeded", "status": succeeded, "reason": "R", "lastTransitionTime": T0.isoformat()}],
    }  # fmt: skip
    told = SCORE | COST if prediction is None else prediction
    name = "mine" if index is None else None
    return make_run(index, name=name, status={k: v for k, v in status.items() if v is not None}, origin=origin,
                    **({"prediction": told} if told else {}))  # fmt: skip


@pytest.mark.parametrize(
    ("run", "scores", "costs"),
    [
        (ended(0), 1, 1),
        (ended(0, prediction=SCORE), 1, 0),
        (ended(0, prediction=COST), 0, 1),
        (ended(0, cost=None), 1, 0),
        (ended(0, cost=0.0), 1, 0),
        (ended(0, prediction={}), 0, 0),
        (ended(0, prediction={"score": 10.0, "cost": 100.0, "rating": 1.0}), 0, 0),
        (ended(0, prediction={"scoreLow": 8.0, "costHigh": 200.0}), 0, 0),
        (ended(0, prediction={"scoreLow": 8.0, "scoreHigh": 8.0, "costLow": 0.0, "costHigh": 1.0}), 0, 0),
        (ended(0, score=None, succeeded="False"), 0, 0),
        (ended(0, succeeded="Unknown"), 0, 0),
        (ended(0, origin="resample"), 0, 0),
        (ended(0, origin="sobol"), 0, 0),
        (ended(None, origin="manual"), 0, 0),
    ],
    ids=["both", "only score", "only cost", "no cost", "zero cost", "no prediction", "no interval",
         "half an interval", "no width", "failed", "running", "resample", "start", "manual"],
)  # fmt: skip
def test_which_runs_are_compared(run: SweepRun, scores: int, costs: int) -> None:
    for quantity, expected in (("score", scores), ("cost", costs)):
        found = calibration([run], quantity)  # type: ignore[arg-type]
        assert (found.runs if found else 0) == expected


@pytest.mark.parametrize(
    ("observed", "coverage"),
    [([10.0], 1.0), ([8.0, 12.0], 1.0), ([7.999, 12.001], 0.0), ([10.0, 13.0, 9.0], 0.667), ([-1e308, 1e308], 0.0)],
    ids=["center", "ends", "outside", "two of three", "far outside"],
)
def test_coverage_of_scores(observed: list[float], coverage: float) -> None:
    found = calibration([ended(i, score) for i, score in enumerate(observed)], "score")
    assert found is not None
    assert (found.runs, found.coverage80) == (len(observed), coverage)
    assert math.isfinite(found.mean_log_score)


def test_a_cost_is_a_log_normal() -> None:
    inside, outside = [ended(0, cost=c) for c in (51.0, 199.0)], [ended(0, cost=c) for c in (49.0, 201.0)]
    assert [calibration([r], "cost").coverage80 for r in [*inside, *outside]] == [1, 1, 0, 0]  # type: ignore[union-attr]
    low, high = (calibration([r], "cost") for r in inside)
    assert low is not None
    assert high is not None
    assert low.mean_log_score == pytest.approx(high.mean_log_score, abs=0.05), "51 and 199: as far in log from 100"


ROWS = st.lists(
    st.tuples(
        st.floats(-1e6, 1e6), st.floats(0.01, 1e6), st.floats(-20, 20).filter(lambda z: abs(abs(z) - Z80) > 1e-3)
    ),
    min_size=1,
    max_size=20,
)
"""Mean, standard deviation, and the observation's distance in these; not so near to an end that rounding decides."""


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ROWS, st.randoms(use_true_random=False))
def test_operator_and_library_agree_on_scores(rows: list[tuple[float, float, float]], order: random.Random) -> None:
    """The library's own formula, in any order of the runs."""
    mean, sd, observed = zip(*((m, s, m + z * s) for m, s, z in rows), strict=True)
    runs = [
        ended(i, y, prediction={"scoreLow": m - Z80 * s, "scoreHigh": m + Z80 * s})
        for i, (m, s, y) in enumerate(zip(mean, sd, observed, strict=True))
    ]
    found, theirs = calibration(runs, "score"), calibrate(mean, sd, observed)
    order.shuffle(runs)
    assert calibration(runs, "score") == found
    assert found is not None
    assert theirs is not None
    assert (found.runs, found.coverage80) == (theirs.count, round(theirs.coverage80, 3))
    assert found.mean_log_score == pytest.approx(theirs.mean_log_score, rel=1e-5, abs=1e-3)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(1e-6, 1e9), st.floats(0.01, 5), st.floats(1e-6, 1e9)), min_size=1, max_size=20))
def test_operator_and_library_agree_on_costs(rows: list[tuple[float, float, float]]) -> None:
    runs = [
        ended(0, cost=cost, prediction={"costLow": m * math.exp(-Z80 * sd), "costHigh": m * math.exp(Z80 * sd)})
        for m, sd, cost in rows
    ]
    found, theirs = calibration(runs, "cost"), calibrate_cost(*zip(*rows, strict=True))
    assert found is not None
    assert theirs is not None
    assert found.mean_log_score == pytest.approx(theirs.mean_log_score, rel=1e-6, abs=2e-3)


def test_operator_and_library_use_the_same_interval() -> None:
    assert ours.Z80 == Z80


ANY = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ANY, ANY, ANY)
def test_calibration_is_always_a_number(low: float, high: float, observed: float) -> None:
    told = {"scoreLow": low, "scoreHigh": high, "costLow": low, "costHigh": high}
    run = ended(0, observed, observed, prediction=told)
    for quantity in ("score", "cost"):
        found = calibration([run], quantity)  # type: ignore[arg-type]
        if found is not None:
            assert found.runs == 1
            Calibration.model_validate_json(found.model_dump_json(by_alias=True))


def finished_sweep(**spec: Any) -> Sweep:
    return sweep(limits={"maxRuns": 4, "maxParallelRuns": 1}, **spec)


def test_the_status_has_the_calibration_and_a_fixpoint_changes_nothing() -> None:
    of = finished_sweep()
    runs = [ended(i, 10.0 + i, 100.0 * 2**i) for i in range(4)]
    first = decide(snapshot(of, runs))
    optimizer = first.status.optimizer
    assert optimizer.score_calibration is not None
    assert optimizer.cost_calibration is not None
    assert (optimizer.score_calibration.runs, optimizer.score_calibration.coverage80) == (4, 0.75)
    assert (optimizer.cost_calibration.runs, optimizer.cost_calibration.coverage80) == (4, 0.5)
    # as it comes back from the API server, where 1.0 is 1
    stored = type(first.status).model_validate_json(first.status.model_dump_json(by_alias=True, exclude_none=True))
    assert stored == first.status
    assert decide(snapshot(settled(of, first), runs[::-1])).status.optimizer == optimizer


def test_a_sweep_without_predictions_has_no_calibration() -> None:
    plan = decide(snapshot(finished_sweep(), [ended(0, origin="sobol")]))
    assert plan.status.optimizer.to_json() == {"observations": 1}


def test_the_calibration_is_removed_with_its_runs() -> None:
    of, run = finished_sweep(), ended(0)
    plan = decide(snapshot(of, [run]))
    assert plan.status.optimizer.score_calibration is not None
    assert decide(snapshot(settled(of, plan), [])).status.optimizer.score_calibration is None


def test_the_weights_of_the_sources_are_those_of_the_latest_suggestion_of_the_model() -> None:
    of = finished_sweep(warmStart={"from": [{"sweep": "old"}, {"configMap": "rows"}]})
    first = decide(snapshot(of, [ended(0)], source_weights={1: 0.8342}))
    sources = first.status.optimizer.sources
    assert sources is not None
    assert [(s.source, s.weight) for s in sources] == [("Sweep old", 0.0), ("ConfigMap rows", 0.83)]
    assert decide(snapshot(settled(of, first), [ended(0)])).status.optimizer.sources == sources, "after a restart, too"


def test_the_optimizer_learns_where_results_lay_relative_to_their_predictions() -> None:
    below, inside = ended(0, 5.0, 150.0), ended(1, 10.0, 500.0)
    plan = decide(snapshot(sweep(limits={"maxRuns": 9}), [below, inside, ended(2, prediction=SCORE)]))
    assert plan.suggest is not None
    sides = [(o.score_side, o.cost_side) for o in plan.suggest.observations]
    assert sides == [(-1, 0), (0, 1), (0, None)]
