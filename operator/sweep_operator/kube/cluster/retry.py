"""Which failed requests the client retries by itself, and for how long.

The time is short. The caller has a work queue with a longer backoff, and the lease that allowed the request may have
expired in the meantime.
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
from sweep_operator.pacing import backoff

log = logging.getLogger(__name__)
T = TypeVar("T")

READ_PATIENCE = 10.0
WRITE_PATIENCE = 5.0
"""Seconds after the first attempt within which another one may start."""
_FIRST, _LONGEST = 0.2, 5.0
"""Seconds: the first pause and the longest one."""


class Retry:
    """Retries temporary failures. Reads: no connection, no answer, 429, 5xx. Writes: no connection, 429.

    ``except_``: error classes that are raised immediately.
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
        """Return the answer of ``call``, or raise its last error."""
        retryable: tuple[type[KubeError], ...] = (
            (TooManyRequests, NotSent) if changes else (TooManyRequests, Unavailable)
        )
        end = self._clock() + (WRITE_PATIENCE if changes else READ_PATIENCE)
        attempt = 0
        while True:
            try:
                return await call()
            except self._except:
                raise
            except retryable as error:
                pause = self.pause(attempt, error.retry_after)
                if self._clock() + pause > end:
                    raise
                log.debug("%s: %s; retrying in %.1f s", what, error, pause)
            await self._sleep(pause)
            attempt += 1

    async def wait(self, attempt: int, retry_after: float | None = None) -> None:
        """Sleep before attempt ``attempt + 1``."""
        await self._sleep(self.pause(attempt, retry_after))

    def pause(self, attempt: int, retry_after: float | None) -> float:
        """Return the seconds to wait: never less than the server asks for."""
        delay = backoff(attempt, _FIRST, _LONGEST, rand=self._rand)
        return delay if retry_after is None else retry_after + delay / 2


def parse_retry_after(header: str | None) -> float | None:
    """Return the seconds. Kubernetes sends whole seconds; a date, which only proxies send, is ignored."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
