"""CPU seconds of one pass, and memory of the process, by the number of finished runs."""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import Settings
from sweep_operator.kube.protocol import Kind, Labels, Object, ObjectList, WatchEvent
from tests.bench.scale.objects import copies, newer, templates
from tests.engine.world import KEY, NoWarmStart, Sequence

PASSES = 10


class Still:
    """A Kube without objects of its own: statuses are accepted, and nothing else is asked of it."""

    def __init__(self) -> None:
        self.version, self.writes = 10_000_000, 0

    async def update_status(self, kind: Kind, body: Object) -> Object:
        self.writes += 1
        return newer(body, self.next())

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False) -> Object:
        return newer(body, self.next())

    async def pages(
        self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None
    ) -> AsyncIterator[ObjectList]:
        yield await self.list(kind, namespace, labels=labels)

    async def list(self, kind: Kind, namespace: str | None = None, *, labels: Labels | None = None) -> ObjectList:
        return ObjectList((), 0)

    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[WatchEvent]:
        await asyncio.Event().wait()
        yield WatchEvent("ADDED", {})

    def next(self) -> int:
        self.version += 1
        return self.version


def resident_kb() -> float:
    """Resident memory of this process."""
    gc.collect()
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return float(fields["VmRSS"].split()[0])


async def measure(finished: int, live: int) -> dict[str, float]:
    """Passes in which nothing has changed, and passes after an event of one live pod."""
    done, running = await asyncio.to_thread(templates, live)
    kube, now = Still(), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=1)
    settings = Settings(config=OperatorConfig(), now=lambda: now, monotonic=time.monotonic, require_image=False)
    optimizer = Sequence()
    engine = Engine(kube, optimizer, NoWarmStart(), settings)  # type: ignore[arg-type]
    for kind in (Kind.SWEEP, Kind.REVISION):
        engine.apply(kind, done[kind])
    begin = time.process_time()
    pods = []
    for kind, obj in copies(running, 1, finished, live):
        engine.apply(kind, obj)
        pods += [obj] if kind == Kind.POD else []
    for _ in range(3):
        await engine.reconcile(KEY)
    kb = resident_kb()
    for number, (kind, obj) in enumerate(copies(done, 0, 0, finished)):
        engine.apply(kind, obj)
        if number % (3 * live) == 0:
            await engine.reconcile(KEY)
            optimizer.asked.clear()  # each request has the observations so far; nothing of the engine keeps them
    for _ in range(4):
        await engine.reconcile(KEY)
    built, writes = time.process_time() - begin, kube.writes
    idle, event = [], []
    for number in range(PASSES):
        idle.append(await _pass(engine))
        pods[number % live] = newer(pods[number % live], kube.next())
        engine.apply(Kind.POD, pods[number % live])
        event.append(await _pass(engine))
    assert kube.writes == writes, "a pass without changes has written"
    return {
        "idle_ms": 1e3 * statistics.median(idle),
        "event_ms": 1e3 * statistics.median(event),
        "first_s": built,
        "kb_per_run": (resident_kb() - kb) / finished,
    }


async def _pass(engine: Engine) -> float:
    began = time.process_time()
    await engine.reconcile(KEY)
    return time.process_time() - began


def report(sizes: list[int], live: int) -> None:
    """One row for each number of finished runs, each in a process of its own."""
    print(f"One pass with {live} live runs (CPU ms), reading everything (CPU s), memory per finished run (kB):\n")
    print("| finished | nothing changed | one pod changed | first passes | memory |\n|---|---|---|---|---|")
    for n in sizes:
        command = [sys.executable, "-m", "tests.bench.scale", "one", "--finished", str(n), "--live", str(live)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        cells = (f"{row['idle_ms']:.2f}", f"{row['event_ms']:.2f}", f"{row['first_s']:.2f}", f"{row['kb_per_run']:.1f}")
        print(f"| {n:,} | " + " | ".join(cells) + " |", flush=True)
