"""Reads what ``wandb`` wrote offline: ``offline-run-*/run-ID.wandb``.

The file is a header of seven bytes and a LevelDB log: blocks of 32 KiB, records cut into fragments, each with a
checksum, its length and its place (full, first, middle, last). A record is a protobuf of the SDK.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BLOCK = 32 * 1024
MAGIC = b":W&B"
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass
class OfflineRun:
    """A run as it was written; ``config`` holds plain values."""

    path: Path
    id: str = ""
    entity: str = ""
    project: str = ""
    display_name: str = ""
    group: str = ""
    job_type: str = ""
    sweep: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    exit_code: int | None = None
    """None: the run did not finish."""


def fragments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The fragments of a log: their kind and data; a fragment that was cut off at the end is left out.

    Raises:
        ValueError: this is no such log, or a checksum is wrong.
    """
    if content[:4] != MAGIC:
        raise ValueError(f"no .wandb file: it starts with {content[:4]!r}")
    at = 7
    while at + 7 <= len(content):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left  # a header never crosses a block's end
            continue
        checksum, length, kind = struct.unpack_from("<IHB", content, at)
        data = content[at + 7 : at + 7 + length]
        if len(data) < length or kind == 0:
            return
        if zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum:
            raise ValueError(f"the checksum of the record at byte {at} is wrong")
        yield kind, data
        at += 7 + length


def records(path: Path) -> Iterator[Any]:
    """The file's protobuf records."""
    from wandb.proto.wandb_internal_pb2 import Record

    parts = b""
    for kind, data in fragments(path.read_bytes()):
        parts = data if kind in (FULL, FIRST) else parts + data
        if kind in (FULL, LAST):
            record = Record()
            record.ParseFromString(parts)
            yield record


def read(path: Path) -> OfflineRun:
    """The run in a ``.wandb`` file, or in the folder that holds one.

    Raises:
        ValueError: there is none, or it cannot be read.
    """
    if path.is_dir():
        found = sorted(path.glob("run-*.wandb"))
        if len(found) != 1:
            raise ValueError(f"{path} holds {len(found)} .wandb files, not one")
        path = found[0]
    run = OfflineRun(path)
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            _read_run(run, record.run)
        elif kind == "config":
            _update(run.config, record.config)
        elif kind == "summary":
            _update(run.summary, record.summary)
        elif kind == "history":
            row = dict[str, Any]()
            for item in record.history.item:
                _put(row, item)
            run.history.append(row)
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    run.config.pop("_wandb", None)  # the SDK's own
    return run


def read_all(folder: Path) -> list[OfflineRun]:
    """Every run below a folder, in the order of their folders' names: that is, of their starts."""
    return [read(path) for path in sorted(folder.rglob("run-*.wandb"))]


def _read_run(run: OfflineRun, record: Any) -> None:
    run.id, run.entity, run.project = record.run_id, record.entity, record.project
    run.display_name, run.group, run.job_type = record.display_name, record.run_group, record.job_type
    run.sweep, run.tags = record.sweep_id, list(record.tags)
    _update(run.config, record.config)


def _update(values: dict[str, Any], record: Any) -> None:
    for item in record.update:
        _put(values, item)
    for item in record.remove:
        values.pop(item.key, None)


def _put(values: dict[str, Any], item: Any) -> None:
    *parents, last = item.nested_key or [item.key]
    for parent in parents:
        values = values.setdefault(parent, {})
    values[last] = json.loads(item.value_json)
