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
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from sweep_operator.kube.embedded.head import Head, head_of, head_text, read_head
from sweep_operator.kube.embedded.samples import SAMPLES
from sweep_operator.kube.embedded.space import DiskFull, has_space
from sweep_operator.kube.protocol import Kind, KubeError, Object, Stored, Unavailable
from sweep_operator.kube.state_file import (
    FORMAT,
    PACKED,
    Body,
    check_format,
    damaged,
    dictionaries,
    packed,
    unpack,
)  # fmt: skip

_SAVE = """
INSERT INTO objects (uid, version, kind, body, head) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (uid) DO UPDATE SET version = excluded.version, body = excluded.body, head = excluded.head
"""
"""A row stays where it is: INSERT OR REPLACE would leave a hole that nothing fills."""

_LOAD = "SELECT uid, version, kind, body, head FROM objects ORDER BY version"
_KINDS: Mapping[str, Kind] = {str(kind): kind for kind in Kind}
_FAILING = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


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
            raise _disk_full(self._path, error) or damaged(self._path, error) from None
        self._dictionaries = dictionaries(self._connection)

    def load(self, put: Callable[[Kind, str, Head, Body], None]) -> int:
        """Pass resource type, uid, head and body of all objects to ``put``, in the order of their changes.

        Returns the last version. Objects without a head were written by an earlier version.
        """
        try:
            with self._connection:
                version = self._connection.execute("SELECT value FROM counters WHERE name = 'version'").fetchone()
                for uid, changed, kind, body, text in self._connection.execute(_LOAD):
                    head = read_head(text, changed) or head_of(unpack(body, self._dictionaries.get(kind)))
                    put(_KINDS[kind], uid, head, body)
                return int(version[0])
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError, zlib.error) as error:
            raise damaged(self._path, error) from None

    def unpack(self, kind: Kind, body: Body) -> Object:
        """The object of a body. Raises StoreUnreadable."""
        dictionary = self._dictionaries.get(kind, b"")
        try:
            obj = unpack(body, dictionary)
        except (ValueError, TypeError, zlib.error) as error:
            raise damaged(self._path, error) from None
        return obj if isinstance(body, str) else Stored(obj, body, dictionary)

    def save(self, version: int, changed: Iterable[Object], removed: Iterable[str] = ()) -> list[Body]:
        """Save in one transaction; return the bodies of what has changed.

        Raises Unavailable without any change, DiskFull if the disk is full or fails.
        """
        try:
            return self._write(version, changed, removed)
        except sqlite3.Error as error:
            raise _unwritten(self._path, error) from None

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Everything that is saved in the block is one transaction. Raises Unavailable if it cannot be written."""
        self._together = contextlib.nullcontext()
        try:
            with self._connection:
                yield
        except sqlite3.Error as error:
            raise _unwritten(self._path, error) from None
        finally:
            self._together = None
            self._dictionaries = dictionaries(self._connection)

    def _write(self, version: int, changed: Iterable[Object], removed: Iterable[str]) -> list[Body]:
        known, bodies = dict(self._dictionaries), list[Body]()
        with self._together or self._connection:
            self._connection.execute("UPDATE counters SET value = ? WHERE name = 'version'", (version,))
            for obj in changed:
                kind, meta = obj["kind"], obj["metadata"]
                text = json.dumps(obj, separators=(",", ":"))
                if kind in PACKED and kind not in known:
                    known[kind] = SAMPLES.get(kind) or text.encode()
                    self._connection.execute("INSERT INTO dictionaries VALUES (?, ?)", (kind, known[kind]))
                body = packed(text, known[kind]) if kind in PACKED else text
                changed_at = int(meta["resourceVersion"])
                head = head_text(head_of(obj), changed_at)
                self._connection.execute(_SAVE, (meta["uid"], changed_at, kind, body, head))
                bodies.append(body)
            for uid in removed:
                self._connection.execute("DELETE FROM objects WHERE uid = ?", (uid,))
        self._dictionaries = known
        return bodies

    def close(self) -> None:
        """Close the file and release the lock."""
        self._connection.close()
        self.close_lock()

    def close_lock(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _unwritten(path: Path, error: sqlite3.Error) -> Unavailable:
    return _disk_full(path, error) or Unavailable(f"the state cannot be written: {error}")


def _disk_full(path: Path, error: sqlite3.Error) -> DiskFull | None:
    """The error of a full, failing or read-only disk, or None."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code in _FAILING and not has_space(path.parent)):
        return DiskFull(path.parent)
    return DiskFull(path.parent, str(error)) if code in _FAILING else None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # readers see all tables or none
        connection.execute("CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        connection.execute("INSERT OR IGNORE INTO counters VALUES ('version', 0), ('format', ?)", (FORMAT,))
        found = check_format(connection)
        connection.execute("CREATE TABLE IF NOT EXISTS dictionaries (kind TEXT PRIMARY KEY, text BLOB NOT NULL)")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS objects "
            "(uid TEXT PRIMARY KEY, version INTEGER NOT NULL, kind TEXT NOT NULL, body NOT NULL, head TEXT)"
        )
    if found < FORMAT:
        _migrate(path, connection)
    if "head" not in {column[1] for column in connection.execute("PRAGMA table_info(objects)")}:
        connection.execute("ALTER TABLE objects ADD COLUMN head TEXT")  # earlier versions ignore it
    return connection


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    """Bring a file of format 1 to format 2. A copy stays beside it, for an older version."""
    copy = path.with_name(f"{path.name}.format-1")
    if not copy.exists():
        begun = copy.with_name(f".{copy.name}.tmp")
        with contextlib.closing(sqlite3.connect(begun)) as target:
            connection.backup(target)
        os.replace(begun, copy)
    connection.execute("BEGIN")
    with connection:
        connection.execute("ALTER TABLE objects ADD COLUMN kind TEXT NOT NULL DEFAULT ''")
        connection.execute("UPDATE objects SET kind = json_extract(body, '$.kind')")
        connection.execute("UPDATE counters SET value = ? WHERE name = 'format'", (FORMAT,))


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
