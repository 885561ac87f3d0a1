"""Forecasts of the running runs of one Sweep, computed beside the passes and kept in memory only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import SuggestRequest
from sweep_operator.decide.snapshot import Forecast
from sweep_operator.engine.background import Background
from sweep_operator.engine.ports import Forecaster

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two questions, at least."""
SHARE = 10.0
"""The pause is at least so many times as long as the answer took: suggestions need the process, too."""
RETRY_SECONDS = 60.0


class Forecasts:
    """One question at a time, about all runs that have reported. The next one follows when something has changed."""

    def __init__(self, forecaster: Forecaster | None, background: Background, wake: Callable[[], None]) -> None:
        """``wake``: called when there is something new."""
        self._forecaster, self._background, self._wake = forecaster, background, wake
        self._wanted: tuple[Sweep, SuggestRequest] | None = None
        self._answered: tuple[int, SuggestRequest] | None = None
        """Generation of the Sweep, and the request."""
        self._news: set[str] = set()
        self.known: Mapping[str, Forecast] = {}
        """By name of the run."""

    def request(self, sweep: Sweep, request: SuggestRequest | None) -> None:
        """Say what forecasts are computed from; None: none are needed."""
        if request is None:
            self._wanted, self.known = None, {}
            return
        self._wanted = sweep, request
        if self._forecaster is not None and not self._background.running and self._is_new():
            self._background.start(self._work)

    def take_news(self) -> set[str]:
        """The runs whose forecasts have changed since the last call."""
        news, self._news = self._news, set()
        return news

    def _is_new(self) -> bool:
        return self._wanted is not None and self._answered != (self._wanted[0].metadata.generation, self._wanted[1])

    async def _work(self) -> float:
        assert self._forecaster is not None
        assert self._wanted is not None
        sweep, request = self._wanted
        loop = asyncio.get_running_loop()
        began = loop.time()
        answer = await self._forecaster.forecast(sweep, request)
        if answer.error is not None:
            log.warning("%s/%s: no forecasts: %s", sweep.metadata.namespace, sweep.name, answer.error)
            await asyncio.sleep(RETRY_SECONDS)
            return 0.0
        self._answered = sweep.metadata.generation, request
        self._news |= {name for name, found in answer.forecasts.items() if self.known.get(name) != found}
        self.known = answer.forecasts
        self._wake()
        await asyncio.sleep(max(PAUSE, SHARE * (loop.time() - began)))
        return 0.0
