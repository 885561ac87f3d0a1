"""The processes that the SDK starts: wandb-core has a session of its own, so that no process group holds it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import psutil


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
