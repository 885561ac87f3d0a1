"""What the handlers of requests share."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiohttp import web

from sweep_operator.config.errors import ConfigError
from sweep_operator.kube.protocol import KubeError
from sweep_operator.ui.guard import user_of
from sweep_operator.ui.source import Key

log = logging.getLogger(__name__)
_CHUNK = 1 << 16
_LOOK = 1.0
"""Seconds between looks at a connection."""
_PATIENCE = 60.0
"""A client that takes nothing for so long is disconnected. It reconnects, and misses nothing."""


async def allowed_sweep(request: web.Request) -> Key:
    """The sweep of the path, if the user may see it. Raises Forbidden."""
    key = Key(request.match_info["namespace"], request.match_info["name"])
    await require_visible(request, key)
    return key


async def require_visible(request: web.Request, key: Key) -> None:
    """Raises Forbidden if the user may not see the sweep and its runs."""
    for resource in ("sweeps", "sweepruns"):
        await user_of(request).require("list", resource, key.namespace)


async def json_body(request: web.Request) -> bytes:
    """The body. A form of another site cannot send this content type. Raises ConfigError."""
    if request.content_type != "application/json":
        raise ConfigError("Content-Type: must be application/json")
    return await request.read()


def json_answer(body: bytes) -> web.Response:
    """A document."""
    return web.Response(body=body, content_type="application/json")


def number(request: web.Request, name: str, default: int | None) -> int | None:
    """A number of the query. Raises ConfigError."""
    text = request.query.get(name)
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise ConfigError(f"{name}: must be a number, got {text!r}")
    return int(text)


@contextlib.asynccontextmanager
async def stream(request: web.Request, content_type: str) -> AsyncIterator[web.StreamResponse]:
    """An answer that is sent part by part. After an error it is broken off: another answer cannot follow."""
    response = web.StreamResponse(headers={"Content-Type": content_type, "X-Accel-Buffering": "no"})
    await response.prepare(request)
    try:
        yield response
    except (ConnectionError, TimeoutError):  # the client is gone
        pass
    except Exception as error:
        if not isinstance(error, KubeError | ConfigError):
            log.exception("%s %s", request.method, request.path)
        if request.transport is not None:
            request.transport.abort()


async def while_connected(request: web.Request, work: Coroutine[Any, Any, None]) -> None:
    """Await ``work``, and cancel it when the client is gone: who has nothing to send does not notice that."""
    tasks = working, _ = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _gone(request: web.Request) -> None:
    while True:
        if request.transport is None:
            return
        await asyncio.sleep(_LOOK)


async def send(response: web.StreamResponse, data: bytes) -> None:
    """Send it piece by piece: what a slow client has not taken yet is not copied. Raises TimeoutError."""
    view = memoryview(data)
    for start in range(0, len(view), _CHUNK):
        async with asyncio.timeout(_PATIENCE):
            await response.write(view[start : start + _CHUNK])
