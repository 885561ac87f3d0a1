"""The optimizer of local mode: says when the sweep waits for its processes to start."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Suggested
from sweep_operator.engine.ports import Suggester


class Starting:
    """Asks ``optimizer``, and reports until its first answer that it is starting, which takes seconds."""

    def __init__(self, optimizer: Suggester, on_change: Callable[[], None]) -> None:
        """``on_change``: called when ``starting`` changes."""
        self._optimizer, self._on_change = optimizer, on_change
        self._answered = False
        self.starting = False
        """Whether free slots wait for the first answer."""

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
        """Suggest what the optimizer suggests."""
        self._set(request.urgent > 0 and not self._answered)
        try:
            async with aclosing(self._optimizer.suggest(sweep, request)) as answers:
                async for answer in answers:
                    self._answered = True
                    self._set(False)
                    yield answer
        finally:
            self._set(False)

    def interrupt(self, sweep: Sweep) -> None:
        """End the request of a Sweep."""
        self._optimizer.interrupt(sweep)

    def _set(self, starting: bool) -> None:
        if starting != self.starting:
            self.starting = starting
            self._on_change()
