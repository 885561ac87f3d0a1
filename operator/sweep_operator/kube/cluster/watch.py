"""A watch that is restarted as long as no change is missed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Literal

from aiohttp import ClientResponse

from sweep_operator.kube.cluster.errors import from_status
from sweep_operator.kube.cluster.transport import Request, Transport
from sweep_operator.kube.protocol import EventType, Gone, Object, TooManyRequests, Unavailable, WatchEvent

SERVER_SECONDS = 300
"""Longest duration of one watch request."""
_SILENCE = SERVER_SECONDS + 30.0
_MAX_FAILURES = 5
"""Failures in a row, without an event or bookmark between them, before the caller gets the error."""
Change = tuple[EventType | Literal["BOOKMARK"], Object]
_TOO_SHORT = 1.0
"""Seconds; a watch that ends earlier without an event counts as a failure."""


async def follow(
    transport: Transport,
    path: str,
    since: int,
    *,
    clean: Callable[[Object], Object],
    selector: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[WatchEvent]:
    """Changes after the resourceVersion ``since``.

    After a broken connection, a rejection or a restart of the server, the watch continues from the last version, which
    bookmarks advance too. Raises Gone if that version is no longer kept, and errors that persist.
    """
    if since <= 0:
        raise Gone("a watch cannot start at resourceVersion 0; LIST first")
    failures = 0
    while True:
        began, before = clock(), since
        error: Unavailable | TooManyRequests | None = None
        try:
            async for kind_of_event, obj in _one(transport, path, since, selector or {}):
                since, failures = int(obj["metadata"]["resourceVersion"]), 0
                if kind_of_event != "BOOKMARK":
                    yield WatchEvent(kind_of_event, clean(obj))
        except (Unavailable, TooManyRequests) as caught:
            error = caught
        if error is None and (since > before or clock() - began >= _TOO_SHORT):
            continue
        failures += 1
        if failures > _MAX_FAILURES:
            raise error or Unavailable(f"watch {path}: ended immediately after it started")
        await transport.retry.wait(failures, error.retry_after if error is not None else None)


async def _one(transport: Transport, path: str, since: int, selector: Mapping[str, str]) -> AsyncIterator[Change]:
    """One HTTP answer: (type, object)."""
    # Random, so that the watches of all resources and replicas do not end together.
    seconds = random.randint(SERVER_SECONDS * 4 // 5, SERVER_SECONDS)
    query = {
        **selector,
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": str(since),
        "timeoutSeconds": str(seconds),
    }
    async with transport.stream(Request("watch", path, query), silence=_SILENCE) as response:
        async for line in _lines(response):
            try:
                event = json.loads(line)
                kind_of_event, obj = event["type"], event["object"]
            except (ValueError, KeyError, TypeError):
                raise Unavailable(f"watch {path}: the answer is not a watch event") from None
            if kind_of_event == "ERROR":
                raise from_status(int(obj.get("code") or 500), obj, changes=False)
            yield kind_of_event, obj


async def _lines(response: ClientResponse) -> AsyncIterator[bytes]:
    """Complete lines of any length. An incomplete last line is dropped: the next watch repeats it."""
    rest = b""
    async for chunk in response.content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line
