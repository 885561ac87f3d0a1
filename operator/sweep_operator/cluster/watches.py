"""LIST and watch of one resource, for as long as someone looks, through outages of the API server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweep_operator.kube.protocol import (
    Forbidden,
    Gone,
    Kind,
    KubeError,
    Object,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    WatchEvent,
)

if TYPE_CHECKING:
    from sweep_operator.kube.cluster import ClusterKube

PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a failed request is retried: the default without Retry-After, and the maximum with it."""
STARTS_WITHIN = 30.0
"""Seconds for which an API server that has just started may refuse requests, before it has loaded all roles."""
_REFUSED_WITHIN = 30.0
"""Request timeout in seconds: a watch that lasts longer was authorized."""


@dataclass
class ListAndWatch:
    """Every change arrives: after an interruption that may have hidden one, everything is listed again."""

    kube: ClusterKube
    kind: Kind
    namespace: str | None
    """None: all namespaces."""
    listed: Callable[[Sequence[Object]], None]
    """Gets all objects: replaces what was known, and ends an interruption."""
    changed: Callable[[WatchEvent], None]
    lost: Callable[[KubeError], None]
    """Gets the reason of an interruption, at each failed attempt."""
    fields: Mapping[str, str] | None = None
    pause: float = PAUSE
    starts_within: float | None = STARTS_WITHIN
    """How long a refusal is waited for after an outage; None: without limit."""
    _version: int | None = field(default=None, init=False)
    _open: float | None = field(default=None, init=False)
    """When the watch was last open or the server unreachable: a refusal soon after may come from a restart."""

    async def list(self) -> None:
        """LIST once. ``run`` continues from there. Raises KubeError."""
        found = await self.kube.list(self.kind, self.namespace, fields=self.fields)
        self._version = found.resource_version
        self.listed(found.items)

    async def run(self) -> None:
        """Raises Forbidden and Unauthenticated that last."""
        while True:
            try:
                if self._version is None:
                    await self.list()
                await self._watch()
            except Gone:
                self._version = None  # changes were missed
            except (Forbidden, Unauthenticated) as error:
                if self._is_lasting():
                    raise
                await self._wait(error, self.pause)
            except (Unavailable, TooManyRequests) as error:
                self._open = time.monotonic()
                await self._wait(error, min(error.retry_after or self.pause, _LONGEST_PAUSE))

    async def _watch(self) -> None:
        assert self._version is not None
        began = time.monotonic()
        changes = self.kube.watch(self.kind, self.namespace, resource_version=self._version, fields=self.fields)
        try:
            async for event in changes:
                self.changed(event)
        finally:
            if time.monotonic() - began > _REFUSED_WITHIN:  # a permission that was never granted is reported at once
                self._open = time.monotonic()

    async def _wait(self, error: KubeError, seconds: float) -> None:
        self._version = None
        self.lost(error)
        await asyncio.sleep(seconds)

    def _is_lasting(self) -> bool:
        if self.starts_within is None:
            return False
        return self._open is None or time.monotonic() - self._open >= self.starts_within
