"""A supervised local process, and the exit records of processes that an earlier `sweep run` started."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweep_operator.kube.atomic_file import write_atomically
from sweep_operator.kube.embedded.container import Place, Process

SUPERVISOR = Path(__file__).with_name("supervisor.py")
RECORD_BYTES = 1024
"""Reserved for the exit record, which is written even if the disk is full by then."""
ORPHAN_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL after `sweep run` has died."""


class SupervisedProcess:
    """A process with a running supervisor."""

    def __init__(self, supervisor: asyncio.subprocess.Process, started: float) -> None:
        self._supervisor = supervisor
        self.started = started
        """Seconds since the epoch."""

    @property
    def pid(self) -> int:
        """Process id of the supervisor, the ancestor of all processes of the pod."""
        return self._supervisor.pid

    async def wait(self) -> None:
        """Wait until the process, its group and its descendants have ended and the exit record is written."""
        await self._supervisor.wait()

    async def told(self) -> Mapping[str, Any] | None:
        """How the process ended, as its supervisor says after its end; for an exit record that could not be written."""
        assert self._supervisor.stdout is not None
        line = await self._supervisor.stdout.readline()
        return json.loads(line) if line else None

    async def terminate(self) -> None:
        """Send SIGTERM to the process group."""
        await self._tell(b"T")

    async def kill(self) -> None:
        """Send SIGKILL to the process group."""
        await self._tell(b"K")

    async def _tell(self, command: bytes) -> None:
        stdin = self._supervisor.stdin
        if stdin is not None and self._supervisor.returncode is None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                stdin.write(command)
                await stdin.drain()


async def launch(process: Process, place: Place, uid: str) -> SupervisedProcess | None:
    """Start the process. None: it could not be executed, and the exit record says why. Raises OSError."""
    place.record.unlink(missing_ok=True)
    place.reserved.write_bytes(b" " * RECORD_BYTES)
    place.log.touch()
    place.result.write_bytes(b"")
    spec = {
        "argv": process.argv,
        "cwd": process.cwd,
        "log": str(place.log),
        "record": str(place.record),
        "lock": str(place.lock),
        "uid": uid,
        "grace": ORPHAN_GRACE,
    }
    write_atomically(place.spec, json.dumps(spec))
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(SUPERVISOR),
        str(place.spec),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    with contextlib.suppress(ConnectionError):
        # The environment may contain keys, so it is never written to the disk.
        supervisor.stdin.write(json.dumps(process.env).encode() + b"\n")
        await supervisor.stdin.drain()
    line = await supervisor.stdout.readline()
    if not line:
        await supervisor.wait()
        return None
    return SupervisedProcess(supervisor, float(json.loads(line)["started"]))


def read_record(place: Place, uid: str) -> Mapping[str, Any] | None:
    """The exit record of the pod's process, or None if there is none."""
    record = _read(place.record)
    return record if record is not None and record.get("uid") == uid else None


def was_launched(place: Place, uid: str) -> bool:
    """Whether the pod's process may have started."""
    spec = _read(place.spec)
    return spec is not None and spec.get("uid") == uid


async def until_dead(place: Place) -> None:
    """Wait until a supervisor of an earlier `sweep run` and all its processes have ended.

    A supervisor takes the lock before it checks that its parent is running, so a late one starts nothing.
    """
    try:
        handle = os.open(place.lock, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                await asyncio.sleep(0.05)
    finally:
        os.close(handle)


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
