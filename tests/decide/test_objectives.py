"""Several objectives: what is learned from a run, which runs are best, and the highest memory use of the stages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.accept import check_spec
from sweep_operator.decide.plan import Observation
from sweep_operator.decide.summary import ranked
from tests.decide.given import after, decide, ended, job, run, settled, snapshot, started, sweep

OBJECTIVES = [{"metric": "reward"}, {"metric": "latency", "goal": "minimize", "threshold": 50}]


def of(*objectives: dict[str, Any], **spec: Any) -> Sweep:
    return sweep(metric=None, objectives=list(objectives or OBJECTIVES), **{"limits": {"maxRuns": 9}, **spec})


def done(s: Sweep, index: int, metrics: dict[str, float], seconds: float = 10, **pod: Any) -> SweepRun:
    live = started(s, index, x=index / 10)
    pods = [ended(live, 0, json.dumps({"metrics": metrics}), **pod)]
    return after(decide(snapshot(s, [live], [job(live)], pods, now=1 + seconds)), live)


def test_the_best_runs_reach_the_thresholds_and_the_front_has_every_objective() -> None:
    s = of()
    runs = [
        done(s, 0, {"reward": 0.9, "latency": 80}),
        done(s, 1, {"reward": 0.7, "latency": 40}),
        done(s, 2, {"reward": 0.6, "latency": 20}),
        done(s, 3, {"reward": 0.5, "latency": 30}),
        done(s, 4, {"reward": 1.0}),
    ]
    plan = decide(snapshot(s, runs))
    assert [(b.run, b.score, b.metrics) for b in plan.status.best] == [
        ("s.r.1", 0.7, {"latency": 40.0}),
        ("s.r.2", 0.6, {"latency": 20.0}),
        ("s.r.3", 0.5, {"latency": 30.0}),
    ]
    assert {p.run: p.metrics for p in plan.status.pareto} == {"s.r.1": {"latency": 40.0}, "s.r.2": {"latency": 20.0}}
    assert [r.name for r in ranked(s, runs)] == ["s.r.1", "s.r.2", "s.r.3"]
    assert plan.suggest is not None
    assert plan.suggest.observations[0] == Observation({"x": 0.0}, 0.9, 10.0, metrics={"latency": 80.0})
    assert plan.suggest.observations[4].metrics == {}
    none = decide(snapshot(s, [runs[0], runs[4]])).status
    assert [b.run for b in none.best] == ["s.r.4", "s.r.0"], "as long as no run reaches the thresholds, all count"
    assert [p.run for p in none.pareto] == ["s.r.0"], "an unknown metric is not on the front"
    assert not decide(snapshot(settled(s, plan), runs)).status.to_json().keys() ^ plan.status.to_json().keys()


def test_the_threshold_of_the_score_counts_too_and_the_target_needs_all_of_them() -> None:
    s = of({"metric": "reward", "threshold": 0.8}, OBJECTIVES[1], target=0.85)
    fast, good = done(s, 0, {"reward": 0.7, "latency": 10}), done(s, 1, {"reward": 0.9, "latency": 60})
    plan = decide(snapshot(s, [fast, good]))
    assert [b.run for b in plan.status.best] == ["s.r.1", "s.r.0"]
    assert not plan.terminal
    both = done(s, 2, {"reward": 0.86, "latency": 49})
    plan = decide(snapshot(s, [fast, good, both]))
    assert [b.run for b in plan.status.best] == ["s.r.2"]
    assert plan.terminal


def test_with_one_objective_nothing_is_added() -> None:
    s = of({"metric": "reward", "goal": "minimize"})
    plan = decide(snapshot(s, [done(s, 0, {"reward": 0.9}), done(s, 1, {"reward": 0.1})]))
    assert [(b.run, b.metrics) for b in plan.status.best] == [("s.r.1", None), ("s.r.0", None)]
    assert [p.run for p in plan.status.pareto] == ["s.r.1"]


def test_peak_memory_is_measured_unless_it_is_reported_and_the_highest_stage_counts() -> None:
    s = sweep()
    assert done(s, 0, {"reward": 1.0}, peak_memory=3e9).status.metrics == {"reward": 1.0, "peakMemoryBytes": 3e9}
    assert done(s, 0, {"reward": 1.0, "peakMemoryBytes": 5.0}, peak_memory=3e9).status.metrics["peakMemoryBytes"] == 5
    s = sweep(eval={"command": ["eval"]})
    live = started(s)
    trained = ended(live, 0, "", peak_memory=4e9)
    live = after(decide(snapshot(s, [live], [job(live)], [trained])), live)
    live = after(decide(snapshot(s, [live], [job(live)], [trained])), live)
    pods = [trained, ended(live, 0, '{"metrics": {"reward": 2}}', stage="eval", peak_memory=1e9)]
    over = after(decide(snapshot(s, [live], [job(live), job(live, "eval")], pods)), live)
    assert over.succeeded
    assert over.status.metrics == {"reward": 2.0, "peakMemoryBytes": 4e9}


@pytest.mark.parametrize(
    ("pattern", "problems"),
    [
        ("reward={reward} latency={latency}", []),
        ("reward={value}", ["spec.objectives[1].metric"]),
    ],
)
def test_an_objective_that_no_log_can_contain_is_refused(pattern: str, problems: list[str]) -> None:
    train = {"command": ["t"], "results": {"source": "Log", "pattern": pattern}}
    memory = {"metric": "peakMemoryBytes", "goal": "minimize"}
    errors = check_spec(of(*OBJECTIVES, memory, train=train).spec)
    assert [error.path for error in errors] == problems
    assert all("add {latency}" in error.message for error in errors)
    assert check_spec(of(train=train, eval={"command": ["e"]}).spec) == [], "the evaluation may report it"


def test_an_imported_run_has_objectives_too() -> None:
    s = of()
    observation = {"score": 0.5, "cost": 1.0, "metrics": {"latency": 12}}
    fresh = run(None, name="old", origin="imported", observation=observation)
    over = after(decide(snapshot(s, [fresh])), fresh)
    assert decide(snapshot(s, [over])).status.pareto[0].metrics == {"latency": 12.0}
