"""The first run starts at once: nothing waits for an optimizer process, and nothing differs from its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Observation, PendingRun, SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from sweep_operator.local import LocalSession
from sweep_operator.local.optimizer import Starting
from sweep_operator.suggest.center import center_first
from sweep_operator.suggest.messages import question
from sweep_operator.suggest.propose import Proposer
from tests.builders import sweep_body
from tests.local.sweeps import manifest, until
from tests.suggest.test_pool import PARAMETERS

FIRST = SuggestRequest(0, 2, (), (), 2)


class Optimizer:
    """Answers when it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
        await self.may_answer.wait()
        yield Suggested((Suggestion(request.index, {}, "model"),))

    def interrupt(self, sweep: Sweep) -> None: ...


def sweep(**spec: Any) -> Sweep:
    return parse(Sweep, sweep_body("s", metadata={"uid": "u"}, parameters=PARAMETERS, **spec))


@pytest.mark.parametrize("method", ["bayes", "random"])
async def test_the_first_run_does_not_wait_for_an_optimizer_process(tmp_path: Path, method: str) -> None:
    async with LocalSession(tmp_path, manifest(method=method, limits={"maxRuns": 1})) as session:
        _, runs = await until(session, lambda *_: session.done())
        processes = [child.as_dict(["cmdline"], ad_value=[])["cmdline"] for child in psutil.Process().children()]
    assert [(r.spec.origin, r.spec.parameters) for r in runs] == [("center", {"x": 0.25})]
    assert not [line for line in processes if "sweep_operator.suggest" in " ".join(line)]


@pytest.mark.parametrize(("method", "index"), [("bayes", 0), ("bayes", 3), ("random", 0), ("sobol", 0)])
def test_the_first_suggestion_is_the_one_of_the_optimizer(method: str, index: int) -> None:
    request = SuggestRequest(index, 2, (), ())
    center = center_first(sweep(method=method), request)
    proposed = next(Proposer().answer(question(sweep(method=method), request))).proposal
    assert center is not None
    assert proposed is not None
    assert center == proposed.with_(digest="")
    assert list(map(type, center.parameters.values())) == list(map(type, proposed.parameters.values()))


@pytest.mark.parametrize(
    ("spec", "request_"),
    [
        ({"method": "random"}, SuggestRequest(1, 1, (), ())),
        ({"method": "sobol"}, SuggestRequest(1, 1, (), ())),
        ({}, SuggestRequest(0, 1, (Observation({}, 1.0, 1.0),), ())),
        ({}, SuggestRequest(0, 1, (), (PendingRun("mine", None, {"a.lr": 1e-3}),))),
        ({"protein": {"seedWithSearchCenter": False}}, FIRST),
        ({"constraints": [{"rule": "params['a.lr'] > 0.001"}]}, FIRST),
    ],
)
def test_everything_else_comes_from_the_optimizer(spec: dict[str, Any], request_: SuggestRequest) -> None:
    assert center_first(sweep(**spec), request_) is None


async def test_the_start_of_the_optimizer_is_reported_until_its_first_answer() -> None:
    optimizer = Optimizer()
    changes: list[bool] = []
    starting = Starting(optimizer, lambda: changes.append(starting.starting))

    async def ask() -> None:
        async for _ in starting.suggest(sweep(), FIRST):
            assert not starting.starting

    asked = asyncio.create_task(ask())
    await asyncio.sleep(0)
    assert starting.starting
    optimizer.may_answer.set()
    await asked
    await ask()
    assert changes == [True, False]
