"""An HTTP server for as long as a block runs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiohttp import web


@contextlib.asynccontextmanager
async def listening(app: web.Application, host: str, port: int, *, patience: float = 60.0) -> AsyncIterator[int]:
    """Serve on ``port`` (0: any free port) while the block runs; yield the port. Raises OSError.

    ``patience``: seconds at the end that open requests get.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=patience)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
