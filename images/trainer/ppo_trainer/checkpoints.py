"""Checkpoints of a training: ``<run_dir>/checkpoints/step_<timesteps>.zip``, written atomically."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ppo_trainer.atomic import replacing

_NAME = re.compile(r"step_(\d+)\.zip")
KEPT = 2
"""The newest one, and the one before it in case the newest is damaged."""


@dataclass(frozen=True)
class Checkpoint:
    """A saved model and the environment steps it has learned from."""

    path: Path
    timesteps: int


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, run_dir: Path) -> None:
        self.directory = run_dir / "checkpoints"

    def save(self, timesteps: int, write: Callable[[Path], None]) -> Checkpoint:
        """Let ``write`` fill a file, make it a checkpoint, and remove all but the newest."""
        path = self.directory / f"step_{timesteps:012d}.zip"
        with replacing(path) as partial:
            write(partial)
        for old in list(self)[KEPT:]:
            old.path.unlink(missing_ok=True)
        return Checkpoint(path, timesteps)

    def __iter__(self) -> Iterator[Checkpoint]:
        """Newest first, damaged ones included."""
        found = [(int(match.group(1)), path) for path in self._files() if (match := _NAME.fullmatch(path.name))]
        return (Checkpoint(path, timesteps) for timesteps, path in sorted(found, reverse=True))

    def valid(self) -> Iterator[Checkpoint]:
        """Newest first, without truncated or damaged archives."""
        return (checkpoint for checkpoint in self if is_whole(checkpoint.path))

    def clear(self) -> None:
        """Remove all. Otherwise a later attempt of a restarted training would resume from them."""
        for checkpoint in self:
            checkpoint.path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return list(self.directory.iterdir()) if self.directory.is_dir() else []


def is_whole(path: Path) -> bool:
    """Whether every member of the archive has the checksum that it was written with."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
