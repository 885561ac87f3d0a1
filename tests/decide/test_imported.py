"""Imported runs: recorded without a Job, and learned from."""

from __future__ import annotations

from typing import Any

import pytest

from sweep_operator.api.errors import InvalidObject
from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.sweep import decide
from tests.decide.given import after, finished, run, settled, snapshot, sweep


def imported(name: str = "old", x: float = 0.5, **observation: Any) -> SweepRun:
    return run(None, name=name, x=x, origin="imported", observation=observation)


def test_an_imported_run_is_recorded_in_the_first_pass_without_a_job() -> None:
    old = imported(score=0.9, cost=12.5, metrics={"reward": 0.9, "length": 3.0}, source="line 3 of runs.csv")
    plan = decide(snapshot(sweep(), [old]))
    done = after(plan, old)
    assert done.succeeded
    assert (done.status.score, done.status.cost, done.status.parameters) == (0.9, 12.5, {"x": 0.5})
    assert done.status.metrics == {"reward": 0.9, "length": 3.0}
    succeeded = find_condition(done.status.conditions, "Succeeded")
    assert succeeded is not None
    assert (succeeded.reason, succeeded.message) == ("Imported", "line 3 of runs.csv")
    (found,) = (p for p in plan.runs if p.run.name == "old")
    assert (found.after, found.before) == ((), ())
    assert plan.status.best[0].run == "old"


def test_the_optimizer_learns_from_imported_runs() -> None:
    s = sweep()
    told = [
        imported("good", 0.1, score=0.9, cost=12.5),
        imported("bad", 0.2, failure={"class": "crash"}, cost=3.0),
        imported("cut", 0.3, failure={"class": "timeout"}, cost=60.0),
        imported("lost", 0.4, failure={"class": "infrastructure"}),
    ]
    plan = decide(snapshot(s, [after(decide(snapshot(s, told)), t) for t in told]))
    assert plan.suggest is not None
    assert set(map(str, plan.suggest.observations)) == {
        str(Observation({"x": 0.1}, 0.9, 12.5)),
        str(Observation({"x": 0.2}, None, 3.0, is_failure=True)),
        str(Observation({"x": 0.3}, None, 60.0, cost_is_lower_bound=True)),
    }


def test_an_imported_run_uses_no_slot_and_no_budget_and_is_not_counted_as_failed() -> None:
    s = sweep(
        limits={"maxRuns": 4, "maxParallelRuns": 1, "maxFailedRuns": 1, "maxConsecutiveFailures": 1, "totalCost": 50},
        cost={"source": "Reported"},
    )
    told = [imported("bad", 0.2, failure={}, cost=70.0), imported("good", 0.1, score=0.9, cost=90.0)]
    first = decide(snapshot(s, told))
    assert first.suggest is not None, "the slot is free"
    plan = decide(snapshot(settled(s, first), [after(first, t) for t in told]))
    running = find_condition(plan.status.conditions, "Succeeded")
    assert running is not None
    assert running.reason == "Running"
    assert (plan.status.cost.spent, plan.status.cost.wasted) == (0.0, 0.0)
    assert plan.suggest is not None
    assert (plan.suggest.index, plan.suggest.urgent) == (0, 1)


@pytest.mark.parametrize("ended", [True, False])
def test_an_imported_run_is_recorded_in_a_suspended_or_ended_sweep(ended: bool) -> None:
    s = sweep(limits={"maxRuns": 1}) if ended else sweep(suspend=True)
    done = settled(s, decide(snapshot(s, [finished(s, 0, 0.1)])))
    old = imported(score=0.9)
    assert after(decide(snapshot(done, [finished(s, 0, 0.1), old])), old).status.score == 0.9


@pytest.mark.parametrize(("parameters", "says"), [({"y": 1}, "'y'"), ({"x": "high"}, "not a number")])
def test_an_imported_run_with_invalid_parameters_fails_and_is_not_learned(
    parameters: dict[str, Any], says: str
) -> None:
    old = run(None, name="old", parameters=parameters, origin="imported", observation={"score": 1.0})
    dead = after(decide(snapshot(sweep(), [old])), old)
    assert dead.status.failure is not None
    assert dead.status.failure.reason == "InvalidParameters"
    assert says in dead.status.failure.message


def test_an_imported_run_is_not_delivered_to_the_tracker() -> None:
    s = sweep(tracking={"wandb": {"entity": "e", "project": "p"}})
    first = decide(snapshot(s, [imported(score=0.9)]))
    assert first.track is None or first.track.runs == ()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"origin": "imported"}, "spec.observation: belongs to origin imported"),
        ({"observation": {"score": 1.0}}, "spec.observation: belongs to origin imported"),
        ({"origin": "imported", "observation": {}}, "spec.observation: needs exactly one of score and failure"),
        ({"origin": "imported", "observation": {"score": 1.0, "failure": {}}}, "needs exactly one"),
        ({"origin": "imported", "observation": {"score": float("nan")}}, "is not a finite number"),
        ({"origin": "imported", "observation": {"score": 1.0, "cost": -1}}, "spec.observation.cost"),
    ],
)
def test_invalid_imports_are_rejected(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidObject, match="spec") as caught:
        run(None, name="old", **fields)
    assert says in str(caught.value)
