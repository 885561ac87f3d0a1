"""Processes that work with the SDK: how one begins, what it says last, how it ends with all that the SDK has started.

wandb-core has a session of its own, so that no process group holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

_LOG = "log"


async def start(
    module: str, folder: Path, environ: Mapping[str, str], *, line_limit: int
) -> asyncio.subprocess.Process:
    """``python -m module`` in ``folder``, spoken to by its pipes; its errors go to a file there.

    ``line_limit``: bytes.
    """
    with (folder / _LOG).open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=line_limit,
            cwd=folder,  # where the SDK looks for settings
            env=environ,
            start_new_session=True,  # a Ctrl-C at the terminal is for us to handle
        )


def last_words(folder: Path, environ: Mapping[str, str]) -> str:
    """The last line of its errors, without the key; empty if there is none."""
    lines = (folder / _LOG).read_text(errors="replace").strip().splitlines()
    words = lines[-1] if lines else ""
    key = environ.get("WANDB_API_KEY")
    return (words.replace(key, "***") if key else words)[:300]


def children(pid: int) -> list[psutil.Process]:
    """All that the process has started and that live; none when it is gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def kill(processes: Sequence[psutil.Process]) -> None:
    """Each of them, if it is still the one that it was."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def kill_family(pid: int) -> None:
    """The processes that it has started, and then itself."""
    kill(children(pid))
    with contextlib.suppress(psutil.Error):
        psutil.Process(pid).kill()
