"""Full resyncs: LIST all objects at startup and periodically, which corrects missed watch events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import KubeError
from sweep_operator.runtime.health import Health

log = logging.getLogger(__name__)
_RETRY = 2.0


async def audit(engine: Engine, namespaces: Sequence[str | None], health: Health) -> bool:
    """Run one resync. False: it failed; the log says why."""
    try:
        for namespace in namespaces:
            await engine.audit(namespace)
    except KubeError as error:
        log.warning("resync failed: cannot list objects: %s", error)
        return False
    finally:
        health.last_audit = health.monotonic()
    health.listed = True
    return True


async def first_audit(engine: Engine, namespaces: Sequence[str | None], health: Health) -> None:
    """Retry until one resync succeeds."""
    while True:
        if await audit(engine, namespaces, health):
            return
        await asyncio.sleep(_RETRY)


async def keep_auditing(engine: Engine, namespaces: Sequence[str | None], health: Health, every: float) -> None:
    """Resync every ``every`` seconds until canceled."""
    while True:
        await asyncio.sleep(every)
        await audit(engine, namespaces, health)
