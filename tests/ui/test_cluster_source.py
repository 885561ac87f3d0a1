"""What the source of a cluster keeps: only what has changed is read again, through lists and watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from sweep_operator.kube.protocol import Gone, Kind, NotFound, Object, ObjectList, WatchEvent
from sweep_operator.ui.cluster import ClusterSource
from sweep_operator.ui.source import Key

KEY = Key("n", "s")


def sweep(version: int = 1) -> Object:
    return {"metadata": {"namespace": "n", "name": "s", "uid": "sweep", "resourceVersion": str(version)}}


def run(name: str, version: int, of: str = "s") -> Object:
    meta = {"namespace": "n", "name": name, "uid": f"{name}-{of}", "resourceVersion": str(version)}
    return {"metadata": meta, "spec": {"sweepName": of, "parameters": {"x": version}}}


class Server:
    """Lists ``runs``. ``send`` a change to the watch of runs, or an error that ends it."""

    def __init__(self, *runs: Object) -> None:
        self.runs, self.lists = list(runs), 0
        self._changes: asyncio.Queue[WatchEvent | Exception] = asyncio.Queue()
        self.send = self._changes.put_nowait

    async def list(self, kind: Kind, namespace: str | None, **_: Any) -> ObjectList:
        self.lists += kind == Kind.SWEEP_RUN
        return ObjectList([sweep()] if kind == Kind.SWEEP else tuple(self.runs), 7)

    async def watch(self, kind: Kind, namespace: str | None, **_: Any) -> AsyncIterator[WatchEvent]:
        if kind == Kind.SWEEP:
            await asyncio.Event().wait()
        while True:
            change = await self._changes.get()
            if isinstance(change, Exception):
                raise change
            yield change


@asynccontextmanager
async def reading(server: Server) -> AsyncIterator[ClusterSource]:
    source = ClusterSource(cast(Any, server))
    task = asyncio.create_task(source.run())
    async with asyncio.timeout(60):
        await source.changed()
        yield source
    task.cancel()


async def test_only_what_has_changed_is_read_again() -> None:
    server = Server(run("a", 1), run("b", 2))
    async with reading(server) as source:
        first = await source.runs(KEY, None)
        assert list(first.changed) == server.runs
        assert list((await source.runs(KEY, first.version)).changed) == []
        server.send(WatchEvent("MODIFIED", run("b", 3)))
        server.send(WatchEvent("DELETED", run("a", 4)))
        await source.changed()
        second = await source.runs(KEY, first.version)
        assert list(second.changed) == [run("b", 3)]
        assert second.names == ["b"]
        assert await source.objects(KEY, ["a-s", "b-s"]) == [run("b", 3)]
        with pytest.raises(NotFound, match="no sweep named 'other' in namespace n"):
            await source.runs(Key("n", "other"), None)


async def test_a_list_after_an_interruption_replaces_what_was_known() -> None:
    """Of the runs, one was deleted, one has changed, one was created again for another sweep."""
    server = Server(run("a", 1), run("b", 2), run("c", 3), run("same", 4))
    async with reading(server) as source:
        first = await source.runs(KEY, None)
        server.runs = [run("b", 5), run("c", 6, of="other"), run("same", 4)]
        server.send(Gone("too old"))
        await source.changed()
        second = await source.runs(KEY, first.version)
        assert (list(second.changed), second.names) == ([run("b", 5)], ["b", "same"])
        assert server.lists == 2
        assert source.trouble() == "", "a version that is too old is not an outage"
