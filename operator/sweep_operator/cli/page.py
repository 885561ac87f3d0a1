"""The page of a runs directory, served from this process."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from sweep_operator.commands.options import DEFAULT_RUNS_DIR
from sweep_operator.config.errors import ConfigError
from sweep_operator.ui.guard import OneToken
from sweep_operator.ui.machine import LocalUser, RunsDirectory
from sweep_operator.ui.server import Serving, application, listening, require_bundle
from sweep_operator.views.page.models import Server

TOKEN = "SWEEP_UI_TOKEN"
"""Environment variable with the token. A page that is open when the server restarts can then continue."""
_LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def machine_page(runs_dir: Path, *, writes: bool, port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs, on the loopback interface only; yield the URL. Raises ConfigError."""
    require_bundle()
    source, token = RunsDirectory(runs_dir), os.environ.get(TOKEN) or secrets.token_urlsafe(32)
    user = LocalUser(source, runs_dir, writes=writes)
    server = Server(mode="machine", write=writes, version=version("sweep-operator"), command="sweep", models=False)
    where = [] if runs_dir == DEFAULT_RUNS_DIR else ["--runs-dir", str(runs_dir)]
    serving = Serving(server, source, OneToken(token, user), where=lambda namespace: where)
    try:
        async with listening(application(serving), _LOOPBACK, port) as chosen:
            yield f"http://{_LOOPBACK}:{chosen}/#token={token}"
    except OSError as error:
        if error.errno is None or port == 0:
            raise
        raise ConfigError(f"--port {port}: {os.strerror(error.errno)}; choose another port, or omit --port") from None
