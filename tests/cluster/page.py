"""The page of a cluster as the chart starts it: the installed command, under an account of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.chart.renders import objects, render
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.processes import Process, free_port

_numbers = itertools.count()
ACCOUNT = "sweep-operator-ui"


def page_account(home: str, namespaces: Sequence[str]) -> list[Object]:
    """ServiceAccount, roles and bindings of the chart's page in ``home`` that shows ``namespaces``."""
    values = {"scope": "namespaced", "namespaces": list(namespaces), "ui": {"enabled": True}}
    kinds = ("ServiceAccount", "Role", "RoleBinding")
    made = objects(render(values, namespace=home))
    return [o for o in made if o["kind"] in kinds and o["metadata"]["name"] == ACCOUNT]


class Page:
    """One process. ``namespaces``: what it shows; the first one has its account. ``through``: for its kubeconfig."""

    def __init__(self, cluster: Kubectl, *namespaces: str, through: Callable[[Path], Path] = lambda path: path) -> None:
        self._cluster, self._namespaces = cluster, namespaces
        for obj in page_account(namespaces[0], namespaces):
            cluster.apply(obj, obj["metadata"]["namespace"])
        self._kubeconfig = through(cluster.kubeconfig_for(namespaces[0], ACCOUNT))
        self.account = f"system:serviceaccount:{namespaces[0]}:{ACCOUNT}"
        self.port = free_port()
        self._name = f"page-{namespaces[0]}-{next(_numbers)}"
        self.process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Page:
        """Returns when it is ready. Raises NotReady."""
        command = [
            Path(sys.executable).with_name("sweep-ui"),
            *(f"--namespace={n}" for n in self._namespaces),
            f"--kubeconfig={self._kubeconfig}",
            "--host=127.0.0.1",
            f"--port={self.port}",
            "--allowed-host=sweeps.example.com",
            "--log-level=DEBUG",
        ]
        self.process = Process(self._name, command, self._cluster.folder)
        self.process.until(self._ready)
        return self

    def __enter__(self) -> Page:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def log(self) -> str:
        """All that it has logged."""
        assert self.process is not None
        return self.process.log.read_text()

    @contextlib.asynccontextmanager
    async def session(self, token: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A browser of the token's owner."""
        headers = {"Authorization": f"Bearer {token}"}
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(self.url, headers=headers, connector=connector) as session:
            yield session


class Stream:
    """What an open page knows: the events applied as the page applies them."""

    def __init__(self, session: aiohttp.ClientSession, sweep: str | None = None) -> None:
        self._session, self._query = session, {} if sweep is None else {"sweep": sweep}
        self.sweeps: dict[str, Object] = {}
        self.runs: dict[str, Object] = {}
        self.trouble = ""
        self.troubles: list[str] = []
        self.last_id = ""

    async def follow(self) -> None:
        """Read until the stream ends; continues where it ended when it is called again."""
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.get("/api/events", params=self._query, headers=headers, timeout=timeout) as answer:
            answer.raise_for_status()
            kind, data = "", b""
            async for line in _lines(answer.content):
                name, _, value = line.rstrip(b"\n").partition(b": ")
                if name == b"event":
                    kind = value.decode()
                elif name == b"data":
                    data = value
                elif name == b"id":
                    self.last_id = value.decode()
                elif not line.strip() and kind:
                    self._apply(kind, json.loads(data))
                    kind = ""

    def _apply(self, kind: str, data: Any) -> None:
        if kind == "snapshot":
            self.sweeps = {_key(row): row for row in data["sweeps"]}
            self.runs = {row["name"]: row for row in (data["page"] or {}).get("runs", [])}
        elif kind == "sweeps":
            self.sweeps |= {_key(row): row for row in data["changed"]}
            for key in data["deleted"]:
                self.sweeps.pop(key, None)
        elif kind == "page":
            self.runs |= {row["name"]: row for row in data["changed"]}
            for name in data["deleted"]:
                self.runs.pop(name, None)
        elif kind == "trouble":
            self.trouble = data["message"]
            self.troubles.append(self.trouble)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length; a snapshot of thousands of runs is one."""
    parts: list[bytes] = []
    async for chunk in content.iter_any():
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*parts, line])
            parts = []
        parts.append(rest)


def _key(row: Object) -> str:
    return f"{row['namespace']}/{row['name']}"
