"""Writes Events after the change they report, once per occurrence. A failed write fails no pass."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from datetime import datetime

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.visible_text import visible_text
from sweep_operator.decide.plan import Event
from sweep_operator.engine.objects import Objects
from sweep_operator.engine.ports import Settings
from sweep_operator.kube.protocol import AlreadyExists, Kind, KubeError, Object
from sweep_operator.manifests.event import build_event

log = logging.getLogger(__name__)


class Recorder:
    """Core/v1 Events about Sweeps and SweepRuns."""

    def __init__(self, objects: Objects, settings: Settings) -> None:
        self._objects, self._settings = objects, settings

    async def record(self, sweep: Sweep, events: Iterable[Event]) -> None:
        """Best effort: the status contains everything that a lost Event reported."""
        for event in events:
            regarding = self._regarding(sweep, event)
            if regarding is None:
                continue
            message = visible_text(event.message)
            level = logging.WARNING if event.type == "Warning" else logging.INFO
            log.log(level, "%s: %s", event.reason, message, extra={"run": event.run} if event.run else None)
            now = self._settings.now()
            body = build_event(regarding, event.type, event.reason, message, now, _name(regarding, event, now))
            try:
                await self._objects.kube.create(Kind.EVENT, body)
            except AlreadyExists:
                pass
            except KubeError as error:
                log.warning("cannot write Event %s: %s", event.reason, error)

    def _regarding(self, sweep: Sweep, event: Event) -> Object | None:
        namespace = sweep.metadata.namespace
        if event.run is None:
            return self._objects.store.get(Kind.SWEEP, namespace, sweep.name)
        return self._objects.store.get(Kind.SWEEP_RUN, namespace, event.run)


def _name(regarding: Object, event: Event, now: datetime) -> str:
    identity = f"{regarding['metadata']['uid']}/{event.reason}/{event.message}/{now.isoformat()}"
    return f"{regarding['metadata']['name'][:200]}.{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
