"""What is read when, and what the probes hear of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sweep_operator.engine import queue
from sweep_operator.engine.engine import Engine
from sweep_operator.kube.protocol import Unavailable
from sweep_operator.runtime import auditor
from sweep_operator.runtime.health import Health
from sweep_operator.runtime.operation import acquire
from tests.engine.world import KEY, NS, World


class Reads:
    """The calls, of which the first one of each kind fails."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        for name in ("read_ahead", "resume", "audit"):
            monkeypatch.setattr(engine, name, self._counted(name))

    def _counted(self, name: str):  # type: ignore[no-untyped-def]
        async def read(scope: str | None) -> None:
            self.calls.append(name)
            if self.calls.count(name) == 1:
                raise Unavailable("503")

        return read


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return World(tmp_path).engine()


async def test_the_first_audit_follows_the_first_passes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is retried until it succeeds. Reading ahead does not count as a resync: a candidate can wait for hours."""
    for where, pause in ((auditor, "_RETRY"), (queue, "_LOOK")):
        monkeypatch.setattr(where, pause, 0.001)
    reads, health = Reads(engine, monkeypatch), Health(engine, lambda: 7.0, 300.0)
    await auditor.read_ahead(engine, [NS])
    assert (health.last_audit, health.listed) == (None, False)
    await auditor.resume(engine, [NS], health)
    assert (health.last_audit, health.listed) == (7.0, True)
    engine.queue.add(KEY)
    auditing = asyncio.create_task(auditor.keep_auditing(engine, [NS], health, 0.001))
    await asyncio.sleep(0.02)
    assert "audit" not in reads.calls
    engine.queue.done(await engine.queue.take())
    while reads.calls.count("audit") < 3:
        await asyncio.sleep(0.001)
    auditing.cancel()
    assert reads.calls[:3] == ["read_ahead", "resume", "resume"]


class Lease:
    """Held by another process for a while."""

    def __init__(self) -> None:
        self.free = asyncio.Event()

    async def acquire(self) -> None:
        await self.free.wait()


async def test_a_candidate_reads_ahead_until_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it still reads then is stopped: it must renew its lease."""
    lease, reading, stopped = Lease(), asyncio.Event(), asyncio.Event()

    async def read() -> None:
        reading.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    acquiring = asyncio.create_task(acquire(lease, read))  # type: ignore[arg-type]
    await reading.wait()
    lease.free.set()
    await asyncio.wait_for(acquiring, 60)
    assert stopped.is_set()


async def test_a_free_lease_is_acquired_without_reading_ahead() -> None:
    lease, read = Lease(), list[str]()
    lease.free.set()

    async def reading() -> None:
        read.append("ahead")

    await acquire(lease, reading)  # type: ignore[arg-type]
    assert not read
