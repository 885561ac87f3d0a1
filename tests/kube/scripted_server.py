"""An HTTP server that answers as it is told, for what a real API server does only in trouble; and a clock to match."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from sweep_operator.kube.cluster.client import ClientOptions, ClusterKube
from sweep_operator.kube.cluster.connection import Connection
from sweep_operator.kube.cluster.retry import Retry
from sweep_operator.kube.cluster.sources import Kubeconfig, Source
from sweep_operator.kube.cluster.transport import Transport
from sweep_operator.pacing import AdaptiveBucket

SECRET = "s3cr3t-t0k3n"


@dataclass(frozen=True)
class Reply:
    """One answer. ``lost``: the connection is cut instead; ``hang``: nothing comes at all."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    trouble: Literal["lost", "hang"] | None = None
    chunks: Sequence[bytes] | None = None
    """Sent one by one instead of ``body``; what follows a cut comes never."""
    cut: bool = False


def status(code: int, reason: str, message: str, **more: Any) -> dict[str, Any]:
    """The JSON with which API servers refuse."""
    return {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message, **more}


def obj(name: str, version: int = 7) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", "resourceVersion": str(version)}}


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


class ScriptedServer:
    """Answers with its replies in turn; the last one stays."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.seen = deque(replies), list[Seen]()
        self.port = 0
        self._over = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        body = json.loads(text) if text else None
        self.seen.append(Seen(request.method, request.path, dict(request.query), dict(request.headers), body))
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        if reply.trouble == "hang":
            await self._over.wait()
        if reply.trouble == "lost":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if reply.chunks is not None:
            return await self._stream(request, reply)
        if isinstance(reply.body, (dict, list)):
            return web.json_response(reply.body, status=reply.status, headers=reply.headers)
        return web.Response(text=reply.body, status=reply.status, headers=reply.headers)

    async def _stream(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        await response.prepare(request)
        for chunk in reply.chunks or ():
            await response.write(chunk)
        if reply.cut:
            assert request.transport is not None
            request.transport.abort()
        return response


class FakeTime:
    """Passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()
        self.meanwhile: Callable[[], Any] = lambda: None

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        happens = self.meanwhile()
        if asyncio.iscoroutine(happens):
            await happens


def write_kubeconfig(path: Path, server: str, **user: Any) -> Path:
    """A kubeconfig with one context, called ``c``."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user or {"token": SECRET}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    path.write_text(json.dumps(config))
    return path


async def cluster_kube(
    source: Source | Path,
    time: FakeTime,
    *,
    timeout: float = 20.0,
    **options: Any,
) -> ClusterKube:
    """A ClusterKube whose waiting takes no time. ``options``: of ClientOptions."""
    given = ClientOptions(**{"qps": 1000.0, "burst": 1000, **options})
    source = Kubeconfig(str(source)) if isinstance(source, Path) else source
    transport = Transport(
        await Connection.open(source, clock=time.clock),
        AdaptiveBucket(given.qps, given.burst, clock=time.clock, sleep=time.sleep),
        Retry(clock=time.clock, sleep=time.sleep, rand=lambda: 1.0),
        timeout=timeout,
        on_request=given.on_request,
    )
    return ClusterKube(transport, given)
