"""Ending a process that uses the SDK, and wandb-core with it, which would go on trying for days."""

from __future__ import annotations

import psutil


def kill_family(pid: int) -> None:
    """The process and those it has started: wandb-core has a session of its own, so its group is another."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return
    for member in family:
        try:
            member.kill()
        except psutil.Error:
            continue
