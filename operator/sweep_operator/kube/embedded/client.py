"""Requests to the sweep of a directory, whether a process runs it or not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweep_operator.kube.embedded.control import NoProcess, ask, changed
from sweep_operator.kube.embedded.persistence import StoreLocked
from sweep_operator.kube.embedded.server import Admission, EmbeddedKube
from sweep_operator.kube.protocol import Kind, Object, ObjectList
from sweep_operator.kube.state_file import read_objects

_PATIENCE = 30.0
"""Seconds to wait for a process that has the lock and accepts no changes: it is about to start or to end."""
_POLL = 0.2


class EmbeddedClient:
    """Reads the state file. Changes go through the process that runs the sweep; without one, they are written here."""

    def __init__(self, state: Path, admission: Admission) -> None:
        """``admission``: of changes that are written here."""
        self._state, self._admission = state, admission
        self._own: EmbeddedKube | None = None

    @property
    def wrote(self) -> bool:
        """Whether a change was written without a process."""
        return self._own is not None

    def close(self) -> None:
        """Release the lock, if this client has it."""
        if self._own is not None:
            self._own.close()

    async def list(
        self, kind: Kind, namespace: str | None = None, *, fields: Mapping[str, str] | None = None
    ) -> ObjectList:
        """All objects of a kind, as last written. ``fields``: paths such as ``spec.sweepName``, and their values."""
        wanted = dict(fields or {})
        found = [o for o in read_objects(self._state, (kind,)) if all(_at(o, p) == v for p, v in wanted.items())]
        return ObjectList(tuple(found), 0)

    async def create(self, kind: Kind, body: Object) -> Object:
        """Create an object. Raises AlreadyExists, Invalid, StoreLocked, UnknownOutcome."""
        return await self._change({"method": "create", "kind": kind, "body": body})

    async def patch(self, kind: Kind, namespace: str, name: str, patch: Object) -> Object:
        """JSON merge patch. Raises NotFound, Invalid, StoreLocked, UnknownOutcome."""
        return await self._change(
            {"method": "patch", "kind": kind, "namespace": namespace, "name": name, "patch": patch}
        )

    async def _change(self, request: Mapping[str, Any]) -> Object:
        deadline = time.monotonic() + _PATIENCE
        while self._own is None:
            with contextlib.suppress(NoProcess):
                return await ask(self._state.parent, request)
            try:
                self._own = EmbeddedKube(self._state, clock=lambda: datetime.now(UTC), admission=self._admission)
            except StoreLocked:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_POLL)
        return await changed(self._own, request)


def _at(obj: Object, path: str) -> object:
    value: Any = obj
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
