"""The page's server: static files, the data as JSON, changes as Server-Sent Events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from sweep_operator.kube.protocol import Unavailable
from sweep_operator.report.bundle import BUNDLE, require_bundle
from sweep_operator.ui.actions import Actions
from sweep_operator.ui.board import to_bytes
from sweep_operator.ui.errors import answer_errors
from sweep_operator.ui.guard import FILES, add_headers, guard, user_of
from sweep_operator.ui.hub import Hub
from sweep_operator.ui.messages import Messages
from sweep_operator.ui.requests import allowed_sweep, json_answer, json_body
from sweep_operator.ui.runs import RunPages
from sweep_operator.ui.serving import Serving
from sweep_operator.ui.stream import EventStreams
from sweep_operator.views.page.explanations import ASK

_LONGEST_BODY = 1 << 20
PATIENCE = 2.0
"""Seconds that open requests get when the server ends."""


def application(serving: Serving) -> web.Application:
    """The server. It reads the source while it runs."""
    app = web.Application(
        middlewares=[answer_errors, guard(serving.users, serving.hosts)], client_max_size=_LONGEST_BODY
    )
    app.on_response_prepare.append(add_headers)
    hub = Hub(serving.source)
    streams = EventStreams(hub)

    async def reading(_: web.Application) -> AsyncIterator[None]:
        async with hub.running():
            yield
        if serving.explainer is not None:
            await serving.explainer.close()

    app.cleanup_ctx.append(reading)
    app.on_shutdown.append(streams.close)
    app.add_routes(_Documents(serving, hub, streams.messages).routes())
    pages = RunPages(hub, serving.source)
    app.add_routes([web.get("/api/events", streams.answer), *pages.routes(), Actions(serving, hub, pages).route()])
    return app


class _Documents:
    """The answers that are one document."""

    def __init__(self, serving: Serving, hub: Hub, messages: Messages) -> None:
        self._serving, self._hub, self._messages = serving, hub, messages

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        sweep = "/api/sweeps/{namespace}/{name}"
        return [
            web.get("/healthz", _alive),
            web.get("/readyz", self._ready),
            *(web.get(path, _file) for path in FILES),
            web.get("/api/server", self._server),
            web.get("/api/sweeps", self._sweeps),
            web.get(sweep, self._page),
            web.get(f"{sweep}/curves", self._curves),
            web.post(f"{sweep}/explain", self._explain),
        ]

    async def _ready(self, _: web.Request) -> web.Response:
        if not self._hub.ready:
            raise Unavailable(self._hub.waits_for)
        return web.Response(text="ok")

    async def _server(self, _: web.Request) -> web.Response:
        return json_answer(to_bytes(self._serving.server))

    async def _sweeps(self, request: web.Request) -> web.Response:
        await self._hub.until_ready()
        visible = await user_of(request).visible(self._hub.namespaces())
        return json_answer(self._messages.sweep_list(visible))

    async def _page(self, request: web.Request) -> web.Response:
        key = await allowed_sweep(request)
        async with self._hub.opened_existing(key) as board:
            return json_answer(self._messages.page(board))

    async def _curves(self, request: web.Request) -> web.Response:
        key = await allowed_sweep(request)
        names = request.query.get("runs")
        async with self._hub.opened_existing(key) as board:
            return json_answer(self._messages.curves(board, None if names is None else names.split(",")))

    async def _explain(self, request: web.Request) -> web.Response:
        key, body = await allowed_sweep(request), await json_body(request)
        if self._serving.explainer is None:
            raise Unavailable("this server does not answer questions about the model")
        await self._hub.until_ready()
        ask = ASK.validate_json(body)
        return json_answer(to_bytes(await self._serving.explainer.answer(key, ask, user_of(request))))


async def _alive(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _file(request: web.Request) -> web.StreamResponse:
    require_bundle()
    name = request.path.removeprefix("/") or "index.html"
    return web.FileResponse(BUNDLE / name, headers={"Cache-Control": "no-cache"})
