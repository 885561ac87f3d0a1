"""The page's server of a runs directory, and a client of it over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from sweep_operator.ui.here import page_here
from sweep_operator.ui.machine_page import machine_page
from tests.local.sweeps import PATIENCE
from tests.ui.reader import Event, Reader, parsed


class Client:
    """Sends requests with the token of the printed URL."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.root, _, self.token = url.partition("/#token=")

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of the answer. A header with the name ``Content_Type`` is sent as Content-Type."""
        given = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        sent = {name: value for name, value in given.items() if value}
        async with self._session.request(method, self.root + path, json=body, headers=sent) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> Any:
        """The document at ``path``."""
        status, found = await self.send("GET", path)
        assert status == 200, found
        return found

    async def text(self, path: str) -> tuple[int, str]:
        """Status and text of the answer."""
        async with self._session.get(self.root + path, headers=self._headers()) as answer:
            return answer.status, await answer.text()

    @asynccontextmanager
    async def stream(self, path: str, last_id: str | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        """What the server sends, as it comes."""
        headers = {**self._headers(), **({} if last_id is None else {"Last-Event-ID": last_id})}
        async with self._session.get(self.root + path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            yield answer.content.iter_any()

    async def events(self, sweep: str = "", last_id: str | None = None) -> AsyncIterator[Event]:
        """The events of the list, and of a sweep."""
        pending = b""
        async with self.stream(f"/api/events?sweep={sweep}", last_id) as chunks:
            async for chunk in chunks:
                pending += chunk
                whole, end, pending = pending.rpartition(b"\n\n")
                for event in parsed(whole + end):
                    yield event

    async def follow(self, reader: Reader, sweep: str, condition: Callable[[Reader], Any]) -> None:
        """Let ``reader`` receive events until the condition holds."""
        async with asyncio.timeout(PATIENCE):
            events = self.events(sweep, reader.last_id)
            async for event in events:
                reader.apply(event)
                if condition(reader):
                    break
            await events.aclose()  # type: ignore[attr-defined]

    async def act(self, action: str, sweep: str = "done", **fields: Any) -> tuple[int, Any]:
        """The answer to an action."""
        body = {"action": action, "namespace": "default", "sweep": sweep, "preview": False, **fields}
        return await self.send("POST", "/api/actions", body)

    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@asynccontextmanager
async def served(runs_dir: Path, *, writes: bool = False) -> AsyncIterator[Client]:
    """The server in this process."""
    async with page_here(machine_page(runs_dir, writes=writes)) as url, aiohttp.ClientSession() as session:
        yield Client(session, url)


async def until(condition: Callable[[], Any]) -> Any:
    """Wait until the awaited condition holds; return its value."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await condition()):
            await asyncio.sleep(0.1)
    return found
