"""Which failures the client repeats by itself, how long, and at which pace.

Short: whoever called has a work queue with a longer backoff, and must not believe that it still may do what it was
allowed to do when it called.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sweep_operator.kube.cluster.errors import NotSent
from sweep_operator.kube.protocol import KubeError, TooManyRequests, Unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

READ_PATIENCE = 10.0
WRITE_PATIENCE = 5.0
"""Seconds after the first attempt in which another one may begin."""
_FIRST, _LONGEST = 0.2, 5.0
"""Seconds: the first pause, doubled each time, and the longest."""


class Retry:
    """Repeats what is worth repeating. Reads: no connection, no answer, 429, 5xx. Writes: no connection, 429.

    ``except_``: errors of these that are raised at once.
    """

    def __init__(
        self,
        *,
        except_: tuple[type[KubeError], ...] = (),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._except = except_
        self._clock, self._sleep, self._rand = clock, sleep, rand

    async def run(self, call: Callable[[], Awaitable[T]], what: str, *, changes: bool) -> T:
        """The answer of ``call``, or its last error."""
        worth: tuple[type[KubeError], ...] = (TooManyRequests, NotSent) if changes else (TooManyRequests, Unavailable)
        end = self._clock() + (WRITE_PATIENCE if changes else READ_PATIENCE)
        attempt = 0
        while True:
            try:
                return await call()
            except self._except:
                raise
            except worth as error:
                pause = self.pause(attempt, error.retry_after)
                if self._clock() + pause > end:
                    raise
                log.debug("%s: %s; again in %.1f s", what, error, pause)
            await self._sleep(pause)
            attempt += 1

    async def wait(self, attempt: int, retry_after: float | None = None) -> None:
        """Pause before attempt ``attempt + 1``."""
        await self._sleep(self.pause(attempt, retry_after))

    def pause(self, attempt: int, retry_after: float | None) -> float:
        """Seconds; never less than the server asks for, and spread, so that clients do not come back together."""
        backoff = min(_LONGEST, _FIRST * 2.0 ** min(attempt, 16)) * (0.5 + self._rand() / 2)
        return backoff if retry_after is None else retry_after + backoff / 2


def parse_retry_after(header: str | None) -> float | None:
    """Seconds. Kubernetes sends whole seconds; a date, which only proxies send, counts as no header."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
