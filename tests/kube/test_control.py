"""The socket through which other commands change a running sweep: what it accepts, and where it can be."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sweep_operator.kube.embedded.client import EmbeddedClient
from sweep_operator.kube.embedded.control import SOCKET, ControlServer, NoProcess, _short, ask
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import AlreadyExists, Kind, NotFound, Object
from sweep_operator.local.admission import admit
from tests.builders import sweep_body
from tests.cli.stored_sweeps import T0

RUN = {"metadata": {"name": "mine", "namespace": "default"}, "spec": {"sweepName": "s", "parameters": {"x": 0.5}}}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A sweep's directory, whose path is longer than a socket's address may be."""
    found = tmp_path / ("deep/" * 30) / "s"
    found.mkdir(parents=True)
    return found


@pytest_asyncio.fixture
async def server(directory: Path) -> AsyncIterator[ControlServer]:
    """The process that runs the sweep s. A killed one has left its socket."""
    kube = EmbeddedKube(directory / "state.db", clock=lambda: T0, admission=admit)
    await kube.create(Kind.SWEEP, sweep_body("s", metadata={"namespace": "default"}))
    with socket.socket(socket.AF_UNIX) as left, _short(directory / SOCKET) as address:
        left.bind(address)
    changes: list[Object] = []
    found = ControlServer(kube, directory, lambda kind, obj: changes.append(obj))
    await found.start()
    yield found
    await found.close()
    kube.close()
    assert not (directory / SOCKET).exists()


async def sent(directory: Path, line: bytes) -> dict[str, Any]:
    with _short(directory / SOCKET) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    writer.write(line)
    found: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    return found


async def test_errors_are_those_of_the_api_server(directory: Path, server: ControlServer) -> None:
    client = EmbeddedClient(directory / "state.db", admit)
    assert (await client.create(Kind.SWEEP_RUN, RUN))["spec"]["origin"] == "manual"
    with pytest.raises(AlreadyExists):
        await client.create(Kind.SWEEP_RUN, RUN)
    with pytest.raises(NotFound, match="SweepRun default/other does not exist"):
        await client.patch(Kind.SWEEP_RUN, "default", "other", {"spec": {"stop": True}})
    listed = await client.list(Kind.SWEEP_RUN, fields={"spec.sweepName": "s"})
    assert [o["metadata"]["name"] for o in listed.items] == ["mine"]
    assert not client.wrote


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"method": "create"}',
        b'{"method": "create", "kind": "Job", "body": {}}', b'{"method": "create", "kind": "Sweep", "body": {}}',
        b'{"method": "delete", "kind": "SweepRun", "name": "mine"}', b'{"method": ["create"], "kind": "SweepRun"}',
        b'{"method": "create", "kind": "SweepRun", "body": {"spec": 1}}',
        b'{"method": "create", "kind": "SweepRun", "body": 1}',
        b'{"method": "create", "kind": "SweepRun", "body": {"metadata": 1}}',
        b'{"method": "patch", "kind": "Sweep", "namespace": "default", "name": "s", "patch": {"spec": {"seed": 7}}}',
        b'{"method": "patch", "kind": "Sweep", "namespace": "default", "name": "s", "patch": []}',
        b'{"method": "patch", "kind": "Sweep", "namespace": [], "name": {}, "patch": {}}',
    ],
)  # fmt: skip
async def test_invalid_requests_are_answered_and_change_nothing(
    directory: Path, server: ControlServer, line: bytes
) -> None:
    before = [await server._kube.list(kind) for kind in (Kind.SWEEP, Kind.SWEEP_RUN)]
    assert (await sent(directory, line + b"\n"))["error"] in ("Invalid", "NotFound")
    assert [await server._kube.list(kind) for kind in (Kind.SWEEP, Kind.SWEEP_RUN)] == before


async def test_a_change_waits_for_the_end_of_a_process_that_is_about_to_end(
    directory: Path, server: ControlServer
) -> None:
    server.refuse()
    with pytest.raises(NoProcess):
        await ask(directory, {"method": "create", "kind": "SweepRun", "body": RUN})
    client = EmbeddedClient(directory / "state.db", admit)
    creating = asyncio.create_task(client.create(Kind.SWEEP_RUN, RUN))
    await server.close()
    assert not creating.done()
    server._kube.close()
    await creating
    assert client.wrote
    client.close()
    assert [o["metadata"]["name"] for o in (await client.list(Kind.SWEEP_RUN)).items] == ["mine"]


async def test_a_client_that_says_nothing_does_not_hold_up_the_end(directory: Path, server: ControlServer) -> None:
    with _short(directory / SOCKET) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    while not server._answering:
        await asyncio.sleep(0)
    await server.close()
    assert await reader.read() == b""
    writer.close()
