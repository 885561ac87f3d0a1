"""The optimizer's process: asked, killed, too slow, broken. The answer is always a suggestion, or a reason."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from protein import SearchSpace
from sweep_operator.api.errors import parse
from sweep_operator.api.parameters import ParameterSpec, search_center
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Observation, SuggestRequest
from sweep_operator.suggest.child import OptimizerChild
from sweep_operator.suggest.messages import Answer, Proposal, Question

PARAMETERS: dict[str, Any] = {
    "a.lr": {"distribution": "log_normal", "min": 1e-5, "max": 1e-2, "mean": 3e-4},
    "a.width": {"distribution": "uniform_pow2", "min": 16, "max": 1024},
    "a.depth": {"distribution": "int_uniform", "min": 2, "max": 9, "step": 2},
    "a.rate": {"distribution": "logit_normal", "min": 0.1, "max": 0.99},
    "a.drop": {"distribution": "logit_normal", "min": 0.01, "max": 0.9, "symmetric": True},
    "a.frac": {"distribution": "uniform", "min": 0.1, "max": 0.7, "step": 0.1},
    "a.opt": {"distribution": "categorical", "values": ["adam", "sgd"]},
    "a.momentum": {
        "distribution": "uniform",
        "min": 0.5,
        "max": 0.9,
        "when": {"parameter": "a.opt", "in": ["sgd"]},
    },
}


def sweep(**spec: Any) -> Sweep:
    body = {"parameters": PARAMETERS, "seed": 5, "train": {"command": ["t"]}, **spec}
    return parse(Sweep, {"metadata": {"name": "s", "uid": "u"}, "spec": body})


def request(count: int = 2, index: int = 0, observations: tuple[Observation, ...] = ()) -> SuggestRequest:
    return SuggestRequest(index, count, observations, ())


@pytest.fixture
async def child() -> AsyncIterator[OptimizerChild]:
    made = OptimizerChild(time_limit=60)
    yield made
    await made.close()


async def test_suggestions_have_consecutive_indices_and_the_types_of_their_distributions(child: OptimizerChild) -> None:
    answer = await child.suggest(sweep(), request(3))
    assert answer.error is None
    assert [s.index for s in answer.suggestions] == [0, 1, 2]
    assert answer.suggestions[0].origin == "center"
    for suggestion in answer.suggestions:
        SearchSpace(PARAMETERS).validate(suggestion.parameters)
        assert isinstance(suggestion.parameters["a.width"], int)


async def test_the_same_question_has_the_same_answer_in_another_process(child: OptimizerChild) -> None:
    rows = tuple(Observation({"a.lr": 10 ** (-2 - i / 4), "a.opt": "adam"}, float(-i), 10.0 + i) for i in range(12))
    first = await child.suggest(sweep(), request(2, 12, rows))
    await child.close()
    again = await child.suggest(sweep(), request(2, 12, rows[::-1]))
    assert first.suggestions == again.suggestions
    assert {s.origin for s in first.suggestions} == {"model"}


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
async def test_suggestions_have_predictions(child: OptimizerChild, goal: str) -> None:
    rows = tuple(Observation({"a.lr": 10 ** (-2 - i / 4)}, 50.0 + i % 5, 10.0 + i) for i in range(12))
    answer = await child.suggest(sweep(goal=goal), request(2, 12, rows))
    for suggestion in answer.suggestions:
        told = suggestion.prediction
        assert told is not None
        assert 40 < told.score_low < told.score < told.score_high < 65
        assert 0 < told.cost_low < told.cost < told.cost_high
    start = await child.suggest(sweep(), request())
    assert all(s.prediction is None for s in start.suggestions), "no model, no prediction"


async def test_without_observed_costs_no_cost_is_expected(child: OptimizerChild) -> None:
    rows = tuple(Observation({"a.lr": 10 ** (-2 - i / 4)}, float(i), None) for i in range(12))
    answer = await child.suggest(sweep(), request(1, 12, rows))
    told = answer.suggestions[0].prediction
    assert told is not None
    assert told.score_low is not None
    assert (told.cost, told.cost_low, told.cost_high) == (None, None, None)


async def test_a_killed_process_is_started_again_and_asked_again(child: OptimizerChild) -> None:
    first = await child.suggest(sweep(method="random"), request())
    assert child._process is not None
    psutil.Process(child._process.pid).kill()
    again = await child.suggest(sweep(method="random"), request())
    assert again.suggestions == first.suggestions


async def test_beyond_its_time_limit_random_suggestions_take_over_and_say_so() -> None:
    impatient = OptimizerChild(time_limit=0.0)
    try:
        answer = await impatient.suggest(sweep(), request())
        assert answer.error is not None
        assert "no answer within" in answer.error
    finally:
        await impatient.close()


async def test_an_optimizer_error_becomes_a_random_suggestion_with_the_reason(child: OptimizerChild) -> None:
    broken = Observation({"a.lr": "high"}, 1.0, 1.0)
    answer = await child.suggest(sweep(), request(2, 1, (broken,)))
    assert answer.error is not None
    assert "a.lr" in answer.error
    assert [s.origin for s in answer.suggestions] == ["fallback", "fallback"]


async def test_constraints_hold_and_an_infeasible_space_is_reported(child: OptimizerChild) -> None:
    rule = {"rule": "params['a.width'] * params['a.depth'] <= limit", "message": "too big"}
    fits = {"rule": "params['a.width'] * params['a.depth'] <= params['limit']", "message": "too big"}
    answer = await child.suggest(sweep(constraints=[fits], fixed={"limit": 100}), request(8))
    assert all(int(s.parameters["a.width"]) * int(s.parameters["a.depth"]) <= 100 for s in answer.suggestions)
    never = await child.suggest(sweep(constraints=[rule]), request())
    assert never.infeasible is not None
    assert "too big" in never.infeasible


async def test_questions_are_answered_one_after_the_other(child: OptimizerChild) -> None:
    asked = [child.suggest(sweep(method="sobol"), request(1, i)) for i in range(1, 5)]
    answers = await asyncio.gather(*asked)
    assert [a.suggestions[0].index for a in answers] == [1, 2, 3, 4]


def test_both_sides_mean_the_same_center() -> None:
    """The decisions complete manual runs without the optimizer: their center must be its center."""
    specs = {k: ParameterSpec.model_validate(v) for k, v in PARAMETERS.items()}
    ours, theirs = search_center(specs), SearchSpace(PARAMETERS).center()
    assert ours.keys() == theirs.keys()
    for path, value in ours.items():
        assert value == pytest.approx(theirs[path]), path
        assert type(value) is type(theirs[path]), path


def test_the_process_ends_if_its_parent_was_killed() -> None:
    """Whoever asked was killed: the process ends, and says nothing of it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sweep_operator.suggest.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, said = process.communicate(b"{}\n", timeout=60)
    assert (process.returncode, said) == (0, b"")


SLOW_OUTSIDE_SAMPLES = (
    "params['a.lr'] in [0.00001, 0.0003, 0.01] || "
    "[1,2,3,4,5,6,7,8,9].exists(a, [1,2,3,4,5,6,7,8,9].exists(b, 'x'.matches('((a{0,99}){0,99}b)')))"
)
"""Quick at the points where rules are measured, and slow everywhere else."""


@pytest.mark.slow
async def test_constraints_that_are_slow_elsewhere_end_only_their_own_sweep(child: OptimizerChild) -> None:
    asked = [
        child.suggest(sweep(method="random", constraints=[{"rule": SLOW_OUTSIDE_SAMPLES}]), request(2, 1)),
        child.suggest(sweep(method="random"), request(1, 1)),
    ]
    attacker, victim = await asyncio.gather(*asked)
    assert attacker.suggestions == ()
    assert attacker.infeasible is not None
    assert "spec.constraints took more than 10 s" in attacker.infeasible
    assert (len(victim.suggestions), victim.error) == (1, None)


@pytest.mark.slow
async def test_a_single_evaluation_that_never_ends_is_killed_by_the_timer(child: OptimizerChild) -> None:
    inner = "!'x'.matches('((a{0,99}){0,99}b)')"
    endless = f"[{','.join('1' * 99)}].all(a, [{','.join('1' * 99)}].all(b, {inner}))"
    answer = await child.suggest(sweep(method="random", constraints=[{"rule": endless}]), request(1, 1))
    assert "spec.constraints took more than 10 s" in str(answer.infeasible)


async def test_a_sweep_that_exceeded_the_time_limit_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    child = OptimizerChild(time_limit=1.0, clock=lambda: now)
    asked: list[str] = []

    async def ask(question: Question) -> Answer:
        asked.append(question.method)
        if question.method == "bayes":
            raise TimeoutError
        return Answer(proposals=[Proposal(index=0, parameters={}, origin="random")])

    monkeypatch.setattr(child, "_ask", ask)
    for _ in range(2):
        answer = await child.suggest(sweep(), request(1))
        assert [s.origin for s in answer.suggestions] == ["fallback"]
        assert "no answer within 1 s" in str(answer.error)
    assert asked == ["bayes", "random", "random"]
    now = 11.0
    await child.suggest(sweep(), request(1))
    assert asked[3:] == ["bayes", "random"]
