"""The prospect: what further runs are expected to gain, and the end of a search that is not worth more."""

from __future__ import annotations

import math
from typing import Any

import pytest

from protein import Budget, BudgetExhausted, NotWorthIt, Outcome, Protein

SPACE = {
    "x": {"distribution": "uniform", "min": 0.0, "max": 1.0},
    "y": {"distribution": "uniform", "min": 0.0, "max": 1.0},
}


def score(params: dict[str, Any]) -> float:
    return -math.hypot(params["x"] - 0.2, params["y"] - 0.7)


def searched(runs: int, **arguments: Any) -> Protein:
    optimizer = Protein(SPACE, seed=4, **arguments)
    optimizer.optimize(lambda params: (score(params), 2.0 + 10.0 * params["x"]), runs)
    return optimizer


def test_the_prospect_falls_as_the_search_comes_to_its_end() -> None:
    early, late = searched(10), searched(25)
    before, after = early.prospect(), late.prospect()
    assert before.share > 0.02 > after.share
    best = max(o.score or -9.0 for o in early.observations)
    assert 0.1 * -best < before.gain < 0.1, "the optimum has a score of 0"
    assert after.gained == pytest.approx(0.45, abs=0.15), "from a typical distance to a distance of 0"


def test_it_spends_as_much_again_or_what_the_budget_leaves() -> None:
    optimizer = searched(10)
    spent = math.fsum(o.cost or 0.0 for o in optimizer.observations)
    free = optimizer.prospect()
    assert free.cost is not None
    assert 0.5 * spent < free.cost <= spent
    optimizer.budget = Budget(cost=spent + 15.0)
    rest = optimizer.prospect()
    assert rest.cost is not None
    assert 0 < rest.cost <= 15.0
    assert rest.gain < free.gain
    assert (free.extent, rest.extent) == (1.0, pytest.approx(15.0 / spent))
    optimizer.budget = Budget(runs=12)
    assert optimizer.prospect().runs <= 2
    optimizer.budget = Budget(run_cost=0.5)
    assert optimizer.prospect() == Protein.prospect(optimizer), "no run is that cheap"
    assert (optimizer.prospect().runs, optimizer.prospect().gain) == (0, 0.0)


def test_the_results_of_pending_runs_are_no_gain_of_further_ones() -> None:
    optimizer = searched(10)
    alone = optimizer.prospect([]).gain
    best = [params for params, _ in optimizer.suggest(6, pending=[])]
    assert optimizer.prospect(best).gain < alone
    assert optimizer.prospect(best[::-1]) == optimizer.prospect(best)


@pytest.mark.parametrize("kind", ["failing", "slow"])
def test_runs_that_fail_or_miss_a_threshold_gain_nothing(kind: str) -> None:
    """Where x < 0.5, all do: the best possible score is -0.3."""
    latency = Outcome("minimize", threshold=1.0, objective=False)
    optimizer = Protein(SPACE, seed=4, outcomes={"latency": latency} if kind == "slow" else None)
    best = -9.0
    for i in range(24):
        params = {"x": (i * 7 % 24) / 23, "y": (i * 5 % 24) / 23}
        bad, slow = params["x"] < 0.5, {"latency": 9.0 if params["x"] < 0.5 else 0.5}
        optimizer.observe(params, score=score(params), is_failure=bad and kind == "failing", metrics=slow)
        best = best if bad else max(best, score(params))
    assert optimizer.prospect().gain < -0.2 - best


def test_a_search_ends_when_further_runs_are_not_worth_it() -> None:
    optimizer = searched(60, budget=Budget(min_gain=0.02))
    assert 10 <= len(optimizer.observations) < 40
    assert score(dict(optimizer.best()[0])) > -0.05  # type: ignore[index]
    with pytest.raises(NotWorthIt, match=r"runs, which would cost .*, are expected to improve the best score by"):
        optimizer.suggest()
    spent = math.fsum(o.cost or 0.0 for o in optimizer.observations)
    optimizer.budget = Budget(cost=spent, min_gain=0.02)
    with pytest.raises(BudgetExhausted) as nothing_left:
        optimizer.suggest()
    assert nothing_left.type is BudgetExhausted, "the budget ends it, whatever it is worth"
    optimizer.budget = Budget(min_gain=optimizer.prospect().share / 2)
    first, _ = optimizer.suggest(pending=[])
    optimizer.budget = Budget()
    assert optimizer.suggest(pending=[])[0] == first, "a search that goes on is not changed"


def test_the_prospect_is_a_function_of_the_results_and_not_of_their_order() -> None:
    optimizer, other = searched(12), Protein(SPACE, seed=4)
    with pytest.raises(ValueError, match="needs the results of the initial design, with two different scores"):
        other.prospect()
    for o in reversed(optimizer.observations):
        other.observe(o.params, score=o.score, cost=o.cost)
    assert other.prospect() == optimizer.prospect()
