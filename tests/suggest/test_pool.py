"""The optimizer's processes: asked, killed, too slow, broken. The answer is always a suggestion, or a reason."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protein import SearchSpace
from protein.searchspace.design import MOST_POINTS
from sweep_operator.api.errors import parse
from sweep_operator.api.parameters import ParameterSpec, search_center
from sweep_operator.api.suggestion import BudgetLeft
from sweep_operator.api.sweep import Sweep
from sweep_operator.child_process import ChildFailed
from sweep_operator.decide.plan import LearnedPoint, Observation, PendingRun, SuggestRequest
from sweep_operator.decide.snapshot import Suggested
from sweep_operator.exchange.observation import JsonObservation, pack
from sweep_operator.pacing import Turns
from sweep_operator.suggest import process
from sweep_operator.suggest.inputs import Inputs
from sweep_operator.suggest.messages import RULES_SECONDS, Answer, Proposal, Question, question
from sweep_operator.suggest.pool import OptimizerPool
from sweep_operator.suggest.process import OptimizerProcess
from sweep_operator.suggest.propose import Proposer
from sweep_operator.suggest.provenance import index_ranges, read_ranges
from tests.builders import sweep_body

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

ROWS = tuple(Observation({"a.lr": 10 ** (-2 - i / 4), "a.opt": "adam"}, float(-i), 10.0 + i) for i in range(12))
WITH_MODEL = sweep_body(status={"optimizer": {"observations": 12}})
ENDED = {
    "observedGeneration": 1,
    "optimizer": {"observations": 12},
    "conditions": [{"type": "Succeeded", "status": "True", "reason": "MaxRunsReached"}],
}


def sweep(**spec: Any) -> Sweep:
    body = {"parameters": PARAMETERS, "seed": 5, "train": {"command": ["t"]}, **spec}
    return parse(Sweep, {"metadata": {"name": "s", "uid": "u"}, "spec": body})


def named(uid: str, **spec: Any) -> Sweep:
    of = sweep(**spec)
    return of.with_(metadata=of.metadata.with_(uid=uid, namespace=uid))


def request(count: int = 2, index: int = 0, observations: tuple[Observation, ...] = ()) -> SuggestRequest:
    return SuggestRequest(index, count, observations, (), count)


async def ask(pool: OptimizerPool, of: Sweep, request: SuggestRequest) -> Suggested:
    """All suggestions of a request, with the error or the reason that came with one of them."""
    whole = Suggested()
    async for part in pool.suggest(of, request):
        whole = Suggested(
            (*whole.suggestions, *part.suggestions), whole.infeasible or part.infeasible, whole.error or part.error
        )
    return whole


@pytest.fixture
async def child() -> AsyncIterator[OptimizerPool]:
    made = OptimizerPool(processes=1, time_limit=600)
    yield made
    await made.close()


async def test_suggestions_have_consecutive_indices_and_the_types_of_their_distributions(child: OptimizerPool) -> None:
    answer = await ask(child, sweep(), request(3))
    assert answer.error is None
    assert [s.index for s in answer.suggestions] == [0, 1, 2]
    assert answer.suggestions[0].origin == "center"
    for suggestion in answer.suggestions:
        SearchSpace(PARAMETERS).validate(suggestion.parameters)
        assert isinstance(suggestion.parameters["a.width"], int)


async def test_the_same_question_has_the_same_answer_in_another_process(child: OptimizerPool) -> None:
    rows = tuple(Observation({"a.lr": 10 ** (-2 - i / 4), "a.opt": "adam"}, float(-i), 10.0 + i) for i in range(12))
    first = await ask(child, sweep(), request(2, 12, rows))
    await child.close()
    again = await ask(child, sweep(), request(2, 12, rows[::-1]))
    assert first.suggestions == again.suggestions
    assert {s.origin for s in first.suggestions} == {"model"}


async def test_what_is_left_of_the_budget_limits_the_suggestions(child: OptimizerPool) -> None:
    plain = await ask(child, sweep(), request(1, 12, ROWS))
    ample, scarce, none = (
        dataclasses.replace(request(1, 12, ROWS), left=left)
        for left in (
            BudgetLeft(cost=1e6, seconds=1e6, share=0.5, runs=99),
            BudgetLeft(cost=13.0, share=0.0, runs=99),
            BudgetLeft(cost=1.0, share=0.0, runs=99),
        )
    )
    rich = await ask(child, sweep(), ample)
    told, recorded = plain.suggestions[0].provenance, rich.suggestions[0].provenance
    assert told is not None
    assert recorded is not None
    assert (told.left, recorded.left) == (None, ample.left)
    assert told.digest != recorded.digest, "a suggestion from other limits is another suggestion"
    poor = (await ask(child, sweep(), scarce)).suggestions[0]
    assert poor.prediction is not None
    assert (poor.prediction.cost or 99.0) < 13.0
    assert (await ask(child, sweep(), dataclasses.replace(scarce, observations=ROWS[::-1]))).suggestions[0] == poor
    (answer,) = [part async for part in child.suggest(sweep(), none)]
    assert (answer.suggestions, answer.known, answer.error) == ((), 12, None)
    assert answer.unpayable is not None
    assert "only 1 is left" in answer.unpayable


async def test_no_further_run_is_suggested_that_is_not_worth_it(child: OptimizerPool) -> None:
    peak = tuple(dataclasses.replace(row, score=-(abs(i - 6.0) ** 0.5)) for i, row in enumerate(ROWS))
    plain = await ask(child, sweep(), request(1, 12, peak))
    for least, worth in ((1e-6, True), (1.0, False)):
        stopping = {"policy": "WhenNotWorthIt", "minGain": least}
        answer, *_ = [part async for part in child.suggest(sweep(stopping=stopping), request(1, 12, peak))]
        assert (answer.unworthy is None) is worth
        assert answer.suggestions == (plain.suggestions if worth else ()), "otherwise suggestions stay the same"
        assert worth or "are expected to improve the best score by" in (answer.unworthy or "")


def test_each_suggestion_of_a_batch_is_what_its_provenance_gives_whatever_the_budget() -> None:
    asked = question(sweep(), request(3, 12, ROWS))
    batches = []
    for left in (None, BudgetLeft(cost=90.0, seconds=40.0, share=0.7, runs=16)):
        whole = asked.with_(left=left)
        batch = [answer.proposal for answer in Proposer().answer(whole) if answer.proposal is not None]
        told = [p.parameters for p in batch[1::-1]]
        again = whole.with_(observations=whole.observations[::-1], pending=told, index=14, count=1)
        assert next(Proposer().answer(again)).proposal == batch[2]
        batches.append([(p.parameters, p.digest) for p in batch])
    pairs = list(zip(*batches, strict=True))
    assert any(one[0] != other[0] for one, other in pairs)
    assert all(one[1] != other[1] for one, other in pairs)


def test_each_source_of_a_warm_start_is_a_task_of_its_own() -> None:
    """Results of one that disagrees with the sweep's own results hardly count. No order changes the digest."""
    good = [JsonObservation.of(row).with_(source=0) for row in ROWS]
    bad = [JsonObservation.of(row).with_(source=2, score=-(row.score or 0.0)) for row in ROWS]
    answers = []
    for rows in ([*good, *bad], [*bad[::-1], *good]):
        (answer, end) = Proposer().answer(question(sweep(), SuggestRequest(9, 1, ROWS[:9], (), 1, pack(rows))))
        assert end.end == "complete"
        answers.append(answer)
    one, other = answers
    assert one.source_weights == other.source_weights
    assert one.proposal == other.proposal
    assert one.source_weights is not None
    assert one.source_weights[0] > 0.3 > 0.01 > one.source_weights[2]
    own = next(Proposer().answer(question(sweep(), SuggestRequest(9, 1, ROWS[:9], (), 1)))).proposal
    assert own is not None
    assert one.proposal is not None
    assert own.digest != one.proposal.digest


async def test_running_runs_are_forecast_from_their_curves(child: OptimizerPool) -> None:
    reports = {"maxStep": 8}
    of = sweep(parameters={"a.lr": PARAMETERS["a.lr"]}, train={"command": ["t"], "reports": reports})

    def curve(score: float, *fractions: float) -> tuple[LearnedPoint, ...]:
        return tuple((fraction, score * fraction**0.5, 80 * fraction) for fraction in fractions)

    done = tuple(
        Observation({"a.lr": 10 ** (-4 + n / 4)}, 1.0 + n, 80.0, curve=curve(1.0 + n, 0.125, 0.25, 0.5, 1.0))
        for n in range(8)
    )
    pending = (
        PendingRun("low", 8, {"a.lr": 10**-3.9}, curve(1.2, 0.125, 0.25, 0.5)),
        PendingRun("high", 9, {"a.lr": 10**-2.1}, curve(8.5, 0.125, 0.25, 0.5)),
        PendingRun("silent", 10, {"a.lr": 0.001}),
    )
    answer = await child.forecast(of, SuggestRequest(0, 0, done, pending))
    assert answer.error is None
    assert answer.forecasts.keys() == {"low", "high"}
    low, high = answer.forecasts["low"], answer.forecasts["high"]
    assert (low.points, low.learned_from, low.needed) == (3, 8, 8.0)
    assert low.low < low.score < low.high
    assert low.score < 4 < high.score
    assert low.probability < 0.05 < high.probability
    assert low.remaining_cost is not None
    assert 0 < low.remaining_cost < 80


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
async def test_suggestions_have_predictions(child: OptimizerPool, goal: str) -> None:
    rows = tuple(Observation({"a.lr": 10 ** (-2 - i / 4)}, 50.0 + i % 5, 10.0 + i) for i in range(12))
    answer = await ask(child, sweep(goal=goal), request(2, 12, rows))
    for suggestion in answer.suggestions:
        told = suggestion.prediction
        assert told is not None
        assert 40 < told.score_low < told.score < told.score_high < 65
        assert 0 < told.cost_low < told.cost < told.cost_high
    missed = tuple(dataclasses.replace(row, score_side=-1, cost_side=1) for row in rows)
    again = await ask(child, sweep(goal=goal), request(2, 12, missed))
    for before, after in zip(answer.suggestions, again.suggestions, strict=True):
        assert after.parameters == before.parameters, "the search is the same"
        assert before.prediction is not None
        assert after.prediction is not None
        assert after.prediction.score_low < before.prediction.score_low
        assert after.prediction.cost_high > before.prediction.cost_high
    start = await ask(child, sweep(), request())
    assert all(s.prediction is None for s in start.suggestions), "no model, no prediction"


async def test_without_observed_costs_no_cost_is_expected(child: OptimizerPool) -> None:
    rows = tuple(Observation({"a.lr": 10 ** (-2 - i / 4)}, float(i), None) for i in range(12))
    answer = await ask(child, sweep(), request(1, 12, rows))
    told = answer.suggestions[0].prediction
    assert told is not None
    assert told.score_low is not None
    assert (told.cost, told.cost_low, told.cost_high) == (None, None, None)


async def test_a_killed_process_is_started_again_and_asked_again(child: OptimizerPool) -> None:
    first = await ask(child, sweep(method="random"), request())
    for pid in child.pids:
        psutil.Process(pid).kill()
    again = await ask(child, sweep(method="random"), request())
    assert again.suggestions == first.suggestions


@pytest.mark.parametrize(
    ("spec", "status", "generation", "processes"),
    [
        ({}, {"optimizer": {"observations": 12}}, 1, 1),
        ({}, {"optimizer": {"observations": 4}}, 1, 2),
        ({"protein": {"numRandomSamples": 20}}, {"optimizer": {"observations": 12}}, 1, 2),
        ({}, {}, 1, 1),
        ({"method": "random"}, {"optimizer": {"observations": 12}}, 1, 1),
        ({"suspend": True}, {"optimizer": {"observations": 12}}, 1, 0),
        ({}, ENDED, 1, 0),
        ({}, ENDED, 2, 1),
    ],
)
async def test_the_processes_that_a_sweep_needs_are_started_before_its_first_question(
    child: OptimizerPool, spec: Any, status: Any, generation: int, processes: int
) -> None:
    await child.prepare([sweep_body(metadata={"generation": generation}, status=status, **spec)])
    assert len(child.pids) == processes


@pytest.mark.parametrize(("spec", "processes"), [({}, 2), ({"method": "random"}, 1), ({"limits": {"maxRuns": 2}}, 1)])
async def test_while_the_first_runs_run_the_process_of_the_model_starts(
    child: OptimizerPool, spec: Any, processes: int
) -> None:
    assert await ask(child, sweep(**spec), request())
    assert len(child.pids) == processes


@pytest.mark.parametrize(
    ("sweeps", "processes"),
    [
        ([], 0),
        ([sweep_body(metadata={"generation": 1}, status=ENDED)], 0),
        ([sweep_body()], 2),
        ([sweep_body(status={"optimizer": {"observations": 4}})], 2),
        ([sweep_body(method="random")], 1),
        ([WITH_MODEL], 1),
        ([sweep_body(method="random"), WITH_MODEL], 2),
    ],
)
async def test_a_process_that_no_sweep_needs_ends(sweeps: Any, processes: int) -> None:
    pool = OptimizerPool(processes=1, time_limit=600)
    try:
        await pool.expect_model()
        before = pool.pids
        await pool.prepare(sweeps)
        assert len(pool.pids) == processes
        kept = before[0] in pool.pids
        assert kept is psutil.pid_exists(before[0])
        assert kept is (processes == 2 or sweeps == [WITH_MODEL])
    finally:
        await pool.close()


async def test_a_process_that_was_asked_does_not_end() -> None:
    pool = OptimizerPool(processes=1, time_limit=600)
    try:
        await pool.expect_model()
        before = pool.pids
        asked = asyncio.create_task(ask(pool, sweep(), request(2, 12, ROWS)))
        while pool._turns[False].next_worker is not None:
            await asyncio.sleep(0)
        await pool.prepare([])
        assert await asked
        await pool.prepare([])
        assert pool.pids == before
    finally:
        await pool.close()


async def test_the_process_that_was_prepared_answers() -> None:
    pool = OptimizerPool(processes=2, time_limit=600)
    try:
        await pool.prepare([sweep_body(status={"optimizer": {"observations": 12}})])
        before = pool.pids
        answer = await ask(pool, sweep(), request(2, 12, ROWS))
        assert [s.origin for s in answer.suggestions] == ["model", "model"]
        assert pool.pids == before
    finally:
        await pool.close()


async def test_an_idle_process_ends_and_is_started_again_by_the_next_question(
    child: OptimizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "IDLE_SECONDS", 0.01)
    first = await ask(child, sweep(method="random"), request())
    async with asyncio.timeout(300):
        while child.pids:
            await asyncio.sleep(0.01)
    assert await ask(child, sweep(method="random"), request()) == first


@pytest.mark.parametrize("method", ["random", "bayes"])
async def test_without_any_answer_there_is_a_reason(method: str) -> None:
    impatient = OptimizerPool(processes=1, time_limit=0.0)
    try:
        answer = await ask(impatient, sweep(method=method), request(2, 12, ROWS))
        assert answer.suggestions == ()
        assert "did not return a suggestion within 0 s" in str(answer.error)
    finally:
        await impatient.close()


async def test_an_optimizer_error_becomes_a_random_suggestion_with_the_reason(child: OptimizerPool) -> None:
    broken = Observation({"a.lr": "high"}, 1.0, 1.0)
    answer = await ask(child, sweep(), request(2, 1, (broken,)))
    assert answer.error is not None
    assert "a.lr" in answer.error
    assert [s.origin for s in answer.suggestions] == ["fallback", "fallback"]


async def test_constraints_hold_and_an_infeasible_space_is_reported(child: OptimizerPool) -> None:
    rule = {"rule": "params['a.width'] * params['a.depth'] <= limit", "message": "too big"}
    fits = {"rule": "params['a.width'] * params['a.depth'] <= params['limit']", "message": "too big"}
    answer = await ask(child, sweep(constraints=[fits], fixed={"limit": 100}), request(8))
    assert all(int(s.parameters["a.width"]) * int(s.parameters["a.depth"]) <= 100 for s in answer.suggestions)
    never = await ask(child, sweep(constraints=[rule]), request())
    assert never.infeasible is not None
    assert "too big" in never.infeasible


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
    worker = subprocess.Popen(
        [sys.executable, "-m", "sweep_operator.suggest.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert worker.stdout is not None
    worker.stdout.close()
    worker.stdout = None
    _, said = worker.communicate(b"{}\n", timeout=300)
    assert (worker.returncode, said) == (0, b"")


SLOW_OUTSIDE_SAMPLES = (
    "params['a.lr'] in [0.00001, 0.0003, 0.01] || "
    "[1,2,3,4,5,6,7,8,9].exists(a, [1,2,3,4,5,6,7,8,9].exists(b, 'x'.matches('((a{0,99}){0,99}b)')))"
)
"""Quick at the points where rules are measured, and slow everywhere else."""


@pytest.mark.slow
async def test_constraints_that_are_slow_elsewhere_end_and_charge_only_their_own_sweep() -> None:
    charges: list[tuple[str, float]] = []
    pool = OptimizerPool(processes=1, time_limit=600, charge=lambda *charge: charges.append(charge))
    slow = named("attacker", method="random", constraints=[{"rule": SLOW_OUTSIDE_SAMPLES}])
    asked = [ask(pool, slow, request(2, 1)), ask(pool, named("victim", method="random"), request(1, 1))]
    try:
        attacker, victim = await asyncio.gather(*asked)
    finally:
        await pool.close()
    assert charges == [(slow.metadata.namespace, RULES_SECONDS)]
    assert attacker.suggestions == ()
    assert attacker.infeasible is not None
    assert "spec.constraints took more than 2 s" in attacker.infeasible
    assert (len(victim.suggestions), victim.error) == (1, None)


@pytest.mark.slow
async def test_a_single_evaluation_that_never_ends_is_killed_by_the_timer(child: OptimizerPool) -> None:
    inner = "!'x'.matches('((a{0,99}){0,99}b)')"
    endless = f"[{','.join('1' * 99)}].all(a, [{','.join('1' * 99)}].all(b, {inner}))"
    answer = await ask(child, sweep(method="random", constraints=[{"rule": endless}]), request(1, 1))
    assert "spec.constraints took more than 2 s" in str(answer.infeasible)


async def test_a_question_of_a_deleted_sweep_ends_with_its_process_and_frees_the_turn(child: OptimizerPool) -> None:
    endless = [{"rule": "!'x'.matches('((a{0,99}){0,99}b)')"}] * 9
    deleted = asyncio.create_task(ask(child, sweep(method="random", constraints=endless), request(500, 1)))
    while not child.pids:
        await asyncio.sleep(0.01)
    (pid,) = child.pids
    deleted.cancel()
    await asyncio.wait([deleted])
    assert not psutil.pid_exists(pid)
    assert len((await ask(child, named("next", method="random"), request(1, 1))).suggestions) == 1


class Script(OptimizerProcess):
    """A process that follows a script: "late" and "dead" are failures, a number is how many suggestions follow."""

    def __init__(self, script: list[str | int]) -> None:
        super().__init__(1.0, 0)
        self.script, self.asked = script, list[Question]()
        self.interrupted = 0

    async def answers(self, asked: Question) -> AsyncGenerator[Answer, None]:
        self.asked.append(asked)
        step = self.script.pop(0) if self.script else asked.count
        if step == "late":
            raise TimeoutError
        if step == "dead":
            raise ChildFailed("the optimizer process ended with exit code -9", -9)
        count = min(int(step), asked.count)
        for i in range(count):
            await asyncio.sleep(0)
            yield Answer(proposal=Proposal(index=asked.index + i, parameters={"i": asked.index + i}, origin="model"))
        yield Answer(end="complete" if count == asked.count else "interrupted")

    def interrupt(self) -> None:
        self.interrupted += 1


def scripted(light: list[str | int], *models: list[str | int]) -> tuple[OptimizerPool, list[Script], list[float]]:
    pool = OptimizerPool(processes=len(models), time_limit=1.0, clock=lambda: clock[0])
    clock = [0.0]
    pool._processes = processes = [Script(script) for script in (light, *models)]
    pool._turns = {True: Turns(processes[:1]), False: Turns(processes[1:])}
    return pool, processes, clock


def origins(answer: Suggested) -> list[str]:
    return [s.origin for s in answer.suggestions]


async def test_what_arrived_before_a_failure_is_used_and_only_free_slots_get_random_suggestions() -> None:
    pool, (light, model), _ = scripted([], [3, "late"])
    answer = await ask(pool, sweep(), dataclasses.replace(request(9, 12, ROWS), urgent=5))
    assert origins(answer) == ["model"] * 3 + ["fallback"] * 2
    assert [s.index for s in answer.suggestions] == [12, 13, 14, 15, 16]
    assert "did not return a suggestion within 1 s" in str(answer.error)
    assert (model.asked[1].index, model.asked[1].count, len(model.asked[1].pending)) == (15, 6, 3)
    assert (light.asked[0].method, light.asked[0].observations, light.asked[0].count) == ("random", [], 2)


async def test_suggestions_for_later_slots_are_never_random_because_of_a_failure() -> None:
    pool, (light, _), _ = scripted([], ["late"])
    answer = await ask(pool, sweep(), dataclasses.replace(request(4, 12, ROWS), urgent=0))
    assert (answer.suggestions, light.asked) == ((), [])
    assert answer.error is not None


async def test_a_process_that_dies_is_replaced_once_for_each_suggestion() -> None:
    pool, (_, model), _ = scripted([], ["dead", 2, "dead", 1, "dead", "dead"])
    answer = await ask(pool, sweep(), request(6, 12, ROWS))
    assert origins(answer) == ["model"] * 3 + ["fallback"] * 3
    assert "exit code -9" in str(answer.error)
    assert len(model.asked) == 6


async def test_a_sweep_that_exceeded_the_time_limit_rests() -> None:
    pool, (_, model), clock = scripted([], ["late"])
    for _ in range(2):
        answer = await ask(pool, sweep(), request(1, 12, ROWS))
        assert origins(answer) == ["fallback"]
        assert "did not return a suggestion within 1 s" in str(answer.error)
    assert len(model.asked) == 1
    clock[0] = 11.0
    assert origins(await ask(pool, sweep(), request(1, 12, ROWS))) == ["model"]


async def test_an_interrupted_request_ends_and_one_that_makes_room_goes_on() -> None:
    pool, (_, model), _ = scripted([], [2, 1])
    assert len((await ask(pool, sweep(), request(7, 12, ROWS))).suggestions) == 7, "in three turns"
    seen = 0
    model.script = [2]
    async for _answer in pool.suggest(sweep(), request(7, 12, ROWS)):
        seen += 1
        pool.interrupt(sweep())
    assert (seen, model.interrupted) == (3, 3), "the suggestion in progress still counts, and the end of the answer"
    pool.interrupt(sweep())


async def test_a_model_of_one_sweep_makes_room_for_another_and_never_delays_a_random_one() -> None:
    pool, _, _ = scripted([], [1] * 40)
    order: list[str] = []

    async def note(name: str, of: Sweep, asked: SuggestRequest) -> None:
        async for part in pool.suggest(of, asked):
            order.extend(name for _ in part.suggestions)

    await asyncio.gather(
        note("greedy", sweep(), request(30, 12, ROWS)),
        note("modest", named("modest"), request(2, 12, ROWS)),
        note("random", named("random", method="random"), request(1, 1)),
    )
    assert order.index("random") <= 2
    assert order.count("modest") == 2
    assert max(i for i, name in enumerate(order) if name == "modest") <= 6


async def test_design_points_come_from_a_process_without_torch_and_the_rest_from_a_model(child: OptimizerPool) -> None:
    """The initial design and the model that follows it, in one request."""
    rows = ROWS[:2]
    answer = await ask(child, sweep(), request(9, 2, rows))
    assert [s.index for s in answer.suggestions] == list(range(2, 11))
    design = MOST_POINTS - len(rows)
    assert [o == "model" for o in origins(answer)] == [False] * design + [True] * (9 - design)
    light, model = (psutil.Process(pid) for pid in child.pids)
    assert light.memory_info().rss < model.memory_info().rss / 2
    for suggestion in answer.suggestions:
        told = suggestion.provenance
        assert told is not None
        assert (told.observations, told.through_index, len(told.digest or "")) == (2, 1, 32)


def test_the_digest_is_that_of_the_inputs_in_any_order_and_number_format() -> None:
    asked = question(sweep(), request(1, 3, ROWS[:2])).with_(pending=[{"a.lr": 0.001}, {"a.depth": 4}])
    digest = Inputs.of(asked).with_pending(asked.pending).digest(3)
    same = asked.with_(observations=asked.observations[::-1], pending=[{"a.depth": 4.0}, {"a.lr": 0.001}], count=9)
    assert Inputs.of(same).with_pending(same.pending).digest(3) == digest
    for change in ({"seed": 6}, {"observations": asked.observations[:1]}, {"pending": []}, {"fixed": {"a": True}}):
        other = asked.with_(**change)
        assert Inputs.of(other).with_pending(other.pending).digest(3) != digest
    assert Inputs.of(asked).with_pending(asked.pending).digest(4) != digest


def test_curves_of_running_runs_are_inputs_in_any_order() -> None:
    curves = [((0.25, 1.0, 2.0), (0.5, 2.0, None)), ((0.125, 1.5, 1.0),)]
    pending = tuple(PendingRun(f"r{i}", i, {"a.lr": 0.001 * (i + 1)}, curve) for i, curve in enumerate(curves))
    asked = dataclasses.replace(request(1, 12, ROWS), pending=pending)
    of = question(sweep(), asked)
    assert of.to_json().keys() - question(sweep(), request(1, 12, ROWS)).to_json().keys() == {"running"}
    assert of.running is not None
    turned = of.with_(running=of.running[::-1])
    silent = of.with_(running=of.running[:1])
    answers = [next(iter(Proposer().answer(q))).proposal for q in (of, turned, silent)]
    assert answers[0] is not None
    assert answers[0] == answers[1]
    assert answers[2] is not None
    assert answers[2].digest != answers[0].digest
    assert answers[2].prediction != answers[0].prediction


@given(st.sets(st.integers(0, 40)))
def test_ranges_of_indices_read_back(indices: set[int]) -> None:
    assert read_ranges(index_ranges(sorted(indices))) == indices


def test_ranges_of_indices_are_short() -> None:
    assert index_ranges([9, 3, 7, 8]) == "3,7-9"


def test_processes_by_cpu_and_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "_CPU_LIMIT", tmp_path / "cpu.max")
    monkeypatch.setattr(process.os, "sched_getaffinity", lambda pid: set(range(64)))
    gigabytes = 2**30
    for limit, memory, expected in (
        ("max 100000", 64, 4), ("150000 100000", 64, 2), ("max 100000", 2, 2), ("max 100000", 1, 1), ("", 64, 4),
    ):  # fmt: skip
        (tmp_path / "cpu.max").write_text(limit)
        monkeypatch.setattr(process, "available_memory", lambda memory=memory: memory * gigabytes)
        assert process.default_processes() == expected


@pytest.mark.parametrize("method", ["bayes", "random"])
async def test_objectives_reach_the_optimizer(child: OptimizerPool, method: str) -> None:
    """Of equal scores, the latency decides where the model looks."""
    objectives = [{"metric": "reward"}, {"metric": "latency", "goal": "minimize", "threshold": 3}]
    x = {"x": {"distribution": "uniform", "min": 0, "max": 1}}
    of = sweep(method=method, objectives=objectives, parameters=x)
    rows = tuple(Observation({"x": i / 20}, float(i % 2), 1.0, metrics={"latency": i / 2}) for i in range(20))
    answer = await ask(child, of, request(4, 20, rows))
    assert answer.error is None
    chosen = [float(s.parameters["x"]) for s in answer.suggestions]
    assert method == "random" or max(chosen) < 0.5, "the latency is above the threshold from x = 0.3 on"
