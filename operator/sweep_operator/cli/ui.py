"""``sweep ui``: the page of the sweeps on this machine.

The server is imported when it starts: --help does not need it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import click

from sweep_operator.commands.options import DEFAULT_RUNS_DIR, runs_dir
from sweep_operator.commands.output import echo


@click.command()
@runs_dir(DEFAULT_RUNS_DIR)
@click.option("--write", is_flag=True, help="Allow changes: add, retry, stop, suspend, resume, limits.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the loopback interface. [a free one]")
@click.option("--no-browser", is_flag=True, help="Print the URL only.")
def ui(runs_dir: Path, write: bool, port: int, no_browser: bool) -> None:
    """Show the sweeps of this machine in a browser, as they change.

    Only this machine can open the URL. Whoever has it sees everything in the directory, so do not pass it on.
    """
    asyncio.run(_serve(runs_dir, write, port, browser=not no_browser and sys.stdout.isatty()))


async def _serve(runs_dir: Path, write: bool, port: int, *, browser: bool) -> None:
    from sweep_operator.cli.page import machine_page

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with machine_page(runs_dir, writes=write, port=port) as url:
        rights = "changes are allowed" if write else "read-only; --write allows changes"
        echo(f"The sweeps of {runs_dir} ({rights}). Press Ctrl-C to stop.")
        echo(url)
        with _opened(url, runs_dir) if browser and _has_display() else contextlib.nullcontext():
            await stopped.wait()


def _has_display() -> bool:
    """Whether a browser has a window to open. In a terminal, one without would take the terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextlib.contextmanager
def _opened(url: str, folder: Path) -> Iterator[None]:
    """Open the URL in the browser, by a file: other users can see the arguments of processes, and so the token.

    The file is in the runs directory, because some browsers cannot read temporary files.
    """
    file = folder.resolve() / f"page-{os.getpid()}.html"
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(
                f'<!doctype html><meta http-equiv="refresh" content="0; url={url}"><a href="{url}">{url}</a>\n'
            )
    except OSError:  # such as a directory of another user; the URL is printed
        yield
        return
    try:
        webbrowser.open(file.as_uri())
        yield
    finally:
        file.unlink(missing_ok=True)
