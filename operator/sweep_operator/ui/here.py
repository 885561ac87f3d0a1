"""The page on this machine, for its user alone: loopback interface, a token in the URL, the user's browser."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import psutil
from aiohttp import web

from sweep_operator.commands.options import grouped
from sweep_operator.commands.output import echo
from sweep_operator.config.errors import ConfigError
from sweep_operator.http_server import listening
from sweep_operator.report.bundle import require_bundle
from sweep_operator.ui.server import PATIENCE, application
from sweep_operator.ui.serving import Serving

TOKEN = "SWEEP_UI_TOKEN"
"""Environment variable with the token. A page that is open when the server restarts can then continue."""
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Here:
    """Where the page is served and shown."""

    port: int = 0
    """0: a free one."""
    no_browser: bool = False


here_options = grouped(
    "here",
    Here,
    click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on this machine. [a free one]"),
    click.option("--no-browser", is_flag=True, help="Print the URL only."),
)


@asynccontextmanager
async def page_here(
    serving_for: Callable[[str], Serving], port: int = 0, *, loaded: Callable[[], None] = lambda: None
) -> AsyncIterator[str]:
    """Serve while the block runs; yield the URL. Raises ConfigError.

    ``serving_for`` gets the token. ``loaded`` is called when a browser gets the page's document.
    """
    require_bundle()
    token = os.environ.get(TOKEN) or secrets.token_urlsafe(32)
    page = application(serving_for(token))

    async def notice(request: web.Request, response: web.StreamResponse) -> None:
        if request.path == "/" and response.status < 400:
            loaded()

    page.on_response_prepare.append(notice)
    async with contextlib.AsyncExitStack() as stack:
        try:
            chosen = await stack.enter_async_context(listening(page, _LOOPBACK, port, patience=PATIENCE))
        except OSError as error:
            reason = error.strerror if error.errno is None else os.strerror(error.errno)
            raise ConfigError(f"--port {port}: {reason}; choose another port, or omit --port") from None
        yield f"http://{_LOOPBACK}:{chosen}/#token={token}"


async def show_page(serving_for: Callable[[str], Serving], here: Here, what: str) -> None:
    """Serve until Ctrl-C. On a terminal, open the browser. ``what``: what the page shows. Raises ConfigError."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    file = _BrowserFile()
    try:
        async with page_here(serving_for, here.port, loaded=file.remove) as url:
            echo(f"{what} Press Ctrl-C to stop.")
            echo(url)
            if not here.no_browser and sys.stdout.isatty() and _has_display():
                file.open(url)
            await stopped.wait()
    finally:
        file.remove()


def _has_display() -> bool:
    """Whether a browser has a window to open. One without a window would take the terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class _BrowserFile:
    """Passes the URL to the browser: other users can see the arguments of processes, and so the token.

    The file is in the home directory, because some browsers cannot read temporary and hidden files. It contains the
    token, so it exists only until the browser has loaded the page.
    """

    _NAME = "sweep-page-{}.html"

    def __init__(self) -> None:
        self._path: Path | None = None

    def open(self, url: str) -> None:
        """Open the URL in the browser."""
        try:
            folder = Path.home()
            self._remove_orphans(folder)
            path = folder / self._NAME.format(os.getpid())
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
                self._path = path
                handle.write(
                    f'<!doctype html><meta http-equiv="refresh" content="0; url={url}"><a href="{url}">Open</a>\n'
                )
        except (OSError, RuntimeError):  # the home directory is read-only, or unknown: the URL is printed
            return
        # The commands of some browsers last until the browser is closed. Meanwhile the server must answer it.
        threading.Thread(target=webbrowser.open, args=(path.as_uri(),), daemon=True).start()

    def remove(self) -> None:
        """Remove the file, if there is one."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _remove_orphans(self, folder: Path) -> None:
        """Remove the files of processes that were killed. One of them may have had the id of this process."""
        for path in folder.glob(self._NAME.format("*")):
            pid = path.stem.rpartition("-")[2]
            if pid.isdecimal() and (int(pid) == os.getpid() or not psutil.pid_exists(int(pid))):
                path.unlink(missing_ok=True)
