"""The server's HTTP side: routes, keys, the log of requests, and the place where faults strike."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import threading
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.wandb_stub import execution
from tests.wandb_stub.faults import Fault, Faults
from tests.wandb_stub.file_stream import receive
from tests.wandb_stub.records import Account, Refused
from tests.wandb_stub.request import Request
from tests.wandb_stub.state import State


@dataclass(frozen=True)
class Seen:
    """One request, as it came in."""

    at: float
    method: str
    path: str
    route: str
    operation: str
    username: str | None
    body: Any
    fault: str | None
    user_agent: str


@dataclass(frozen=True)
class Rejected:
    """A GraphQL request that the schema does not know: the stub lacks something, or the client sends nonsense."""

    query: str
    reason: str


class Dropped(Exception):
    """The connection is cut without an answer."""


class App:
    """Everything behind the socket."""

    def __init__(
        self, state: State, faults: Faults, *, features: frozenset[str], max_page: int, latency: float
    ) -> None:
        self.state, self.faults = state, faults
        self.features, self.max_page, self.latency = features, max_page, latency
        self.seen = list[Seen]()
        self.came = threading.Condition()
        """Told of every request."""
        self.rejected = list[Rejected]()
        self.errors = list[BaseException]()
        """Defects of the stub itself."""
        self._open = set[asyncio.Transport]()

    def web_application(self) -> web.Application:
        app = web.Application(client_max_size=2**28)
        app.router.add_post("/graphql", self._graphql)
        app.router.add_post("/files/{entity}/{project}/{run}/file_stream", self._file_stream)
        app.router.add_put("/stored/{path:.+}", self._upload)
        app.router.add_get("/stored/{path:.+}", self._download)
        app.router.add_route("*", "/sdk/otel/{path:.*}", self._otel)
        return app

    def cut_connections(self) -> None:
        """Nobody who waits gets an answer."""
        for transport in list(self._open):
            transport.abort()

    # -- routes --------------------------------------------------------------------------------------------------------

    async def _graphql(self, http: web.Request) -> web.StreamResponse:
        body = await _json(http)
        query = str(body.get("query") or "")
        document = execution.read(query)
        if isinstance(document, str):
            self.rejected.append(Rejected(query, document))

        async def answer() -> web.Response:
            if isinstance(document, str):
                return _refusal(400, document)
            account = self._account(http)
            base = f"{http.scheme}://{http.host}"
            request = Request(self.state, account, base, self.features, self.max_page)
            result = execution.execute(document, body.get("variables") or {}, request)
            return web.json_response(result.body, status=result.status)

        return await self._handle(http, "graphql", execution.name_of(query), body, answer)

    async def _file_stream(self, http: web.Request) -> web.StreamResponse:
        body = await _json(http)

        async def answer() -> web.Response:
            account = self._account(http)
            info = http.match_info
            with self.state.lock:
                stopped = receive(self.state, account, info["entity"], info["project"], info["run"], body)
            return web.json_response({"stopped": True} if stopped else {})

        return await self._handle(http, "file_stream", "file_stream", body, answer)

    async def _upload(self, http: web.Request) -> web.StreamResponse:
        content = await http.read()

        async def answer() -> web.Response:
            self.state.put_file(http.match_info["path"], content)
            return web.Response()

        return await self._handle(http, "upload", "upload", None, answer)

    async def _download(self, http: web.Request) -> web.StreamResponse:
        async def answer() -> web.Response:
            content = self.state.file(http.match_info["path"])
            if content is None:
                raise Refused(404, f"file {http.match_info['path']} not found")
            return web.Response(body=content)

        return await self._handle(http, "download", "download", None, answer)

    async def _otel(self, http: web.Request) -> web.StreamResponse:
        await http.read()

        async def answer() -> web.Response:
            return web.Response(status=404)

        return await self._handle(http, "otel", "otel", None, answer)

    # -- what every request goes through -------------------------------------------------------------------------------

    async def _handle(
        self, http: web.Request, route: str, operation: str, body: Any, answer: Callable[[], Awaitable[web.Response]]
    ) -> web.StreamResponse:
        if http.transport is None:
            raise asyncio.CancelledError
        self._open.add(http.transport)
        try:
            return await self._strike(http, route, operation, body, answer)
        finally:
            self._open.discard(http.transport)

    async def _strike(
        self, http: web.Request, route: str, operation: str, body: Any, answer: Callable[[], Awaitable[web.Response]]
    ) -> web.StreamResponse:
        text = f"{http.path} {json.dumps(body) if body is not None else ''}"
        fault = self.faults.take(operation, route, text)
        account = self.state.accounts.get(_key(http) or "")
        name, agent = account.username if account else None, http.headers.get("User-Agent", "")
        struck = fault.name if fault else None
        with self.came:
            self.seen.append(Seen(time.time(), http.method, http.path, route, operation, name, body, struck, agent))
            self.came.notify_all()
        if self.latency:
            await asyncio.sleep(self.latency)
        try:
            return await self._answer(answer, fault)
        except Dropped:
            if http.transport is not None:
                http.transport.abort()
            raise asyncio.CancelledError from None
        except Refused as refused:
            return _refusal(refused.status, str(refused))
        except Exception as error:
            self.errors.append(error)
            return _refusal(500, f"defect of the test server: {error!r}")

    async def _answer(self, answer: Callable[[], Awaitable[web.Response]], fault: Fault | None) -> web.Response:
        if fault is None:
            return await answer()
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            return await answer()
        if fault.commits:
            response = await answer()
            if response.status >= 400:
                return response  # nothing was committed, nothing can be lost
        if fault.kind.endswith("hang"):
            await asyncio.sleep(fault.seconds)
            raise Dropped
        if fault.kind.endswith("drop"):
            raise Dropped
        if fault.kind == "garbage":
            return web.Response(body=b'{"data": {', content_type="application/json")
        return _refusal(fault.code, f"injected {fault.name}", fault.sent)

    def _account(self, http: web.Request) -> Account | None:
        """The key's account; None without a key.

        Raises:
            Refused: the key is none of ours.
        """
        key = _key(http)
        if key is None:
            return None
        if key not in self.state.accounts:
            raise Refused(401, "user is not logged in")
        return self.state.accounts[key]


def _key(http: web.Request) -> str | None:
    scheme, _, credentials = http.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    return base64.b64decode(credentials).decode().partition(":")[2]


async def _json(http: web.Request) -> dict[str, Any]:
    content = await http.read()
    if http.headers.get("Content-Encoding") == "gzip" and content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    elif http.headers.get("Content-Encoding") == "deflate":
        content = zlib.decompress(content)
    body: dict[str, Any] = json.loads(content or b"{}")
    return body


def _refusal(status: int, message: str, headers: Any = None) -> web.Response:
    return web.json_response({"errors": [{"message": message}]}, status=status, headers=headers)
