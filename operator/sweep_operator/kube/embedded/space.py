"""Work pauses while nothing can be written to the disk, and continues when there is space again."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sweep_operator.kube.protocol import Unavailable

T = TypeVar("T")
POLL_SECONDS = 0.5
PROBE_BYTES = 64 * 1024
"""So much must fit before work continues. With less, the next write would fail again."""
_LASTING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Only a person can resolve these errors of a write."""
_NO_SPACE = os.strerror(errno.ENOSPC)


class DiskFull(Unavailable):
    """Nothing can be written below ``folder``."""

    def __init__(self, folder: Path, reason: str = _NO_SPACE) -> None:
        remedy = "free space on this disk" if reason == _NO_SPACE else "make this directory writable"
        super().__init__(f"{folder}: {reason}; {remedy}")
        self.folder, self.reason = folder, reason


def disk_full(error: OSError, folder: Path) -> DiskFull | None:
    """The error of a file on a full disk, or None. ``folder``: where, if the error does not name the file."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    return DiskFull(folder if error.filename is None else Path(error.filename).parent)


def has_space(folder: Path) -> bool:
    """Whether a small file can be written. A missing folder is created by the work that needs it."""
    probe = folder / f".space-{os.getpid()}"
    try:
        probe.write_bytes(b"\0" * PROBE_BYTES)
    except OSError as error:
        return error.errno not in _LASTING
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    return True


class Space:
    """The disk of one sweep. Not ``patient`` (at the start and at the end of the session), DiskFull is raised."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting = 0
        self._impatient = asyncio.Event()
        self._impatient.set()
        self.problem = ""
        """Why work pauses; empty: it does not."""

    def be_patient(self, patient: bool) -> None:
        """Whether work waits for space."""
        (self._impatient.clear if patient else self._impatient.set)()

    async def patiently(self, work: Callable[[], T]) -> T:
        """Call ``work`` until it succeeds. Raises DiskFull."""
        while True:
            try:
                return work()
            except DiskFull as error:
                await self.wait(error)

    async def ready(self, folder: Path) -> None:
        """Wait until there is space in ``folder``. Raises DiskFull."""
        if not has_space(folder):
            await self.wait(DiskFull(folder))

    async def wait(self, error: DiskFull) -> None:
        """Wait until there is space again. Raises ``error`` instead of waiting if not patient."""
        self._waiting += 1
        inside = error.folder.is_relative_to(self._folder)
        self.problem = str(DiskFull(self._folder, error.reason) if inside else error)  # one text, whoever waits first
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._impatient.wait()
                    raise error
                if has_space(error.folder):
                    return
        finally:
            self._waiting -= 1
            if not self._waiting:
                self.problem = ""
