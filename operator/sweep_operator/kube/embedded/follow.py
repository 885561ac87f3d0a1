"""Reads the logs of processes: whole, or the new part of a growing file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sweep_operator.kube.embedded.status import start_of_tail
from sweep_operator.kube.protocol import LogPart


def chunks_of(path: Path, tail: int | None) -> Iterator[bytes]:
    """The file, or its last ``tail`` lines."""
    with path.open("rb") as file:
        if tail is not None:
            file.seek(start_of_tail(file, tail))
        while chunk := file.read(1 << 16):
            yield chunk


def part_of(path: Path, position: str, limit: int, *, last: bool, skip: bool) -> LogPart:
    """The lines after ``position``. A file that has become shorter is read from its beginning."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        begin = int(position) if position.isdecimal() else 0
        begin = 0 if begin > size else begin
        if skip:
            begin = max(begin, size - limit)
        file.seek(begin)
        data = file.read(limit)
        written = path.stat().st_mtime
    end = begin + len(data)
    if end < size or not last:  # progress bars end with a carriage return
        complete = 1 + max(data.rfind(b"\n"), data.rfind(b"\r"))
        data = data if complete == 0 and len(data) == limit else data[:complete]
    text = data.decode(errors="replace")
    return LogPart(text, False, written, str(begin + len(data)), str(size), more=end < size)
