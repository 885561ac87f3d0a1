"""``GET /api/events``: changes as Server-Sent Events."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from sweep_operator.config.errors import ConfigError
from sweep_operator.ui.board import Board
from sweep_operator.ui.guard import user_of
from sweep_operator.ui.hub import Hub
from sweep_operator.ui.messages import Messages, View
from sweep_operator.ui.requests import require_visible, send, stream
from sweep_operator.ui.source import Key

_HEARTBEAT = 10.0


class EventStreams:
    """The open streams of one server."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self.messages = hub, Messages(hub)
        self._closing = False

    async def close(self, _: web.Application) -> None:
        """End all streams."""
        self._closing = True
        self._hub.wake()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Stream the changes of the list, and of the sweep ``?sweep=namespace/name``."""
        key = _key(request.query.get("sweep"))
        if key is not None:
            await require_visible(request, key)
        await self._hub.until_ready()
        async with self._opened(key) as board, stream(request, "text/event-stream") as response:
            await self._send(request, response, board)
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, board: Board | None) -> None:
        hub, seen, epoch = self._hub, *last_seen(request.headers.get("Last-Event-ID", ""))
        while not self._closing:
            if board is not None:
                await require_visible(request, board.key)  # a permission that was withdrawn ends the stream
            view = View(await user_of(request).visible(hub.namespaces()), board)
            if view.epoch(hub) != epoch:
                seen, epoch = None, view.epoch(hub)
            now = hub.now
            text = self.messages.after(view, seen)
            await send(response, text or b": \n\n")
            seen = now
            await hub.changed(seen, _HEARTBEAT)

    @contextlib.asynccontextmanager
    async def _opened(self, key: Key | None) -> AsyncIterator[Board | None]:
        if key is None:
            yield None
            return
        async with self._hub.opened(key) as board:
            yield board


def _key(sweep: str | None) -> Key | None:
    if not sweep:
        return None
    namespace, slash, name = sweep.partition("/")
    if not slash or not name:
        raise ConfigError(f"sweep: must be namespace/name, got {sweep!r}")
    return Key(namespace, name)


def last_seen(event_id: str) -> tuple[int | None, str]:
    """Pass and view of the last event that the client has received."""
    epoch, _, number = event_id.rpartition("-")
    return (int(number) if number.isdecimal() else None), epoch
