"""An optimizer that is a function of the index, sometimes slow and sometimes without an answer."""

from __future__ import annotations

import asyncio

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from tests.fuzz.dice import Dice


class Suggester:
    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> Suggested:
        if self._dice.chance("slow-optimizer", 0.2):
            await asyncio.sleep(self._dice["slow-optimizer"].uniform(0.1, 20.0))
        if self._dice.chance("optimizer-error", 0.05):
            return Suggested(error="the optimizer's process was killed")
        indices = range(request.index, request.index + request.count)
        return Suggested(tuple(Suggestion(i, {"x": (i % 97) / 97}, "random") for i in indices))
