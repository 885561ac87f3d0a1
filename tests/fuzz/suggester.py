"""An optimizer that is sometimes slow and sometimes fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Forecast, Forecasted, Suggested, Suggestion
from tests.fuzz.dice import Dice


class Suggester:
    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._interrupted: dict[str, asyncio.Event] = {}

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
        interrupted = self._interrupted[sweep.metadata.uid] = asyncio.Event()
        for i in range(request.index, request.index + request.count):
            if self._dice.chance("slow-optimizer", 0.2):
                await asyncio.sleep(self._dice["slow-optimizer"].uniform(0.1, 20.0))
            if self._dice.chance("optimizer-error", 0.05):
                yield Suggested(error="the optimizer's process was killed")
                return
            yield Suggested((Suggestion(i, {"x": point(i, request)}, "random"),))
            if interrupted.is_set():
                return

    def interrupt(self, sweep: Sweep) -> None:
        self._interrupted[sweep.metadata.uid].set()


class Forecaster:
    """Forecasts that are sometimes slow, fail, or say that a run has no chance."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    async def forecast(self, sweep: Sweep, request: SuggestRequest) -> Forecasted:
        await asyncio.sleep(self._dice["forecasts"].uniform(0.1, 20.0))
        if self._dice.chance("optimizer-error", 0.05):
            return Forecasted(error="the optimizer's process was killed")
        return Forecasted({run.name: self._of(len(run.curve)) for run in request.pending if run.curve})

    def _of(self, points: int) -> Forecast:
        probability = self._dice["forecasts"].choice((0.0, 0.5))
        return Forecast(points, 1.0, 0.5, 1.5, probability, None, None, learned_from=9)


def point(index: int, request: SuggestRequest) -> float:
    """A suggestion also depends on the results, as a model's does: the one at hand may differ from a newer one."""
    return ((index + request.known) % 97) / 97
