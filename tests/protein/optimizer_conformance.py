"""The contract of optimizers, as one suite: subclass it, say how one is made, and every rule is tested."""

from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from protein import SearchSpace, SearchSpaceInfeasible, SpaceError, flatten
from protein.base import Optimizer
from protein.optimizer import Constraint

SPACE: dict[str, Any] = {
    "trainer": {
        "lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2, "mean": 3e-4},
        "batch_size": {"distribution": "uniform_pow2", "min": 16, "max": 256, "mean": 64},
        "depth": {"distribution": "int_uniform", "min": 2, "max": 10, "step": 2},
    },
    "optimizer.name": {"distribution": "categorical", "values": ["adam", "sgd"]},
    "optimizer.momentum": {
        "distribution": "logit_normal",
        "min": 0.5,
        "max": 0.99,
        "when": {"parameter": "optimizer.name", "in": ["sgd"]},
    },
}
TINY: dict[str, Any] = {
    "a": {"distribution": "int_uniform", "min": 0, "max": 3},
    "b": {"distribution": "categorical", "values": [True, 1, "1", 1.5]},
}


class OptimizerConformance:
    """Implement ``make``."""

    def make(
        self,
        space: Mapping[str, Any],
        *,
        goal: str = "maximize",
        seed: int = 0,
        constraints: Sequence[Constraint] = (),
    ) -> Optimizer:
        raise AssertionError("the subclass says how")

    def told(self, count: int = 8, order: int = 1, **options: Any) -> Optimizer:
        """One that has observed some points of SPACE."""
        optimizer = self.make(SPACE, **options)
        rows = [(10.0 ** (-4.5 + i / 4), 16 * 2 ** (i % 5), 2 + 2 * (i % 5)) for i in range(count)]
        for i, (lr, batch, depth) in list(enumerate(rows))[::order]:
            params = {"trainer.lr": lr, "trainer.batch_size": batch, "trainer.depth": depth, "optimizer.name": "adam"}
            optimizer.observe(params, score=math.sin(i), cost=10.0 + i)
        return optimizer

    def test_one_suggestion_is_nested_plain_values_and_a_list_is_a_list(self) -> None:
        suggestion, info = self.make(SPACE).suggest()
        assert suggestion["trainer"]["lr"] == 3e-4
        assert type(suggestion["trainer"]["batch_size"]) is int
        assert info.origin == "center"
        batch = self.make(SPACE).suggest(3)
        assert len(batch) == 3
        assert batch[0][0] == suggestion

    def test_a_batch_comes_one_by_one_and_equals_single_suggestions(self) -> None:
        optimizer, other = self.told(), self.told()
        batch = optimizer.suggest(4, pending=(), index=20)
        assert list(other.suggest_many(4, pending=(), index=20)) == batch
        waiting: list[Mapping[str, Any]] = []
        for offset, (params, info) in enumerate(batch):
            assert self.told().suggest(pending=waiting[::-1], index=20 + offset) == (params, info)
            waiting.append(params)

    def test_only_the_suggestions_that_were_taken_are_outstanding(self) -> None:
        optimizer = self.told()
        stream = optimizer.suggest_many(3)
        assert optimizer.outstanding == ()
        taken = [flatten(next(stream)[0]) for _ in range(2)]
        stream.close()
        assert list(optimizer.outstanding) == taken
        with pytest.raises(ValueError, match="n: 0"):
            optimizer.suggest_many(0)

    def test_suggestions_are_in_the_space(self) -> None:
        space = SearchSpace(SPACE)
        for suggestion, _ in self.told().suggest(12):
            flat = flatten(suggestion)
            space.validate(flat)
            assert flatten(space.unflatten(space.decode(space.encode(flat)))).keys() == flat.keys()
            assert 1e-5 <= flat["trainer.lr"] <= 1e-2
            assert flat["trainer.batch_size"] in (16, 32, 64, 128, 256)
            assert flat["trainer.depth"] in (2, 4, 6, 8, 10)
            assert ("optimizer.momentum" in flat) == (flat["optimizer.name"] == "sgd")

    def test_nothing_is_suggested_twice(self) -> None:
        optimizer = self.told()
        space = optimizer.space
        pending = [flatten(s) for s, _ in optimizer.suggest(4)]
        batch = [flatten(s) for s, _ in optimizer.suggest(6, pending=pending)]
        keys = [space.key(p) for p in [*pending, *batch, *(o.params for o in optimizer.observations)]]
        assert len(set(keys)) == len(keys)

    def test_a_finite_space_is_covered_without_collisions_and_then_repeats(self) -> None:
        optimizer = self.make(TINY)
        seen = set()
        for i in range(16):
            suggestion, _ = optimizer.suggest()
            seen.add(optimizer.space.key(suggestion))
            optimizer.observe(suggestion, score=float(i), cost=1.0 + i)
        assert len(seen) == 16
        optimizer.space.validate(optimizer.suggest()[0])

    def test_the_order_of_observations_does_not_matter(self) -> None:
        assert self.told().suggest(3, index=20) == self.told(order=-1).suggest(3, index=20)

    def test_suggesting_does_not_change_the_next_suggestion(self) -> None:
        optimizer = self.told()
        first = optimizer.suggest(2, pending=(), index=9)
        optimizer.suggest(5, pending=(), index=30)
        assert optimizer.suggest(2, pending=(), index=9) == first
        assert optimizer.outstanding == ()

    def test_the_seed_and_the_index_matter(self) -> None:
        plain = [s for s, _ in self.told().suggest(2, index=10)]
        assert [s for s, _ in self.told(seed=1).suggest(2, index=10)] != plain
        assert [s for s, _ in self.told().suggest(2, index=11)] != plain

    def test_the_caller_can_change_a_returned_suggestion(self) -> None:
        optimizer = self.told()
        first, _ = optimizer.suggest()
        copy = flatten(first)
        optimizer.suggest()
        assert flatten(first) == copy
        first["trainer"]["lr"] = 99.0
        assert optimizer.suggest()[0]["trainer"]["lr"] != 99.0

    @pytest.mark.parametrize("goal", ["maximize", "minimize"])
    def test_failures_bounds_and_non_finite_numbers_do_not_break_suggestions(self, goal: str) -> None:
        optimizer = self.told(goal=goal)
        where = flatten(optimizer.suggest()[0])
        optimizer.observe(where, is_failure=True, cost=3.0)
        optimizer.observe(where, score=math.nan, cost=0.0)
        optimizer.observe(where, score=-1e300, cost=math.inf)
        optimizer.observe(where, cost=50.0, cost_is_lower_bound=True)
        for suggestion, info in optimizer.suggest(2):
            optimizer.space.validate(flatten(suggestion))
            assert info.score is None or math.isfinite(info.score)
            assert info.cost is None or math.isfinite(info.cost)

    def test_constraints_hold(self) -> None:
        def small(flat: Mapping[str, Any]) -> bool:
            return bool(flat["trainer.batch_size"] * flat["trainer.depth"] <= 128)

        optimizer = self.told(constraints=(small,))
        assert all(small(flatten(s)) for s, _ in optimizer.suggest(8))

    def test_an_infeasible_space_raises(self) -> None:
        with pytest.raises(SearchSpaceInfeasible, match="constraints"):
            self.make(SPACE, constraints=(lambda flat: False,)).suggest()

    def test_invalid_input_is_named(self) -> None:
        optimizer = self.make(SPACE)
        with pytest.raises(SpaceError, match=r"trainer\.lrr"):
            optimizer.observe({"trainer": {"lrr": 1.0}}, score=1.0)
        with pytest.raises(SpaceError, match=r"trainer\.lr: 'high'"):
            optimizer.observe({"trainer.lr": "high"}, score=1.0)
        with pytest.raises(ValueError, match="score: is missing"):
            optimizer.observe({"trainer.lr": 1e-3}, strict=False)
        with pytest.raises(ValueError, match="n: 0"):
            optimizer.suggest(0)
        with pytest.raises(ValueError, match="goal: 'max'"):
            self.make(SPACE, goal="max")

    def test_observe_rejects_missing_and_outside_values_if_strict(self) -> None:
        optimizer = self.make(SPACE)
        whole = flatten(optimizer.suggest(pending=())[0])
        for name, value in (("trainer.lr", 1.0), ("trainer.batch_size", 512), ("trainer.depth", 1)):
            with pytest.raises(SpaceError, match=rf"{name}: .* is outside \[.*strict=False"):
                optimizer.observe({**whole, name: value}, score=1.0)
            optimizer.observe({**whole, name: value}, score=1.0, strict=False)
        with pytest.raises(SpaceError, match=r"trainer\.lr: is missing; .*strict=False"):
            optimizer.observe({k: v for k, v in whole.items() if k != "trainer.lr"}, score=1.0)
        optimizer.observe({"trainer.depth": 4}, score=1.0, strict=False)
        assert len(optimizer.observations) == 4
        repeated = optimizer.observations[0].params
        optimizer.observe(repeated, score=2.0)  # a point that is known already may lie outside

    def test_suggestions_are_remembered_until_they_are_observed(self) -> None:
        optimizer = self.told()
        first, second = (optimizer.suggest()[0] for _ in range(2))
        assert first != second
        assert optimizer.outstanding == (flatten(first), flatten(second))
        assert optimizer.suggest(pending=optimizer.outstanding) == optimizer.suggest(pending=optimizer.outstanding)
        optimizer.observe(second, score=1.0, cost=1.0)
        optimizer.discard(first)
        assert optimizer.outstanding == ()

    def test_a_pickled_optimizer_continues_exactly(self) -> None:
        optimizer = self.told()
        optimizer.suggest(2)
        copy = pickle.loads(pickle.dumps(optimizer))
        assert (repr(copy), copy.outstanding) == (repr(optimizer), optimizer.outstanding)
        for score in (3.0, -1.0):
            (mine, why), (theirs, reason) = optimizer.suggest(), copy.suggest()
            assert (mine, why) == (theirs, reason)
            for one in (optimizer, copy):
                one.observe(mine, score=score, cost=2.0)

    def test_optimize_runs_an_objective(self) -> None:
        optimizer = self.make({"x": {"distribution": "uniform", "min": -1, "max": 1}}, goal="minimize")
        answers = [lambda x: x * x, lambda x: (x * x, 2.0), lambda x: {"score": x * x, "metrics": {"m": x}}]
        counter = itertools.count()

        def objective(params: dict[str, Any]) -> Any:
            turn = next(counter)
            if turn == 3:
                raise ZeroDivisionError
            return answers[turn % 3](params["x"])

        best = optimizer.optimize(objective, 5, catch=(ZeroDivisionError,))
        seen = optimizer.observations
        assert best is not None
        assert best.score == min(o.score for o in seen if o.score is not None)
        assert [o.is_failure for o in seen] == [False, False, False, True, False]
        assert (seen[1].cost, seen[2].metrics.keys()) == (2.0, {"m"})
        with pytest.raises(KeyError):
            optimizer.optimize(lambda params: params["y"], 1)
        assert (len(optimizer.observations), optimizer.outstanding) == (5, ())

    def test_observations_as_a_table(self) -> None:
        optimizer = self.told(3)
        optimizer.observe({**optimizer.observations[0].params}, score=9.0, metrics={"latency": 0.5})
        table = optimizer.to_dataframe()
        assert list(table.columns[:3]) == ["params.trainer.lr", "params.trainer.batch_size", "params.trainer.depth"]
        assert list(table["score"]) == [o.score for o in optimizer.observations]
        assert list(table["metrics.latency"].dropna()) == [0.5]
        assert "4 observations" in repr(optimizer)
