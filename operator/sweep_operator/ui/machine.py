"""The sweeps of a runs directory, as the page's server reads them.

Files are only looked at until they change, and a process that writes them is never blocked. Reading takes place in a
thread, so that ``sweep run --ui`` can serve from its own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sweep_operator.commands.place import Place
from sweep_operator.config.errors import ConfigError
from sweep_operator.domain.conditions import condition_of
from sweep_operator.kube.protocol import Forbidden, Kind, NotFound, Object
from sweep_operator.kube.state_file import StoreMissing, StoreUnreadable, is_locked, read_changes, read_objects
from sweep_operator.machine.place import Machine
from sweep_operator.machine.stored import STATE, directories, interrupted_run, interrupted_sweep, is_interrupted
from sweep_operator.ui.source import Key, Resource, Runs, Sweeps, Verb

T = TypeVar("T")
_POLL = 0.25
"""Seconds between looks at the files."""
_TICK_NS = 50_000_000
"""Two writes within so short a time can leave a file with the same time of its last change."""


@dataclass(frozen=True)
class _Look:
    """What a state file looks like without reading it."""

    inode: int
    files: tuple[tuple[int, int], ...]
    """Time of the last change and size of the file and of its log."""
    locked: bool
    settled: bool
    """Whether a later write changes what it looks like."""


@dataclass(frozen=True)
class _Stored:
    """The Sweeps of one directory as they were read last."""

    look: _Look
    sweeps: Mapping[Key, Object]
    error: str = ""


class RunsDirectory:
    """Source of a runs directory. One task calls ``changed``, one ``sweeps`` and ``runs``; requests call the others."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looks: dict[Path, _Look] | None = None
        self._stored: dict[Path, _Stored] = {}
        self._places: dict[Key, Path] = {}
        self._shown: dict[Key, Object] = {}
        self._names: dict[Key, dict[str, str]] = {}
        """Name of each run by its uid, for the sweeps whose runs were read."""
        self._trouble = ""

    async def changed(self) -> None:
        """Look at the files until one has changed."""
        while True:
            if await asyncio.to_thread(self.look):
                return
            await asyncio.sleep(_POLL)

    def trouble(self) -> str:
        """Why the directory cannot be listed."""
        return self._trouble

    async def sweeps(self) -> Sweeps:
        """The Sweeps of all directories."""
        return await asyncio.to_thread(self._read_sweeps)

    async def runs(self, key: Key, since: Hashable | None) -> Runs:
        """Only what has changed is read."""
        return await asyncio.to_thread(self._read_runs, key, since)

    async def objects(self, key: Key, uids: Collection[str]) -> Sequence[Object]:
        """The runs with these uids."""
        state = self._state(key)
        found = [await asyncio.to_thread(read_objects, state, (Kind.SWEEP_RUN,), uid=uid) for uid in uids]
        interrupted = self._is_interrupted(key)
        return [interrupted_run(obj) if interrupted else obj for objects in found for obj in objects]

    async def related(self, key: Key, kind: Kind) -> Sequence[Object]:
        """All objects of a kind in the directory of the sweep."""
        return await asyncio.to_thread(read_objects, self._state(key), (kind,))

    async def revisions(self, key: Key, hashes: Collection[str]) -> Sequence[Object]:
        """The ControllerRevisions of the sweep."""
        return await self.related(key, Kind.REVISION) if hashes else ()

    def directory(self, key: Key) -> Path:
        """The directory of the sweep. Raises NotFound."""
        try:
            return self._places[key]
        except KeyError:
            raise NotFound(f"no sweep {key.name!r} in {self._path}; it may have been deleted") from None

    def object_name(self, key: Key) -> str:
        """The name of the Sweep object, which those of other directories may have, too."""
        return str(self._shown[key]["metadata"]["name"])

    def require_known_by_name(self, key: Key) -> None:
        """Raises ConfigError if commands look for the runs of the sweep in another directory."""
        directory, name = self.directory(key), _display_name(self._shown[key])
        others = (path for other, path in self._places.items() if _display_name(self._shown[other]) == name)
        if name != directory.name and (other := next((path for path in others if path != directory), None)):
            problem = f"{directory} and {other} each contain a sweep named {name}, so it is shown only"
            raise ConfigError(f"{problem}; to change it, move it to another directory, and open that with --runs-dir")

    def look(self) -> bool:
        """Look at the files; return whether one may have changed since the last call."""
        before, trouble = self._looks, self._trouble
        try:
            found, self._trouble = directories(self._path), ""
        except ConfigError as error:
            found, self._trouble = list(before or {}), str(error)
        looks = {path: look for path in found if (look := _look_at(path / STATE)) is not None}
        self._looks = looks
        return looks != before or trouble != self._trouble or not all(look.settled for look in looks.values())

    def _read_sweeps(self) -> Sweeps:
        looks = self._looks or {}
        for path in self._stored.keys() - looks.keys():
            del self._stored[path]
        for path, look in looks.items():
            known = self._stored.get(path)
            if known is None or known.look != look or not look.settled:
                self._stored[path] = _read_directory(path, look, known)
        read = sorted(self._stored.items())
        self._places = {key: path for path, stored in read for key in stored.sweeps}
        self._shown = items = {key: sweep for _, stored in read for key, sweep in stored.sweeps.items()}
        self._names = {key: names for key, names in self._names.items() if key in items}
        return Sweeps(items, [stored.error for _, stored in read if stored.error])

    def _read_runs(self, key: Key, since: Hashable | None) -> Runs:
        state = self._state(key)
        interrupted = self._is_interrupted(key)
        scope = (self._stored[state.parent].look.inode, interrupted)
        last = since[1] if isinstance(since, tuple) and since[0] == scope else None
        names = self._names.setdefault(key, {})
        changes = read_changes(state, Kind.SWEEP_RUN, -1 if last is None else last)
        for uid in names.keys() - changes.versions.keys():
            del names[uid]
        version = max(changes.versions.values(), default=0)
        return Runs(
            _shown(changes.objects(), self.object_name(key), names, interrupted),
            names.values(),
            (scope, version, len(changes.versions)),
        )

    def _state(self, key: Key) -> Path:
        return self.directory(key) / STATE

    def _is_interrupted(self, key: Key) -> bool:
        return bool(condition_of(self._shown.get(key) or {}, "Interrupted"))


def _display_name(sweep: Object) -> str:
    return str(sweep["spec"].get("displayName") or sweep["metadata"]["name"])


def _shown(runs: Iterable[Object], sweep: str, names: dict[str, str], interrupted: bool) -> Iterator[Object]:
    """The runs of the sweep, one at a time, whose names are noted."""
    for run in runs:
        if run["spec"].get("sweepName") == sweep:
            names[run["metadata"]["uid"]] = run["metadata"]["name"]
            yield interrupted_run(run) if interrupted else run


def _look_at(state: Path) -> _Look | None:
    files, newest = [], 0
    inode = 0
    for path in (state, state.with_name(f"{state.name}-wal")):
        try:
            stat = path.stat()
        except OSError:
            if path is state:
                return None
            files.append((0, 0))
            continue
        inode = inode or stat.st_ino
        newest = max(newest, stat.st_mtime_ns)
        files.append((stat.st_mtime_ns, stat.st_size))
    return _Look(inode, tuple(files), is_locked(state), time.time_ns() - newest > _TICK_NS)


def _read_directory(path: Path, look: _Look, known: _Stored | None) -> _Stored:
    """The Sweeps; each one that has not changed is the same object as before."""
    try:
        objects = read_objects(path / STATE, (Kind.SWEEP,))
    except StoreMissing:
        return _Stored(look, {})
    except StoreUnreadable as error:
        return _Stored(look, {}, str(error))
    sweeps = {}
    for sweep in objects:
        meta = sweep["metadata"]
        name = path.name if len(objects) == 1 else f"{path.name}:{meta['name']}"
        key = Key(str(meta.get("namespace") or "default"), name)
        shown = interrupted_sweep(path, sweep) if is_interrupted(path, sweep) else sweep
        before = None if known is None else known.sweeps.get(key)
        sweeps[key] = before if before == shown else shown
    return _Stored(look, {key: sweep for key, sweep in sweeps.items() if sweep is not None})


class LocalUser:
    """Whoever has the token. Everything is visible; ``writes``: whether it may be changed."""

    def __init__(self, source: RunsDirectory, path: Path, *, writes: bool) -> None:
        self._source, self._path, self._writes = source, path, writes

    async def visible(self, namespaces: Collection[str]) -> frozenset[str]:
        """All."""
        return frozenset(namespaces)

    async def require(self, verb: Verb, resource: Resource, namespace: str) -> None:
        """Raises Forbidden for a change of a read-only page."""
        if verb in ("create", "patch") and not self._writes:
            raise Forbidden("this page is read-only; to allow changes, start it with `sweep ui --write`")

    async def events(self, key: Key, run: Object) -> Sequence[Object]:
        """The Events about the run."""
        uid = run["metadata"]["uid"]
        return [e for e in await self._source.related(key, Kind.EVENT) if e["involvedObject"].get("uid") == uid]

    async def revisions(self, key: Key, hashes: Collection[str]) -> Sequence[Object]:
        """The ControllerRevisions of the sweep."""
        return await self._source.revisions(key, hashes)

    async def config_map(self, key: Key, name: str) -> Object:
        """A ConfigMap in the directory of the sweep. Raises NotFound."""
        for found in await self._source.related(key, Kind.CONFIG_MAP):
            if found["metadata"]["name"] == name:
                return found
        raise NotFound(f"no ConfigMap {name} in {self._source.directory(key)}")

    async def act(self, key: Key, work: Callable[[Place], Awaitable[T]]) -> T:
        """Change the sweep in a thread: one that no process runs is read as a whole. Raises ConfigError."""
        self._source.require_known_by_name(key)

        async def worked() -> T:
            async with self.place(key) as place:
                return await work(place)

        return await asyncio.to_thread(asyncio.run, worked())

    @contextlib.asynccontextmanager
    async def place(self, key: Key) -> AsyncIterator[Place]:
        """The directory of the sweep."""
        machine = Machine(self._path, self._source.directory(key))
        try:
            yield machine
        finally:
            machine.close()
