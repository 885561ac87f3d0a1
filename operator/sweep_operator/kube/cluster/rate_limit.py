"""A token bucket, as every Kubernetes client has one: the API server is shared with others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class TokenBucket:
    """``rate`` requests per second, ``burst`` at once. Those who wait are served in the order in which they came."""

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"qps {rate}, burst {burst}: qps must be above 0 and burst at least 1")
        self._rate, self._burst, self._clock, self._sleep = rate, burst, clock, sleep
        self._tokens, self._at = float(burst), clock()
        """Below zero: as many requests wait."""

    async def take(self) -> None:
        """Return when a request may be sent."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        self._tokens -= 1
        if self._tokens < 0:
            try:
                await self._sleep(-self._tokens / self._rate)
            except asyncio.CancelledError:
                self._tokens += 1
                raise
