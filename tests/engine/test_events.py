"""Events: no pass waits for them, and they are combined and dropped if the API server is too slow for them."""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sweep_operator.engine.events import MANY, MOST, EventQueue
from sweep_operator.kube.protocol import Kind, Object, Unavailable
from tests.engine.world import RecordingKube, World, drive

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Slow:
    """A Kube that creates nothing before ``go`` is set."""

    def __init__(self, fails: int = 0) -> None:
        self.go, self.written, self._fails = asyncio.Event(), list[Object](), fails

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        await self.go.wait()
        if self._fails:
            self._fails -= 1
            raise Unavailable("503")
        self.written.append(body)
        return body


def about(name: str, kind: str = "SweepRun") -> Object:
    meta = {"name": name, "namespace": "n", "uid": f"uid-{name}"}
    return {"apiVersion": "metta.ai/v1alpha1", "kind": kind, "metadata": meta}


SWEEP = about("s", "Sweep")


async def written(kube: Slow, queue: EventQueue) -> list[Object]:
    kube.go.set()
    await queue.drain()
    return kube.written


def queue_on(kube: Slow) -> EventQueue:
    return EventQueue(kube, lambda: NOW)  # type: ignore[arg-type]


async def test_equal_events_that_wait_are_one_event_with_a_count() -> None:
    kube = Slow()
    queue = queue_on(kube)
    queue.put(SWEEP, None, "Normal", "First", "is being written")
    await asyncio.sleep(0)
    for _ in range(3):
        queue.put(about("s.r.1"), SWEEP, "Warning", "BackOff", "again")
    found = await written(kube, queue)
    assert [(e["reason"], e["count"]) for e in found] == [("First", 1), ("BackOff", 3)]
    assert queue.outcomes == {"written": 2, "combined": 2}


async def test_too_many_events_are_combined_and_warnings_are_kept() -> None:
    kube = Slow()
    queue = queue_on(kube)
    for n in range(MANY + 50):
        queue.put(about(f"s.r.{n}"), SWEEP, "Normal", "RunCompleted", f"score {n}")
    queue.put(about("s.r.7"), SWEEP, "Warning", "RunFailed", "crash")
    found = await written(kube, queue)
    assert len(found) == MANY + 2
    combined, warning = found[-2:]
    assert combined["involvedObject"]["name"] == "s"
    assert combined["count"] == 50
    assert combined["message"] == f"(combined from similar events) s.r.{MANY + 49}: score {MANY + 49}"
    assert (warning["involvedObject"]["name"], warning["message"]) == ("s.r.7", "crash")


async def test_events_beyond_the_limit_are_dropped() -> None:
    kube = Slow(fails=1)
    queue = queue_on(kube)
    for n in range(MOST + 5):
        queue.put(about(f"s.r.{n}"), SWEEP, "Warning", "RunFailed", "crash")
    assert len(await written(kube, queue)) == MOST - 1
    assert queue.outcomes == {"dropped": 5, "failed": 1, "written": MOST - 1}
    queue.put(SWEEP, None, "Normal", "Later", "the queue goes on")
    await queue.drain()
    assert kube.written[-1]["reason"] == "Later"


async def test_no_pass_waits_for_an_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server answers everything but Events."""

    class NoEvents(RecordingKube):
        async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
            if kind == Kind.EVENT:
                await asyncio.Event().wait()
            return await super().create(kind, body, dry_run=dry_run)

    world = World(tmp_path)
    world.kube = NoEvents(None, clock=lambda: world.now)
    await world.apply()
    engine = world.engine()
    monkeypatch.setattr(engine.events, "drain", functools.partial(asyncio.sleep, 0))
    assert await drive(world, engine) == "MaxRunsReached"
    engine.close()
