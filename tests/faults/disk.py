"""A small disk that can be filled: a tmpfs, or for users who may not mount one a limit of the size of files."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEGABYTES = 24
"""The log of the state's database grows to 4 MB."""


class Disk:
    """``folder`` is on the disk. Without a mount, only the writes of ``processes`` fail."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.folder, self._mounted = folder, mounted
        self.processes: list[int] = []
        self.error = os.strerror(errno.ENOSPC if mounted else errno.EFBIG)

    def fill(self) -> None:
        if self._mounted:
            with (self.folder / "filler").open("wb", buffering=0) as file:
                try:
                    while file.write(b"\0" * 4096):
                        pass
                except OSError:
                    return
        self._limit(0)

    def free(self) -> None:
        if self._mounted:
            (self.folder / "filler").unlink()
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for process in self.processes if not self._mounted else ():
            with suppress(ProcessLookupError):
                resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "sweep-test", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield Disk(folder, mounted=mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
