"""This machine, for the commands that change sweeps.

Imports ``local.admission`` inside a function: it loads the models, which only a change without a process needs.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from sweep_operator.commands.names import ambiguous, split_name
from sweep_operator.commands.options import sweep_name
from sweep_operator.commands.place import Found, LogSource
from sweep_operator.config.errors import ConfigError
from sweep_operator.domain.conditions import has_ended
from sweep_operator.kube.embedded.client import EmbeddedClient
from sweep_operator.kube.protocol import Kind, Object
from sweep_operator.kube.state_file import is_locked
from sweep_operator.machine.resume import resume_command
from sweep_operator.machine.run_logs import FileLogs
from sweep_operator.machine.stored import STATE, StoredSweep, stored_run, stored_sweep
from sweep_operator.views.tables import run_name


class Machine:
    """The sweeps of a runs directory."""

    def __init__(self, directory: Path, only: Path | None = None) -> None:
        """``only``: the directory of the only sweep that is looked at. Names are then looked up there."""
        self._directory, self._only = directory, only
        self._used: dict[Path, tuple[StoredSweep, EmbeddedClient]] = {}

    async def sweep(self, name: str) -> Found:
        """The Sweep of that display name or object name."""
        stored = await asyncio.to_thread(
            stored_sweep, self._directory, sweep_name(name) if self._only is None else self._only.name
        )
        return Found(self._client(stored), Kind.SWEEP, stored.sweep)

    async def run(self, name: str) -> Found:
        """The SweepRun of that display name or object name."""
        stored, run = await asyncio.to_thread(stored_run, self._directory, name, self._only)
        return Found(self._client(stored), Kind.SWEEP_RUN, run)

    async def sweep_or_run(self, name: str) -> Found:
        """The object called ``name``, ``sweep/name`` or ``sweeprun/name``."""
        kind, bare = split_name(name)
        if kind is not None:
            return await (self.sweep(bare) if kind == Kind.SWEEP else self.run(bare))
        found, errors = [], []
        for look_up in (self.sweep, self.run):
            try:
                found.append(await look_up(name))
            except ConfigError as error:
                errors.append(error)
        if len(found) > 1:
            raise ambiguous(name)
        if not found:
            raise errors["." in name]
        return found[0]

    async def sweep_of(self, run: Found) -> Found:
        """The Sweep in the directory of the run."""
        return Found(run.kube, Kind.SWEEP, self._stored(run).sweep)

    def name(self, obj: Object) -> str:
        """The display name."""
        if obj["kind"] == Kind.SWEEP_RUN:
            return run_name(obj, object_names=False)
        return self._only.name if self._only else str(obj["spec"].get("displayName") or obj["metadata"]["name"])

    def title(self, kind: Kind, obj: Object) -> str:
        """The display name."""
        return self.name(obj)

    def logs(self, run: Found) -> LogSource:
        """The log files of the run."""
        stored = self._stored(run)
        del self._used[stored.directory]  # nothing is changed
        return FileLogs(stored, run.obj)

    def notes(self) -> list[str]:
        """How to resume the sweeps that were changed, or meant to be, and that no process runs."""
        return [
            f"no process runs {stored.display_name}; to resume it, run: {resume_command(stored.directory)}"
            for stored, client in self._used.values()
            if client.wrote or not (has_ended(stored.sweep) or is_locked(stored.directory / STATE))
        ]

    def about_edits(self) -> str:
        """The configuration of a sweep is elsewhere."""
        return "the next `sweep run` applies the limits of its configuration again; change them there, too"

    def close(self) -> None:
        """Release the locks of the sweeps that were changed."""
        for _, client in self._used.values():
            client.close()

    def _stored(self, run: Found) -> StoredSweep:
        return next(stored for stored, client in self._used.values() if client is run.kube)

    def _client(self, stored: StoredSweep) -> EmbeddedClient:
        client = EmbeddedClient(stored.directory / STATE, _admit)
        return self._used.setdefault(stored.directory, (stored, client))[1]


def _admit(kind: Kind, new: Object, old: Object | None) -> Object:
    from sweep_operator.local.admission import admit

    return admit(kind, new, old)
