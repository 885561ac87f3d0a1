"""What this machine knows of a sweep's runs besides their objects: the ends of their logs, and Events."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sweep_operator.api.visible_text import visible_text
from sweep_operator.commands.place import LogOptions
from sweep_operator.domain.conditions import has_ended
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kube.state_file import read_objects
from sweep_operator.machine.run_logs import FileLog, FileLogs
from sweep_operator.machine.stored import STATE, StoredSweep
from sweep_operator.views.events import events_of_runs
from sweep_operator.views.page.run_models import LogEnd

_LINES, _CHARACTERS = 40, 2_500
"""Of one log."""
_TOTAL = 500_000
"""Characters of all logs."""


def events_by_run(stored: StoredSweep) -> Mapping[str, Sequence[Object]]:
    """The Events about each run, by its name."""
    names = {run["metadata"]["uid"]: run["metadata"]["name"] for run in stored.runs}
    return events_of_runs(read_objects(stored.directory / STATE, (Kind.EVENT,)), names)


def log_ends(stored: StoredSweep) -> Mapping[str, LogEnd]:
    """The end of the newest log of each run by its name: failed runs and those in progress first, as room permits."""
    found, left = {}, _TOTAL
    for run in sorted(stored.runs, key=lambda run: has_ended(run, "Succeeded") and not _failed(run)):
        end = _log_end(stored, run)
        if end is not None and len(end.text) <= left:
            found[run["metadata"]["name"]] = end
            left -= len(end.text)
    return found


def _failed(run: Object) -> bool:
    return bool(run["status"].get("failure"))


def _log_end(stored: StoredSweep, run: Object) -> LogEnd | None:
    try:
        logs = asyncio.run(FileLogs(stored, run).logs(LogOptions(None, None, 0, None, follow=False)))
        return _end_of(logs[-1]) if logs else None
    except OSError:
        return None


def _end_of(log: FileLog) -> LogEnd:
    text, cut = _end_of_file(log.path)
    where = {"stage": log.stage, "attempt": log.attempt, "rank": log.rank}
    return LogEnd.model_validate({**where, "text": text, "cut": cut})


def _end_of_file(path: Path) -> tuple[str, bool]:
    """The last lines, as a terminal would leave them, and whether there are earlier ones. Raises OSError."""
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - 4 * _CHARACTERS)
        file.seek(start)
        lines = file.read().decode(errors="replace").split("\n")
    shown = "\n".join(
        visible_text(line.rstrip("\r").rpartition("\r")[2]) for line in lines[start > 0 and len(lines) > 1 :]
    )
    end = "\n".join(shown.splitlines()[-_LINES:])[-_CHARACTERS:]
    return end, start > 0 or len(end) < len(shown.rstrip("\n"))
