"""The optimizer's suggestions for one Sweep."""

from __future__ import annotations

import asyncio

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Suggested
from sweep_operator.engine.background import Background
from sweep_operator.engine.ports import Suggester


class Suggestions:
    """At most one request at a time, and its answer until it is used."""

    def __init__(self, suggester: Suggester, background: Background) -> None:
        self._suggester, self._background = suggester, background
        self._answer: tuple[int, Suggested] | None = None
        self.seconds: float | None = None
        """Duration of the newest request that gave suggestions."""

    def of_generation(self, generation: int) -> Suggested | None:
        """The answer, unless the spec has changed since the request."""
        return self._answer[1] if self._answer is not None and self._answer[0] == generation else None

    def use(self) -> None:
        """Drop the answer: runs were created from it."""
        self._answer = None

    def request(self, sweep: Sweep, request: SuggestRequest) -> None:
        """Ask the optimizer, unless it is already asked."""
        if not self._background.running:
            self._answer = None
            self._background.start(lambda: self._ask(sweep, request))

    async def _ask(self, sweep: Sweep, request: SuggestRequest) -> float:
        answer = await self._suggester.suggest(sweep, request)
        self._answer = (sweep.metadata.generation, answer)
        if answer.suggestions:
            self.seconds = answer.seconds
        elif answer.infeasible is None:
            await asyncio.sleep(1)
        return 0.0
