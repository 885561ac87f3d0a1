"""All reports of running pods, those of a pod in one file, until the experiment tracker has them.

A status has room for a few points of a learning curve; the tracker gets every report. A file belongs to this process
or, on one machine, to the directory of the sweep. What is lost is read again from the log, as long as that exists.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sweep_operator.domain.curve import Point

log = logging.getLogger(__name__)

FOLDER = "reports"
"""Name of the directory in that of a sweep on one machine."""
MOST = 20_000
"""Reports of one pod. Of more, every second one is kept, of twice as many every fourth one, and so on."""
MAX_BYTES = 128 << 20
"""Size of all files. Beyond it, those that were written the longest time ago are deleted."""
_WHOLE, _PARTIAL = ".jsonl", ".partial.jsonl"


@dataclass(slots=True)
class _File:
    """What this process has written. reports: those that were given; of these, every ``stride``-th one is kept."""

    size: int = 0
    reports: int = 0
    stride: int = 1


class ReportFiles:
    """The files, by pod uid. Nothing fails without one: the tracker then gets the points of the status."""

    def __init__(self, folder: Path, *, tracked_only: bool = True, max_bytes: int = MAX_BYTES) -> None:
        """``tracked_only``: only of Sweeps with a tracker."""
        self.tracked_only = tracked_only
        self._folder, self._max_bytes = folder, max_bytes
        self._known: dict[str, _File] = {}
        """By name, the one that was written last at the end."""

    def whole(self, pod: str) -> bool:
        """Whether the file has the reports from the beginning of the log on."""
        return self._path(pod + _WHOLE).exists()

    def find(self, pods: Sequence[str]) -> list[Path]:
        """The files of these pods that exist."""
        return [path for pod in pods for end in (_WHOLE, _PARTIAL) if (path := self._path(pod + end)).exists()]

    def begin(self, pod: str) -> None:
        """Begin the file of a log that is read from its beginning."""
        with self._careful(pod + _WHOLE):
            self._write(pod + _WHOLE, [], "a")

    def add(self, pod: str, reports: Sequence[Point]) -> None:
        """Append reports. Repeated ones do no harm."""
        name = pod + (_WHOLE if self.whole(pod) else _PARTIAL)
        with self._careful(name):
            known = self._known.setdefault(name, _File())
            numbered = enumerate(reports, known.reports)
            kept = [json.dumps(point) for number, point in numbered if number % known.stride == 0]
            known.reports += len(reports)
            self._write(name, kept, "a")
            while known.reports > MOST * known.stride:
                known.stride *= 2
                self._write(name, self._path(name).read_text().split("\n")[1::2], "w")

    def lose(self, pod: str) -> None:
        """Note that a part of the log was skipped."""
        before, after = pod + _WHOLE, pod + _PARTIAL
        if self.whole(pod):
            with self._careful(before):
                self._path(before).rename(self._path(after))
                self._known[after] = self._known.pop(before, _File())

    def remove(self, pods: Sequence[str]) -> None:
        """Delete the files of these pods."""
        for path in self.find(pods):
            self._delete(path.name)

    def close(self) -> None:
        """Delete all files."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, name: str, lines: Sequence[str], mode: str) -> None:
        """Each line begins with the line break: a process that is killed while it writes spoils no later line."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path(name).open(mode) as file:
            file.writelines(f"\n{line}" for line in lines)
            size = file.tell()
        self._known[name] = known = self._known.pop(name, _File())
        known.size = size
        while len(self._known) > 1 and sum(file.size for file in self._known.values()) > self._max_bytes:
            self._delete(next(iter(self._known)))

    @contextmanager
    def _careful(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            log.warning("%s: cannot keep the reports of a pod: %s", self._path(name), error)
            self._delete(name)

    def _delete(self, name: str) -> None:
        self._known.pop(name, None)
        with suppress(OSError):
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / os.path.basename(name)


def fresh_folder() -> Path:
    """An empty directory of this process, in one that belongs to this user alone.

    That of an earlier process with its id, in this container, is deleted.
    """
    own = Path(tempfile.gettempdir()) / f"sweep-reports-{os.getuid()}"
    with suppress(FileExistsError):
        own.mkdir(mode=0o700)
    found = own.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        return Path(tempfile.mkdtemp(prefix="sweep-reports-"))  # another user has taken the name
    folder = own / str(os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def read_reports(path: Path) -> Iterator[Point]:
    """The reports of a file. The last line may be incomplete: its writer may have been killed."""
    with path.open() as file:
        for line in file:
            try:
                step, value, seconds, attempt, metrics = json.loads(line)
            except ValueError:
                continue
            known = None if value is None else float(value)
            others = tuple((name, float(number)) for name, number in metrics)
            yield Point(float(step), known, float(seconds), attempt, others)
