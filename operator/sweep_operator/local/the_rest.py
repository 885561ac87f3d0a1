"""What a resumed sweep reads after its first passes."""

from __future__ import annotations

import logging

from sweep_operator.engine.engine import Engine
from sweep_operator.kube.state_file import StoreUnreadable
from sweep_operator.local.objects import NAMESPACE

log = logging.getLogger(__name__)
_QUIET = 0.5
"""Seconds without a pass before the rest is read."""


async def read_the_rest(engine: Engine) -> None:
    """Read the Jobs and pods of runs that have ended."""
    await engine.queue.calm(_QUIET)
    try:
        await engine.audit(NAMESPACE)
    except StoreUnreadable as error:  # the runs go on; nothing is decided about those that have ended
        log.error("runs that have ended cannot be cleaned up or delivered: %s", error)
