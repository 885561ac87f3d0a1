"""Work beside the passes of a Sweep: the optimizer may take minutes, and so may a tracker that does not answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sweep_operator.engine.ports import NotLeading
from sweep_operator.kube.protocol import KubeError

log = logging.getLogger(__name__)


class Background:
    """At most one task at a time. When it ends, ``requeue(seconds)`` schedules the next pass."""

    def __init__(self, title: str, requeue: Callable[[float], None], retry_seconds: float) -> None:
        self._title, self._requeue, self._retry_seconds = title, requeue, retry_seconds
        self._task: asyncio.Task[None] | None = None
        self.error: Exception | None = None
        """An unexpected error of the latest task."""

    @property
    def running(self) -> bool:
        """Whether a task is running."""
        return self._task is not None

    def start(self, work: Callable[[], Awaitable[float]]) -> None:
        """``work()`` returns after how many seconds the Sweep needs a pass."""
        self._task = asyncio.create_task(self._run(work))

    def wake(self, seconds: float = 0.0) -> None:
        """Schedule a pass while the task goes on."""
        self._requeue(seconds)

    def cancel(self) -> None:
        """Cancel the task."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, work: Callable[[], Awaitable[float]]) -> None:
        delay, failure = self._retry_seconds, None
        try:
            delay = await work()
        except (KubeError, NotLeading) as error:
            log.warning("%s: %s", self._title, error)
        except Exception as error:
            log.exception("%s failed", self._title)
            failure = error
        self._task, self.error = None, failure
        self._requeue(delay)
