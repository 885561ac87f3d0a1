"""The command that resumes a sweep of this machine, kept in the sweep's directory."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from sweep_operator.kube.atomic_file import write_atomically

RESUME = "resume.txt"


def write_resume_command(directory: Path, words: Sequence[str]) -> None:
    """Keep ``words`` as the command that continues the sweep from the current directory."""
    text = f"{_change_directory()}{shlex.join(words)}\n"
    write_atomically(directory / RESUME, text)


def resume_command(directory: Path) -> str:
    """The command, or a hint for a sweep that an older version ran."""
    try:
        text = (directory / RESUME).read_text(encoding="utf-8").strip()
    except OSError:
        return "the same `sweep run` command as before"
    return text.removeprefix(_change_directory())


def _change_directory() -> str:
    return f"cd {shlex.quote(os.getcwd())} && "
