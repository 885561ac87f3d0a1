"""The file of the embedded Kube: all objects in SQLite, written before any watcher sees them.

WAL with ``synchronous=FULL``: a completed commit survives kill -9 and a power failure. One process may write. The lock
is an flock, which the kernel releases when the process ends. Readers need no lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from sweep_operator.kube.embedded.space import DiskFull, has_space
from sweep_operator.kube.protocol import Forbidden, KubeError, Object, Unavailable

FORMAT = 1


class StoreLocked(KubeError):
    """Another process runs this sweep."""


class StoreUnreadable(KubeError):
    """The file is not a valid state file."""


class Persistence:
    """Objects by uid, and the last resourceVersion. ``path`` None: in memory, for tests."""

    def __init__(self, path: Path | None, *, readonly: bool = False) -> None:
        self._lock: int | None = None
        self._readonly, self._path = readonly, path
        if path is not None and not readonly:
            self._lock = _lock(path)
        try:
            self._connection = _connect(path, readonly)
        except sqlite3.DatabaseError as error:
            self.close_lock()
            if path is not None and _cannot_write(error):
                raise _disk_full(path, error) from None
            raise StoreUnreadable(f"{path} cannot be read: {error}; move it away to start from scratch") from None

    def load(self) -> tuple[int, list[Object]]:
        """The last resourceVersion and all objects."""
        try:
            with self._connection:
                version = self._connection.execute("SELECT value FROM counters WHERE name = 'version'").fetchone()
                rows = self._connection.execute("SELECT body FROM objects ORDER BY version").fetchall()
            return int(version[0]), [json.loads(body) for (body,) in rows]
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise StoreUnreadable(f"the state cannot be read: {error}") from None

    def save(self, version: int, changed: Iterable[Object], removed: Iterable[str] = ()) -> None:
        """Save in one transaction. Raises Unavailable without any change, DiskFull if the disk is full or fails."""
        if self._readonly:
            raise Forbidden("the state was opened read-only")
        try:
            self._write(version, changed, removed)
        except sqlite3.Error as error:
            if self._path is not None and _cannot_write(error):
                raise _disk_full(self._path, error) from None
            raise Unavailable(f"the state cannot be written: {error}") from None

    def _write(self, version: int, changed: Iterable[Object], removed: Iterable[str]) -> None:
        with self._connection:
            self._connection.execute("UPDATE counters SET value = ? WHERE name = 'version'", (version,))
            for obj in changed:
                self._connection.execute(
                    "INSERT OR REPLACE INTO objects (uid, version, body) VALUES (?, ?, ?)",
                    (obj["metadata"]["uid"], int(obj["metadata"]["resourceVersion"]), json.dumps(obj)),
                )
            for uid in removed:
                self._connection.execute("DELETE FROM objects WHERE uid = ?", (uid,))

    def close(self) -> None:
        """Close the file and release the lock."""
        self._connection.close()
        self.close_lock()

    def close_lock(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _cannot_write(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _disk_full(path: Path, error: sqlite3.Error) -> DiskFull:
    full = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL or not has_space(path.parent)
    return DiskFull(path.parent) if full else DiskFull(path.parent, str(error))


def _connect(path: Path | None, readonly: bool) -> sqlite3.Connection:
    if readonly:
        if path is None or not path.exists():
            raise StoreUnreadable(f"{path} does not exist")
        try:
            return _opened(path)
        except sqlite3.OperationalError as error:
            if not _cannot_write(error):
                raise
            return _copied(path)
    connection = sqlite3.connect(path or ":memory:", timeout=10)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS objects (uid TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL)"
        )
        connection.execute("INSERT OR IGNORE INTO counters VALUES ('version', 0), ('format', ?)", (FORMAT,))
    found = connection.execute("SELECT value FROM counters WHERE name = 'format'").fetchone()[0]
    if found != FORMAT:
        connection.close()
        raise StoreUnreadable(f"{path} has format {found}; this version reads {FORMAT}")
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
    connection.execute("SELECT value FROM counters").fetchone()
    return connection


def _copied(path: Path) -> sqlite3.Connection:
    """A copy in memory: SQLite creates files to read, which a full or read-only disk does not permit."""
    with tempfile.TemporaryDirectory() as folder:
        for file in (path, path.with_name(f"{path.name}-wal")):
            if file.exists():
                shutil.copyfile(file, Path(folder) / file.name)
        memory = sqlite3.connect(":memory:")
        with contextlib.closing(_opened(Path(folder) / path.name)) as copy:
            copy.backup(memory)
        return memory


def _lock(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(handle)
    except OSError:
        holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise StoreLocked(f"{path} is in use by process {holder}; stop it, or wait for it to end") from None
    with contextlib.suppress(OSError):  # on a full disk: StoreLocked cannot name the process then
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle


def _take(handle: int) -> None:
    """Lock exclusively. ``is_locked`` holds the lock for a moment, which must not fail a sweep. Raises OSError."""
    for _ in range(10):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.01)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(path: Path) -> bool:
    """Whether a process has opened the state for writing."""
    try:
        handle = os.open(path.with_suffix(".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
