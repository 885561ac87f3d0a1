"""Reading a state file of the embedded Kube, also while another process writes it.

Has no part of the embedded server, so that a command that lists sweeps starts fast.

Runs, Jobs, pods and Events are most of the content, and they resemble each other: their bodies are compressed with a
dictionary of the kind, which makes them a quarter to a tenth as long. The dictionary of Jobs, pods and Events is the
first one of the kind. That of runs contains no data of users, because it stays in the file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import stat
import tempfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import from_json

from sweep_operator.kube.protocol import Kind, KubeError, Object

FORMAT = 2
OLDEST_FORMAT = 1
"""Without compressed bodies, and without the column ``kind``."""
PACKED = (Kind.SWEEP_RUN, Kind.JOB, Kind.POD, Kind.EVENT)
"""Kinds whose bodies are compressed. A run that an earlier version wrote is plain JSON."""


Body = str | bytes
"""An object as the file stores it: JSON, or compressed JSON."""


class StoreUnreadable(KubeError):
    """The file is not a valid state file, or it cannot be read. The message has the path, the reason and the remedy."""


class NewerFormat(sqlite3.DatabaseError):
    """A newer version wrote the file."""


class StoreMissing(StoreUnreadable):
    """The file does not exist, or a process is creating it."""


def read_objects(path: Path, kinds: Collection[Kind], *, uid: str | None = None) -> list[Object]:
    """The stored objects of these kinds, the one that changed last at the end. Raises StoreUnreadable.

    ``uid``: only the object that has it, which takes no longer with many objects.
    """
    try:
        with closing(_opened(path)) as connection:
            return [unpack(body, dictionary) for body, dictionary in stored_bodies(connection, kinds, uid)]
    except (sqlite3.DatabaseError, ValueError, TypeError, zlib.error) as error:
        if "no such table: counters" in str(error) and is_locked(path):
            raise StoreMissing(f"{path} is being created; repeat the command") from None
        raise damaged(path, error) from None


def stored_bodies(
    connection: sqlite3.Connection, kinds: Collection[Kind] | None = None, uid: str | None = None
) -> list[tuple[Body, bytes | None]]:
    """The bodies of the objects of these kinds, or of all, with their dictionaries. Raises DatabaseError.

    ``uid``: only that of the object that has it.
    """
    conditions, values = [], list[str]()
    newest = check_format(connection) == FORMAT
    if kinds is not None:
        kind = "kind" if newest else "json_extract(body, '$.kind')"
        conditions.append(f"{kind} IN ({', '.join('?' * len(kinds))})")
        values += map(str, kinds)
    if uid is not None:
        conditions.append("uid = ?")
        values.append(uid)
    wanted = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    known = dictionaries(connection) if newest else {}
    columns = "kind, body" if newest else "'', body"
    rows = connection.execute(f"SELECT {columns} FROM objects {wanted} ORDER BY version", values).fetchall()
    return [(body, known.get(kind)) for kind, body in rows]


@dataclass(frozen=True)
class Changes:
    """The objects of one kind: the versions of all by uid, and the bodies of those that have changed."""

    versions: dict[str, int]
    bodies: list[tuple[Body, bytes | None]]
    """With their dictionaries, the one that changed last at the end."""

    def objects(self) -> Iterator[Object]:
        """The changed objects, each unpacked when it is asked for. Raises ValueError, zlib.error."""
        for body, dictionary in self.bodies:
            yield unpack(body, dictionary)


def read_changes(path: Path, kind: Kind, since: int) -> Changes:
    """What has changed after version ``since``. Raises StoreUnreadable."""
    try:
        with closing(_opened(path)) as connection:
            newest = check_format(connection) == FORMAT
            column = "kind" if newest else "json_extract(body, '$.kind')"
            found = connection.execute(
                f"SELECT uid, version, CASE WHEN version > ? THEN body END FROM objects WHERE {column} = ? "
                "ORDER BY version",
                (since, str(kind)),
            ).fetchall()
            dictionary = dictionaries(connection).get(kind) if newest else None
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from None
    bodies = [(body, dictionary) for _, _, body in found if body is not None]
    return Changes({uid: version for uid, version, _ in found}, bodies)


def dictionaries(connection: sqlite3.Connection) -> dict[str, bytes]:
    """The dictionary of each kind that has one."""
    return dict(connection.execute("SELECT kind, text FROM dictionaries").fetchall())


def packed(text: str, dictionary: bytes) -> bytes:
    """Compress a body."""
    compressor = zlib.compressobj(zdict=dictionary)
    return compressor.compress(text.encode()) + compressor.flush()


def unpacked(body: Body, dictionary: bytes | None) -> str:
    """The JSON of a body, compressed or not."""
    if isinstance(body, str):
        return body
    return zlib.decompressobj(zdict=dictionary or b"").decompress(body).decode()


def unpack(body: Body, dictionary: bytes | None) -> Object:
    """The object of a body. Faster than the standard library, which counts for thousands. Raises ValueError."""
    obj: Object = from_json(unpacked(body, dictionary), cache_strings="keys")
    return obj


def check_format(connection: sqlite3.Connection) -> int:
    """The format. Raises NewerFormat, DatabaseError."""
    found = connection.execute("SELECT value FROM counters WHERE name = 'format'").fetchone()
    if found is None:
        raise sqlite3.DatabaseError("the table counters has no format")
    if not OLDEST_FORMAT <= found[0] <= FORMAT:
        raise NewerFormat(f"format {found[0]}; this version reads {OLDEST_FORMAT} to {FORMAT}; update sweep-operator")
    return int(found[0])


def damaged(path: Path, error: Exception) -> StoreUnreadable:
    """The error of a file whose content cannot be read."""
    if isinstance(error, NewerFormat):
        return StoreUnreadable(f"{path} has {error}")
    reason: object = error.strerror if isinstance(error, OSError) else error
    if isinstance(error, ValueError):
        reason = "an object in it is not valid JSON"
    return StoreUnreadable(f"{path} cannot be read: {reason}; restore it, or move it away to start from scratch")


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


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to the last written state. Raises StoreUnreadable.

    The file is not opened otherwise: to close it would release the locks that this process may have on it.
    """
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError
        return _connect(path)
    except FileNotFoundError:
        raise StoreMissing(f"{path} does not exist") from None
    except PermissionError:
        remedy = "make it readable for this user, or run the command as its owner"
        raise StoreUnreadable(f"{path} cannot be read: permission denied; {remedy}") from None
    except (OSError, sqlite3.DatabaseError) as error:
        raise damaged(path, error) from None


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=10)
    try:
        connection.execute("SELECT value FROM counters").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            return _copied(path, log)
        # SQLite needs a file beside it, which cannot be created by a user who may only read, or on a full disk. No
        # change waits in the log.
        connection = sqlite3.connect(f"{uri}&immutable=1", uri=True, timeout=10)
    return connection


def _copied(path: Path, log: Path) -> sqlite3.Connection:
    """A copy in memory, with the changes that wait in the log."""
    with tempfile.TemporaryDirectory() as folder:
        for file in (path, log):
            shutil.copyfile(file, Path(folder) / file.name)
        memory = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(Path(folder) / path.name)) as copy:
            copy.backup(memory)
    return memory
