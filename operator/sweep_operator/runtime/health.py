"""HTTP endpoints: liveness (/healthz), readiness (/readyz) and /metrics."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sweep_operator.engine.engine import Engine
from sweep_operator.http_server import listening
from sweep_operator.runtime.metrics import Metrics


@dataclass
class Health:
    """State behind the probes. An unreachable API server does not fail liveness: a restart would not help."""

    engine: Engine
    monotonic: Callable[[], float]
    audit_seconds: float
    optimizer_overdue: Callable[[], float] = lambda: 0.0
    """Seconds by which the optimizer process has exceeded its time limit."""
    stuck_seconds: float = 600.0
    leading: bool = False
    last_audit: float | None = None
    """Monotonic time at which the last resync ended, successful or not."""
    listed: bool = False
    """Whether everything was read that the first passes need."""

    def problems(self) -> list[str]:
        """Why the process should be restarted."""
        found = []
        if self.engine.queue.oldest_age > self.stuck_seconds:
            found.append(f"a Sweep has waited for {self.engine.queue.oldest_age:.0f} s: the reconcile loop is stuck")
        if self.optimizer_overdue() > self.stuck_seconds:
            found.append(f"the optimizer has exceeded its time limit by {self.optimizer_overdue():.0f} s")
        if self.leading and self.last_audit is not None:
            age = self.monotonic() - self.last_audit
            if age > self.audit_seconds + self.stuck_seconds:
                found.append(f"the last resync was {age:.0f} s ago")
        return found

    def waits_for(self) -> str | None:
        """Why the process is not ready yet."""
        if not self.leading:
            return "another replica is the leader"
        return None if self.listed else "the Sweeps are being read"


@contextlib.asynccontextmanager
async def serve(
    health: Health, metrics: Metrics, host: str, port: int, *, token_file: Path | None = None
) -> AsyncIterator[int]:
    """Serve on ``port`` (0: any free port) while the block runs; yield the port. Raises OSError.

    ``token_file``: the bearer token that /metrics requires. It is read at each request, so it can be rotated.
    """

    async def healthz(_: web.Request) -> web.Response:
        found = health.problems()
        return web.Response(status=500 if found else 200, text="; ".join(found) or "ok")

    async def readyz(_: web.Request) -> web.Response:
        waits = health.waits_for()
        return web.Response(status=503 if waits else 200, text=waits or "ok")

    async def prometheus(request: web.Request) -> web.Response:
        if token_file is not None and not _has_token(request, token_file):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"}, text="a bearer token is required")
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", prometheus)])
    async with listening(app, host, port) as chosen:
        yield chosen


def _has_token(request: web.Request, token_file: Path) -> bool:
    """Whether the request has the token of the file. Raises HTTPServiceUnavailable if the file cannot be read."""
    try:
        expected = token_file.read_bytes().strip()
    except OSError as error:
        raise web.HTTPServiceUnavailable(text=f"--metrics-token-file: {error}") from None
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return bool(expected) and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), expected)
