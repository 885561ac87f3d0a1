"""The file of the embedded Kube: all objects in SQLite, written before any watcher sees them.

WAL with ``synchronous=FULL``: a completed commit survives kill -9 and a power failure. One process may write. The lock
is an flock, which the kernel releases when the process ends. Readers need no lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from sweep_operator.kube.protocol import KubeError, Object, Unavailable
from sweep_operator.kube.state_file import FORMAT, StoreUnreadable, check_format, damaged


class StoreLocked(KubeError):
    """Another process runs this sweep."""


class Persistence:
    """Objects by uid, and the last resourceVersion. ``path`` None: in memory, for tests."""

    def __init__(self, path: Path | None) -> None:
        self._path = path or Path(":memory:")
        self._together: contextlib.nullcontext[None] | None = None
        self._lock = None if path is None else _lock(path)
        try:
            self._connection = _connect(self._path)
        except sqlite3.DatabaseError as error:
            self.close_lock()
            raise damaged(self._path, error) from None
        except StoreUnreadable:
            self.close_lock()
            raise

    def load(self) -> tuple[int, list[Object]]:
        """The last resourceVersion and all objects."""
        try:
            with self._connection:
                version = self._connection.execute("SELECT value FROM counters WHERE name = 'version'").fetchone()
                rows = self._connection.execute("SELECT body FROM objects ORDER BY version").fetchall()
            return int(version[0]), [json.loads(body) for (body,) in rows]
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise damaged(self._path, error) from None

    def save(self, version: int, changed: Iterable[Object], removed: Iterable[str] = ()) -> None:
        """Save in one transaction. Raises Unavailable without any change if the disk is full or fails."""
        try:
            self._write(version, changed, removed)
        except sqlite3.Error as error:
            raise Unavailable(f"the state cannot be written: {error}") from None

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Everything that is saved in the block is one transaction. Raises Unavailable if it cannot be written."""
        self._together = contextlib.nullcontext()
        try:
            with self._connection:
                yield
        except sqlite3.Error as error:
            raise Unavailable(f"the state cannot be written: {error}") from None
        finally:
            self._together = None

    def _write(self, version: int, changed: Iterable[Object], removed: Iterable[str]) -> None:
        with self._together or self._connection:
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


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS objects (uid TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL)"
        )
        connection.execute("INSERT OR IGNORE INTO counters VALUES ('version', 0), ('format', ?)", (FORMAT,))
    check_format(path, connection)
    return connection


def _lock(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(handle)
    except OSError:
        holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise StoreLocked(f"{path} is in use by process {holder}; stop it, or wait for it to end") from None
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
