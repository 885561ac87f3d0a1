"""Reports what a pass has changed, once per occurrence: in the log, and as Events after the change."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.visible_text import visible_text
from sweep_operator.decide.plan import Event
from sweep_operator.engine.events import EventQueue
from sweep_operator.engine.store import Store
from sweep_operator.kube.protocol import Kind, Object

log = logging.getLogger(__name__)


class Recorder:
    """Core/v1 Events about Sweeps and SweepRuns."""

    def __init__(self, store: Store, events: EventQueue) -> None:
        self._store, self._events = store, events

    def record(self, sweep: Sweep, events: Iterable[Event]) -> None:
        """Report the events. They are written later, and may be lost."""
        for event in events:
            of_sweep = self._store.get(Kind.SWEEP, sweep.metadata.namespace, sweep.name)
            regarding = of_sweep if event.run is None else self._run(sweep, event.run)
            if regarding is None:
                continue
            message = visible_text(event.message)
            level = logging.WARNING if event.type == "Warning" else logging.INFO
            log.log(level, "%s: %s", event.reason, message, extra={"run": event.run} if event.run else None)
            self._events.put(regarding, None if event.run is None else of_sweep, event.type, event.reason, message)

    def _run(self, sweep: Sweep, name: str) -> Object | None:
        return self._store.get(Kind.SWEEP_RUN, sweep.metadata.namespace, name)
