"""The budget: no run is suggested that is predicted not to be payable, and the search says when nothing is left."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from protein import Budget, BudgetExhausted, Optimizer, Protein, make_optimizer

SPACE = {
    "x": {"distribution": "uniform", "min": 0.0, "max": 1.0},
    "steps": {"distribution": "int_log_normal", "min": 10, "max": 10_000, "scale": "time"},
}


def score(params: dict[str, Any]) -> float:
    return -((float(params["x"]) - 0.3) ** 2) - 100 / float(params["steps"])


def run_until_exhausted(optimizer: Optimizer, most: int = 100) -> tuple[list[float], str]:
    """Costs of the runs that were suggested, and the message at the end. A run costs its steps, and up to 5% more."""
    costs: list[float] = []
    while len(costs) < most:
        try:
            params, _ = optimizer.suggest()
        except BudgetExhausted as error:
            return costs, str(error)
        costs.append(params["steps"] * (1.0 + 0.05 * (len(costs) % 2)))
        optimizer.observe(params, score=score(params), cost=costs[-1])
    return costs, "the budget did not end the search"


def observed(**arguments: Any) -> Protein:
    optimizer = Protein(SPACE, seed=3, **arguments)
    for i in range(8):
        steps = 10 * 2 ** (i + 1)
        optimizer.observe({"x": i * 3 % 8 / 8, "steps": steps}, score=i / 8, cost=float(steps))
    return optimizer


@pytest.mark.parametrize("total", [1_500.0, 20_000.0])
def test_the_last_run_is_payable_and_little_is_left(total: float) -> None:
    costs, message = run_until_exhausted(Protein(SPACE, seed=1, budget=Budget(cost=total)))
    assert 0.9 * total < sum(costs) <= 1.02 * total
    found = re.fullmatch(
        r"the cheapest run is predicted to cost (.*), with 90% probability at most (.*), but only (.*) is left", message
    )
    assert found is not None, message
    median, upper, left = map(float, found.groups())
    assert median < upper
    assert left == pytest.approx(max(total - sum(costs), 0.0), rel=0.01)
    assert upper > left


def test_pending_runs_are_paid_first_at_their_predicted_cost() -> None:
    optimizer = observed(budget=Budget(cost=6_000.0, spent=0.0, share=0.0))
    alone, _ = optimizer.suggest(pending=[], index=9)
    beside, _ = optimizer.suggest(pending=[{"x": 0.1, "steps": 5_500}], index=9)
    assert alone["steps"] > 1_000 > 520 > beside["steps"]
    with pytest.raises(BudgetExhausted, match="but only 0 is left"):
        optimizer.suggest(pending=[{"x": 0.1, "steps": 9_000}])


@pytest.mark.parametrize("settings", [{}, {"acquisition": "protein"}, {"resample_frequency": 3}])
@pytest.mark.parametrize("budget", [Budget(cost=8_000.0), Budget(cost=5_000.0, runs=12), Budget(run_cost=400.0)])
def test_no_suggestion_is_predicted_to_cost_more_than_what_is_left(budget: Budget, settings: dict[str, Any]) -> None:
    optimizer = Protein(SPACE, settings, seed=2, budget=budget)
    pending: list[dict[str, Any]] = []
    known = 0
    for turn in range(12):
        try:
            params, _ = optimizer.suggest()
        except BudgetExhausted:
            break
        paid = math.fsum(o.cost or 0.0 for o in optimizer.observations)
        if len(optimizer.observations) >= 2:
            models, encode = optimizer.models(), optimizer.space.encode_many
            left = budget.left(paid, float(models.predict_cost(encode(pending)).sum()) if pending else 0.0)
            upper, median = models.most_expensive(encode([params]))[0], models.predict_cost(encode([params]))[0]
            assert min(upper, 2 * median) <= left
            known += upper <= left
        pending.append(params)
        if turn % 3 < 2:  # up to four runs at a time, which end in another order
            done = pending.pop(turn % len(pending))
            optimizer.observe(done, score=score(done), cost=done["steps"] * (1.0 + 0.05 * (turn % 2)))
    assert known > 4


def test_early_runs_are_cheap_and_the_last_ones_as_expensive_as_the_rest_allows() -> None:
    """At the same observations and the same limit of the next run."""
    steps = [
        observed(budget=Budget(run_cost=3_000.0, share=share)).suggest(pending=[], index=9)[0]["steps"]
        for share in (1.0, 0.5, 0.0)
    ]
    assert steps[0] < steps[1] < steps[2]


def test_without_a_limit_of_the_total_cost_a_third_is_assumed_to_be_left() -> None:
    spent = math.fsum(o.cost or 0.0 for o in observed().observations)
    for budget, power in (
        (Budget(), 1 / 3),
        (Budget(run_cost=300.0), 1 / 3),
        (Budget(cost=4 * spent), 0.75),
        (Budget(cost=4 * spent, share=0.5), 0.375),
    ):
        _, info = observed(budget=budget).suggest(pending=[], index=9)
        assert info.details["cost_power"] == pytest.approx(power), budget
    constant = Protein(SPACE, seed=3)
    for o in observed().observations:
        constant.observe(o.params, score=o.score, cost=5.0)
    assert constant.suggest()[1].details["cost_power"] == 0, "costs that do not vary play no part"


def test_few_runs_do_not_have_to_be_cheap() -> None:
    total = 20_000.0
    for runs in (10, 100):
        optimizer = Protein(SPACE, seed=1, budget=Budget(cost=total, runs=runs))
        costs, _ = run_until_exhausted(optimizer, most=10)
        assert (sum(costs) > 0.5 * total) is (runs == 10), costs


def test_a_single_run_is_limited_too() -> None:
    assert observed().suggest(index=9)[0]["steps"] > 1_000
    assert observed(budget=Budget(run_cost=300.0)).suggest(index=9)[0]["steps"] < 300
    with pytest.raises(BudgetExhausted, match="but only 5 is left"):
        observed(budget=Budget(run_cost=5.0)).suggest()


def test_a_suggestion_is_a_function_of_the_budget_and_not_of_the_order() -> None:
    first = observed(budget=Budget(cost=1_500.0, spent=0.0))
    other = Protein(SPACE, seed=3, budget=Budget(cost=9_999.0))
    for o in reversed(first.observations):
        other.observe(o.params, score=o.score, cost=o.cost)
    other.budget = first.budget
    assert first.suggest(pending=[], index=8)[0] == other.suggest(pending=[], index=8)[0]


@pytest.mark.parametrize("method", ["bayes", "random", "sobol"])
def test_the_number_of_runs_and_what_is_spent_end_every_search(method: str) -> None:
    optimizer = make_optimizer(method, SPACE)
    optimizer.budget = Budget(runs=3)
    assert len(optimizer.suggest(3)) == 3
    with pytest.raises(BudgetExhausted, match=r"3 runs are observed or pending, of budget\.runs=3"):
        optimizer.suggest()
    optimizer = make_optimizer(method, SPACE)
    optimizer.budget = Budget(cost=5.0)
    best = optimizer.optimize(lambda params: (score(params), 3.0), 9)
    assert best is not None
    assert len(optimizer.observations) == 2


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"cost": -1.0}, "budget.cost: -1.0 is not a finite number of 0 or more; use None for no limit"),
        ({"run_cost": math.nan}, "budget.run_cost: nan is not a finite number of 0 or more; use None for no limit"),
        ({"spent": True}, "budget.spent: True is not a finite number of 0 or more; use None for no limit"),
        ({"runs": 2.5}, "budget.runs: 2.5 is not an integer of 0 or more; use None for no limit"),
        ({"share": 1.5}, "budget.share: 1.5 is above 1; use a number between 0 and 1"),
        ({"costs": 1.0}, "budget.costs: unknown field; use cost, runs, run_cost, spent, share, min_gain"),
    ],
)
def test_invalid_budgets_are_rejected(budget: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Protein(SPACE, budget=budget)
