"""Reading a state file of the embedded Kube, also while another process writes it.

Has no part of the embedded server, so that a command that lists sweeps starts fast.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from sweep_operator.kube.protocol import Kind, KubeError, Object

FORMAT = 1


class StoreUnreadable(KubeError):
    """The file is not a valid state file, or it cannot be read. The message has the path, the reason and the remedy."""


class StoreMissing(StoreUnreadable):
    """The file does not exist."""


def read_objects(path: Path, kinds: Collection[Kind]) -> list[Object]:
    """The stored objects of these kinds, the one that changed last at the end. Raises StoreUnreadable."""
    wanted = ", ".join("?" * len(kinds))
    query = f"SELECT body FROM objects WHERE json_extract(body, '$.kind') IN ({wanted}) ORDER BY version"
    try:
        with closing(_opened(path)) as connection:
            rows = connection.execute(query, [str(kind) for kind in kinds]).fetchall()
        # One call is faster than one per object.
        found: list[Object] = json.loads(f"[{','.join(body for (body,) in rows)}]")
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        raise damaged(path, error) from None
    return found


def check_format(path: Path, connection: sqlite3.Connection) -> None:
    """Raise StoreUnreadable if the file has the format of another version."""
    found = connection.execute("SELECT value FROM counters WHERE name = 'format'").fetchone()
    if found is None:
        raise sqlite3.DatabaseError("the table counters has no format")
    if found[0] != FORMAT:
        connection.close()
        remedy = "update sweep-operator" if found[0] > FORMAT else "read it with the version that wrote it"
        raise StoreUnreadable(f"{path} has format {found[0]}; this version reads {FORMAT}; {remedy}")


def damaged(path: Path, error: Exception) -> StoreUnreadable:
    """The error of a file whose content cannot be read."""
    reason = error.strerror if isinstance(error, OSError) else error
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
    """A connection to the last written state. Raises StoreUnreadable."""
    try:
        with path.open("rb"):
            connection = _connect(path)
        check_format(path, connection)
    except FileNotFoundError:
        raise StoreMissing(f"{path} does not exist") from None
    except PermissionError:
        remedy = "make it readable for this user, or run the command as its owner"
        raise StoreUnreadable(f"{path} cannot be read: permission denied; {remedy}") from None
    except (OSError, sqlite3.DatabaseError) as error:
        raise damaged(path, error) from None
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=10)
    try:
        connection.execute("SELECT value FROM counters").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise
        # SQLite needs a file beside it, which a user who may only read cannot create. No change waits in the log.
        connection = sqlite3.connect(f"{uri}&immutable=1", uri=True, timeout=10)
    return connection
