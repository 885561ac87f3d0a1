"""The optimizer of local mode: the first run starts at once, because the search center needs no model."""

from __future__ import annotations

from collections.abc import Callable

from sweep_operator.api.parameters import search_center
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from sweep_operator.engine.ports import Suggester


class CenterFirst:
    """Suggests the search center itself, and asks ``optimizer`` for everything else: starting that takes seconds."""

    def __init__(self, optimizer: Suggester, on_start: Callable[[], None]) -> None:
        """``on_start``: called when ``starting`` changes."""
        self._optimizer, self._on_start = optimizer, on_start
        self._started = False
        self.starting = False
        """Whether the optimizer has been asked for the first time and has not answered yet."""

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> Suggested:
        """Suggest what the optimizer would suggest, the center alone if it comes first."""
        if starts_at_center(sweep, request):
            return Suggested((Suggestion(request.index, search_center(sweep.spec.parameters), "center"),))
        if self._started:
            return await self._optimizer.suggest(sweep, request)
        self._started = True
        self._set_starting(True)
        try:
            return await self._optimizer.suggest(sweep, request)
        finally:
            self._set_starting(False)

    def _set_starting(self, starting: bool) -> None:
        self.starting = starting
        self._on_start()


def starts_at_center(sweep: Sweep, request: SuggestRequest) -> bool:
    """Whether every optimizer suggests the center next. Constraints are evaluated only in a process with limits."""
    seeded = sweep.spec.protein.seed_with_search_center is not False
    first = request.index == 0 or sweep.spec.method == "bayes"  # the others begin with the center at index 0 only
    nothing_known = not request.observations and not request.pending
    return seeded and first and nothing_known and not sweep.spec.constraints
