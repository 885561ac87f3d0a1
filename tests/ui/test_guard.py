"""Who is answered, and what every answer says to the browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from sweep_operator.kube.protocol import Forbidden
from sweep_operator.ui import stream
from sweep_operator.ui.machine import LocalUser
from tests.cli.stored_sweeps import finished, manifest, store
from tests.local.sweeps import PATIENCE
from tests.ui.serving import Client, served

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SWEEP = "/api/sweeps/default/s"
READS = (
    "/api/server", "/api/sweeps", "/api/events", SWEEP, f"{SWEEP}/curves", f"{SWEEP}/runs/s.r.0",
    f"{SWEEP}/runs/s.r.0/log", "/api/unknown", "/other",
)  # fmt: skip
WRITES = ("/api/actions", f"{SWEEP}/explain")
FILES = ("/", "/index.html", "/app.js", "/app.css")


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    store(tmp_path, manifest("s"), [finished(1.0)])
    return tmp_path


@pytest_asyncio.fixture
async def page(runs_dir: Path) -> AsyncIterator[Client]:
    async with served(runs_dir) as client:
        yield client


async def test_nothing_is_answered_without_the_token(page: Client) -> None:
    for authorization in (
        "",
        "Bearer ",
        f"Bearer {page.token}x",
        f"Basic {page.token}",
        "Bearer \N{SNOWMAN}",
        "Bearer \udcff",
    ):
        for method, paths in (("GET", READS), ("POST", WRITES)):
            for path in paths:
                status, found = await page.send(method, path, Authorization=authorization)
                assert status == 401, (path, authorization)
                assert page.token not in found["error"]
    status, _ = await page.text("/healthz")
    assert status == 200


async def test_a_name_that_points_to_this_machine_is_not_enough(page: Client) -> None:
    for path in (*READS, *FILES):
        for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.", "[", ""):
            status, found = await page.send("GET", path, Host=host or "0.0.0.0")
            assert (status, found["field"]) == (421, None), (path, host)
    for host in ("localhost:1", "127.0.0.1", "[::1]:99", "LOCALHOST"):
        assert (await page.send("GET", "/api/server", Host=host))[0] == 200


async def test_pages_of_other_sites_are_refused(page: Client) -> None:
    own = page.root.removeprefix("http://")
    for origin in (
        "http://evil.example",
        "null",
        f"http://{own}.evil.example",
        "http://localhost:1",
        "file://",
        "http://[",
    ):
        for path in (*READS, *FILES):
            assert (await page.send("GET", path, Origin=origin))[0] == 403, (path, origin)
        for path in WRITES:
            assert (await page.send("POST", path, {}, Origin=origin))[0] == 403, (path, origin)
    assert (await page.send("GET", "/api/server", Origin=page.root))[0] == 200


async def test_a_form_cannot_send_an_action(page: Client) -> None:
    for path in WRITES:
        status, found = await page.send("POST", path, {}, Content_Type="text/plain")
        assert (status, found["error"]) == (400, "Content-Type: must be application/json")


async def test_a_stream_ends_when_its_user_may_no_longer_see_the_sweep(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def withdrawn(*_: object) -> None:
        raise Forbidden("no longer allowed")

    monkeypatch.setattr(stream, "_HEARTBEAT", 0.1)
    async with page.stream("/api/events?sweep=default/s") as chunks, asyncio.timeout(PATIENCE):
        assert b"event: snapshot" in await anext(chunks)
        monkeypatch.setattr(LocalUser, "require", withdrawn)
        with suppress(aiohttp.ClientError):
            async for chunk in chunks:
                assert not chunk.replace(b": \n\n", b""), "heartbeats that were sent before"
    assert (await page.send("GET", "/api/events?sweep=default/s"))[0] == 403


async def test_every_answer_has_the_headers(page: Client) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {page.token}"}) as session:
        for path in (*READS, *FILES, *WRITES, "/healthz", "/readyz"):
            async with session.get(page.root + path) as answer:
                assert answer.headers["Content-Security-Policy"] == POLICY, path
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["Cache-Control"] == ("no-cache" if path in FILES else "no-store"), path
                assert "Access-Control-Allow-Origin" not in answer.headers
                assert "Set-Cookie" not in answer.headers


async def test_errors_name_what_is_wrong(page: Client) -> None:
    cases = {
        "/api/unknown": (404, "GET /api/unknown: Not Found"),
        "/api/sweeps/default/t": (404, "no sweep 't' in namespace default; it may have been deleted"),
        f"{SWEEP}/runs/s.r.9": (404, "no run 's.r.9' in sweep s; it may have been deleted"),
        f"{SWEEP}/runs/s.r.0/log?stage=test": (400, "stage: must be one of train, eval, got 'test'"),
        f"{SWEEP}/runs/s.r.0/log?tail=x": (400, "tail: must be a number, got 'x'"),
        "/api/events?sweep=s": (400, "sweep: must be namespace/name, got 's'"),
        "/api/sweeps/default/%3Cscript%3E": (404, "no sweep '<script>' in namespace default; it may have been deleted"),
    }
    for path, (status, text) in cases.items():
        assert await page.send("GET", path) == (status, {"error": text, "field": None})
    assert (await page.send("POST", "/api/sweeps", {}))[0] == 405
    status, found = await page.send("POST", "/api/actions", {"action": "dance", "namespace": "default", "sweep": "s"})
    assert (status, found["field"]) == (400, "action")
