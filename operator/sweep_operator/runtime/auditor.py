"""LISTs everything at the start and every few minutes: what a watch never told is caught up with."""

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
    """One round. False: it was refused (told in the log)."""
    try:
        for namespace in namespaces:
            await engine.audit(namespace)
    except KubeError as error:
        log.warning("objects cannot be listed: %s", error)
        return False
    finally:
        health.last_audit = health.monotonic()
    health.listed = True
    return True


async def first_audit(engine: Engine, namespaces: Sequence[str | None], health: Health) -> None:
    """Until everything was listed once."""
    while True:
        if await audit(engine, namespaces, health):
            return
        await asyncio.sleep(_RETRY)


async def keep_auditing(engine: Engine, namespaces: Sequence[str | None], health: Health, every: float) -> None:
    """For ever."""
    while True:
        await asyncio.sleep(every)
        await audit(engine, namespaces, health)
