"""The log files of a run on this machine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweep_operator.commands.logs import LOG_STAGES, is_over, title_of
from sweep_operator.commands.place import LogOptions, StageLog
from sweep_operator.config.errors import ConfigError
from sweep_operator.kube.embedded.status import start_of_tail
from sweep_operator.kube.protocol import Kind, NotFound, Object
from sweep_operator.kube.state_file import is_locked, read_objects
from sweep_operator.machine.resume import resume_command
from sweep_operator.machine.stored import STATE, StoredSweep
from sweep_operator.views.tables import run_name

_FILE = re.compile(r"(train|eval)-([0-9]+)(?:-([0-9]+))?\.log")
_POLL = 0.25
"""Seconds between looks at a file that has not grown."""


@dataclass(frozen=True)
class FileLog:
    """One log file."""

    stage: str
    attempt: int
    rank: int
    path: Path
    over = True
    """It has already been written, as far as its program has come."""
    waits_for = ""

    @property
    def place(self) -> tuple[int, int, str]:
        """Sort key in order of execution."""
        return LOG_STAGES.index(self.stage), self.attempt, ""

    @property
    def title(self) -> str:
        """``train, attempt 2``."""
        return title_of(self.stage, self.attempt)

    @property
    def name(self) -> str:
        """Path of the file."""
        return str(self.path)

    def started(self, container: str) -> bool:
        """The file is created when the program starts."""
        return True


class FileLogs:
    """The logs of one run, and what the state file says about it."""

    noun = "log"
    lost = "its program did not start, or its directory was deleted"

    def __init__(self, stored: StoredSweep, run: Object) -> None:
        self._directory, self._run = stored.directory, run

    async def run(self) -> Object:
        """The SweepRun, read again."""
        uid, name = self._run["metadata"]["uid"], run_name(self._run, object_names=False)
        found = read_objects(self._directory / STATE, (Kind.SWEEP_RUN,), uid=uid)
        if not found:
            raise ConfigError(f"run {name} was deleted")
        self._run = found[0]
        return self._run

    async def logs(self, wanted: LogOptions) -> Sequence[FileLog]:
        """The log files of the requested stage, attempt and rank, in order of execution. Raises OSError."""
        try:
            files = list(self._folder.iterdir())
        except FileNotFoundError:
            return []
        found = [
            FileLog(match[1], int(match[2]), int(match[3] or 0), path)
            for path in files
            if (match := _FILE.fullmatch(path.name)) is not None
        ]
        wished = (
            log
            for log in found
            if log.rank == wanted.rank and wanted.stage in (None, log.stage) and wanted.attempt in (None, log.attempt)
        )
        return sorted(wished, key=lambda log: log.place)

    async def read(self, log: StageLog, wanted: LogOptions) -> AsyncIterator[bytes]:
        """The bytes of a file; to follow: until its attempt ends. Raises NotFound, OSError."""
        assert isinstance(log, FileLog)
        try:
            file = log.path.open("rb")
        except FileNotFoundError:
            raise NotFound("the file was deleted") from None
        with file:
            if wanted.tail is not None:
                file.seek(start_of_tail(file, wanted.tail))
            over = not wanted.follow
            while True:
                while chunk := file.read(1 << 16):
                    yield chunk
                if over:
                    return
                over = await self._is_over(log)
                await asyncio.sleep(0 if over else _POLL)

    def stalled(self) -> str:
        """Without a process, no further attempt begins."""
        if is_locked(self._directory / STATE):
            return ""
        return f"no process runs its sweep; to resume it, run: {resume_command(self._directory)}"

    async def _is_over(self, log: FileLog) -> bool:
        """Whether the program that writes the file has ended."""
        if is_over(await self.run(), LogOptions(log.stage, log.attempt, log.rank, None, follow=True)):
            return True
        supervised = is_locked(log.path.with_name(f".{log.path.name}"))
        return not supervised and not is_locked(self._directory / STATE)

    @property
    def _folder(self) -> Path:
        return self._directory / "runs" / run_name(self._run, object_names=False) / "logs"
