"""The first run starts at once: nothing waits for the optimizer's process, and nothing differs from its answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import Observation, SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from sweep_operator.local import LocalSession
from sweep_operator.local.optimizer import CenterFirst
from sweep_operator.suggest.messages import question
from sweep_operator.suggest.propose import propose
from tests.builders import sweep_body
from tests.local.sweeps import manifest, until
from tests.suggest.test_child import PARAMETERS

FIRST = SuggestRequest(0, 2, (), ())


class Optimizer:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[SuggestRequest] = []
        self.starting: list[bool] = []
        self.first = CenterFirst(self, lambda: self.starting.append(self.first.starting))

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> Suggested:
        self.asked.append(request)
        return Suggested((Suggestion(request.index, {}, "model"),))


def sweep(**spec: Any) -> Sweep:
    return parse(Sweep, sweep_body("s", metadata={"uid": "u"}, parameters=PARAMETERS, **spec))


@pytest.mark.parametrize("method", ["bayes", "random"])
async def test_the_first_run_does_not_wait_for_the_optimizers_process(tmp_path: Path, method: str) -> None:
    async with LocalSession(tmp_path, manifest(method=method, limits={"maxRuns": 1})) as session:
        _, runs = await until(session, lambda *_: session.done())
        processes = [" ".join(child.cmdline()) for child in psutil.Process().children()]
    assert [(r.spec.origin, r.spec.parameters) for r in runs] == [("center", {"x": 0.25})]
    assert not [line for line in processes if "sweep_operator.suggest" in line]


@pytest.mark.parametrize(("method", "index"), [("bayes", 0), ("bayes", 3), ("random", 0), ("sobol", 0)])
async def test_the_first_suggestion_is_the_one_of_the_optimizer(method: str, index: int) -> None:
    optimizer, request = Optimizer(), SuggestRequest(index, 2, (), ())
    answer = await optimizer.first.suggest(sweep(method=method), request)
    proposed = propose(question(sweep(method=method), request)).proposals[0]
    (suggestion,) = answer.suggestions
    assert (suggestion.index, suggestion.parameters, suggestion.origin) == (index, proposed.parameters, proposed.origin)
    assert list(map(type, suggestion.parameters.values())) == list(map(type, proposed.parameters.values()))
    assert optimizer.asked == []


@pytest.mark.parametrize(
    ("spec", "request_"),
    [
        ({"method": "random"}, SuggestRequest(1, 1, (), ())),
        ({"method": "sobol"}, SuggestRequest(1, 1, (), ())),
        ({}, SuggestRequest(0, 1, (Observation({}, 1.0, 1.0),), ())),
        ({}, SuggestRequest(0, 1, (), ({"a.lr": 1e-3},))),
        ({"protein": {"seedWithSearchCenter": False}}, FIRST),
        ({"constraints": [{"rule": "params['a.lr'] > 0.001"}]}, FIRST),
    ],
)
async def test_everything_else_comes_from_the_optimizer(spec: dict[str, Any], request_: SuggestRequest) -> None:
    optimizer = Optimizer()
    for _ in range(2):
        await optimizer.first.suggest(sweep(**spec), request_)
    assert optimizer.asked == [request_, request_]
    assert optimizer.starting == [True, False], "reported once, until its first answer"
