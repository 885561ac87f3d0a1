"""Changes that other commands make to a sweep while a process runs it.

The process has the lock of the state file, so ``sweep stop`` and others send their requests to a socket in the sweep's
directory. Only the owner can connect to it. A connection carries one request and one answer, each a line of JSON:

    {"method": "create", "kind": "SweepRun", "body": {...}}
    {"method": "patch", "kind": "Sweep", "namespace": "default", "name": "s", "patch": {...}}
    {"object": {...}} or {"error": "Invalid", "message": "..."}
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sweep_operator.kube import protocol
from sweep_operator.kube.protocol import Forbidden, Invalid, Kind, Kube, KubeError, Object, UnknownOutcome

log = logging.getLogger(__name__)
SOCKET = "control.sock"
_MAX_BYTES = 4 << 20
"""Longest request and longest answer."""
_LONGEST_PATH = 100
"""Bytes of a socket's address: 108 on Linux, 104 on macOS."""
_REQUEST_SECONDS, _ANSWER_SECONDS = 10.0, 60.0
_KINDS = {"create": (Kind.SWEEP_RUN,), "patch": (Kind.SWEEP, Kind.SWEEP_RUN)}
_FIELDS: Mapping[str, Mapping[str, type]] = {
    "create": {"body": dict},
    "patch": {"namespace": str, "name": str, "patch": dict},
}


class NoProcess(Exception):
    """No process accepts changes."""


class ControlServer:
    """Answers the requests of other commands. The caller holds the lock of the state file."""

    def __init__(self, kube: Kube, directory: Path, on_change: Callable[[Kind, Object], None]) -> None:
        """``on_change``: called with what a request has written, before its answer is sent."""
        self._kube, self._path, self._on_change = kube, directory / SOCKET, on_change
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._accepts = True

    async def start(self) -> None:
        """Listen. Not every file system has sockets; without one, other commands cannot change the running sweep."""
        try:
            listening = _listen(self._path)
        except OSError as error:
            log.warning("%s: %s; `sweep stop` and other commands cannot change this sweep while it runs", self._path,
                        error.strerror or error)  # fmt: skip
            return
        self._server = await asyncio.start_unix_server(self._connected, sock=listening, limit=_MAX_BYTES)

    def refuse(self) -> None:
        """Make no further change: the sweep is about to end. The clients then wait for the lock."""
        self._accepts = False

    async def close(self) -> None:
        """Stop listening, and cancel the requests that wait for space on the disk."""
        self.refuse()
        if self._server is None:
            return
        self._server.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                line = await reader.readline() if self._accepts else b""
            writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
            await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):  # ValueError: the request is too long
            pass
        finally:
            self._answering.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> Object:
        if not self._accepts:
            return {"error": NoProcess.__name__}
        try:
            request = _parsed(line)
            obj = await changed(self._kube, request)
        except KubeError as error:
            return {"error": _name_of(error), "message": str(error)}
        except Exception as error:  # of metadata that is not a map, for example
            log.info("invalid request", exc_info=error)
            return {"error": Invalid.__name__, "message": f"invalid request: {type(error).__name__}: {error}"}
        self._on_change(request["kind"], obj)
        return {"object": obj}


async def changed(kube: Kube, request: Mapping[str, Any]) -> Object:
    """Carry out a request; return the object. Raises KubeError."""
    if request["method"] == "create":
        return await kube.create(request["kind"], request["body"])
    return await kube.patch(request["kind"], request["namespace"], request["name"], request["patch"])


async def ask(directory: Path, request: Mapping[str, Any]) -> Object:
    """Send a request to the process that runs the sweep of ``directory``.

    Raises NoProcess, UnknownOutcome, and the KubeErrors of the request.
    """
    path = directory / SOCKET
    try:
        with _short(path) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=_MAX_BYTES)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoProcess from None
    except PermissionError:
        raise Forbidden(f"{path}: permission denied; run the command as the user who runs the sweep") from None
    line = b""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
    except (TimeoutError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()
    if not line.endswith(b"\n"):
        raise UnknownOutcome("the process that runs the sweep has not answered; `sweep status` shows what has changed")
    answer = json.loads(line)
    if answer.get("error") == NoProcess.__name__:
        raise NoProcess
    if "error" in answer:
        raise getattr(protocol, answer["error"])(answer["message"])
    found: Object = answer["object"]
    return found


def _parsed(line: bytes) -> dict[str, Any]:
    """The request. Raises Invalid."""
    try:
        request = json.loads(line)
        method, kind = request["method"], Kind(request["kind"])
        fields = _FIELDS[method]
        known = kind in _KINDS[method] and all(isinstance(request[name], type_) for name, type_ in fields.items())
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Invalid(f"invalid request: {type(error).__name__}: {error}") from None
    if not known:
        raise Invalid(f"invalid request: {method} {kind}")
    return {"method": method, "kind": kind, **{name: request[name] for name in fields}}


def _name_of(error: KubeError) -> str:
    """The class that the protocol defines: an implementation may have raised one of its own."""
    return next(base.__name__ for base in type(error).__mro__ if base.__module__ == protocol.__name__)


def _listen(path: Path) -> socket.socket:
    """A socket at ``path``, in place of one that a killed process has left. Raises OSError."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as address:
            listening.bind(address)
        os.chmod(path, 0o600)  # before listen(): until then no connection is possible
        listening.listen()
    except BaseException:
        listening.close()
        raise
    return listening


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """An address of the socket. A path that is too long for one is shortened by a temporary symbolic link."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="sweep-", dir=folder if len(folder) < _LONGEST_PATH // 2 else "/tmp") as at:
        link = Path(at) / "d"
        link.symlink_to(path.parent.resolve(), target_is_directory=True)
        yield str(link / path.name)
