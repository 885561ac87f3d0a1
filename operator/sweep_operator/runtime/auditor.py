"""Full resyncs: LIST all objects at startup and periodically, which corrects missed watch events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import KubeError
from sweep_operator.runtime.health import Health

log = logging.getLogger(__name__)
_RETRY = 2.0


Scope = str | None
"""A namespace, or all."""
Read = Callable[[Scope], Awaitable[None]]


async def read_ahead(engine: Engine, scopes: Sequence[Scope]) -> None:
    """Read what ``resume`` will read. Later it is read again, faster, because little has changed."""
    await _succeeds(engine.read_ahead, scopes)


async def resume(engine: Engine, scopes: Sequence[Scope], health: Health) -> None:
    """Read what the first passes need."""
    await _resync(engine.resume, scopes, health)
    health.listed = True


async def keep_auditing(engine: Engine, scopes: Sequence[Scope], health: Health, every: float) -> None:
    """Resync until canceled: after the first passes, which do not need everything, and then every ``every`` seconds."""
    await engine.queue.calm()
    await _resync(engine.audit, scopes, health)
    while True:
        await asyncio.sleep(every)
        await _succeeds(engine.audit, scopes)
        health.last_audit = health.monotonic()


async def _resync(read: Read, scopes: Sequence[Scope], health: Health) -> None:
    """Retry until it succeeds."""
    while True:
        done = await _succeeds(read, scopes)
        health.last_audit = health.monotonic()
        if done:
            return
        await asyncio.sleep(_RETRY)


async def _succeeds(read: Read, scopes: Sequence[Scope]) -> bool:
    """Whether everything was read. Else the log says why not."""
    try:
        for scope in scopes:
            await read(scope)
    except KubeError as error:
        log.warning("resync failed: cannot list objects: %s", error)
        return False
    return True
