"""The page on this machine, for its user alone: loopback interface, a token in the URL, the user's browser."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click

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
async def page_here(serving_for: Callable[[str], Serving], port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs; yield the URL. ``serving_for`` gets the token. Raises ConfigError."""
    require_bundle()
    token = os.environ.get(TOKEN) or secrets.token_urlsafe(32)
    async with contextlib.AsyncExitStack() as stack:
        try:
            chosen = await stack.enter_async_context(
                listening(application(serving_for(token)), _LOOPBACK, port, patience=PATIENCE)
            )
        except OSError as error:
            reason = error.strerror if error.errno is None else os.strerror(error.errno)
            raise ConfigError(f"--port {port}: {reason}; choose another port, or omit --port") from None
        yield f"http://{_LOOPBACK}:{chosen}/#token={token}"


async def show_page(serving_for: Callable[[str], Serving], here: Here, what: str) -> None:
    """Serve until Ctrl-C. On a terminal, open the browser. ``what``: what the page shows. Raises ConfigError."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with page_here(serving_for, here.port) as url:
        echo(f"{what} Press Ctrl-C to stop.")
        echo(url)
        shown = not here.no_browser and sys.stdout.isatty() and _has_display()
        with _opened(url) if shown else contextlib.nullcontext():
            await stopped.wait()


def _has_display() -> bool:
    """Whether a browser has a window to open. One without a window would take the terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextlib.contextmanager
def _opened(url: str) -> Iterator[None]:
    """Open the URL in the browser, by a file: other users can see the arguments of processes, and so the token.

    The file is in the home directory, because some browsers cannot read temporary and hidden files.
    """
    file = Path.home() / f"sweep-page-{os.getpid()}.html"
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={url}"><a href="{url}">Open</a>\n')
    except OSError:  # the URL is printed
        yield
        return
    try:
        webbrowser.open(file.as_uri())
        yield
    finally:
        file.unlink(missing_ok=True)
