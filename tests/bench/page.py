"""The page's server with many runs and many open pages: `python -m tests.bench.page [--runs 5000] [--clients 100]`.

A real `sweep ui` serves a state file that this process writes. Measured are the first document (time until it is
there, bytes), the server's resident memory and CPU time, and the time from a change in the state file until all clients
have it. Wall times depend on what else the machine does; CPU seconds hardly.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import psutil

from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from tests.cli.stored_sweeps import T0
from tests.page_samples import big_sweep_json, changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--changes", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), options.runs, options.clients, options.changes))


async def measure(runs_dir: Path, runs: int, clients: int, changes: int) -> None:
    """Print all figures."""
    (runs_dir / "big").mkdir()
    with closing(EmbeddedKube(runs_dir / "big/state.db", clock=lambda: T0)) as kube:
        key, active = await fill(kube, runs)
        async with served(runs_dir) as (process, port):
            print(f"{runs} runs with curves; the server before any page: {resident(process)}\n")
            print("| what | wall s | CPU s of the server | |\n|---|---|---|---|")
            for name in ("the first document", "the document again"):
                with Stopwatch(process) as watch:
                    size = await document(port, f"/api/sweeps/{key}")
                print(f"| {name} | {watch} | {size / 1e6:.1f} MB |")
            readers = [Follower(port, key) for _ in range(clients)]
            with Stopwatch(process) as watch:
                await asyncio.gather(*(reader.connect() for reader in readers))
            print(f"| {clients} pages get their snapshot | {watch} | {resident(process)} |", flush=True)
            following = [asyncio.create_task(reader.follow()) for reader in readers]
            seconds = []
            with Stopwatch(process) as watch:
                for number in range(changes):
                    seconds.append(await change(kube, active[number % len(active)], number, readers))
                    await asyncio.sleep(0.2)
            for task in following:
                task.cancel()
            print(f"| {changes} changes of one run each, {clients} pages | {watch} | {resident(process)} |")
            tail = statistics.quantiles(seconds, n=100)[98]
            print(f"\nA change is at all {clients} pages after {statistics.median(seconds):.2f} s (p99 {tail:.2f} s).")


async def fill(kube: EmbeddedKube, runs: int) -> tuple[str, list[dict[str, Any]]]:
    """Store the sample in the directory big; return the sweep's key and its active runs."""
    sweep, bodies = big_sweep_json(runs)
    active = []
    with kube.together():
        made = await kube.create(Kind.SWEEP, {**sweep, "metadata": _metadata(sweep)})
        await kube.update_status(Kind.SWEEP, {**made, "status": sweep["status"]})
        for body in bodies:
            run = await kube.create(Kind.SWEEP_RUN, {**body, "metadata": _metadata(body)})
            run = await kube.update_status(Kind.SWEEP_RUN, {**run, "status": body["status"]})
            if (run["status"].get("progress") or {}).get("step"):
                active.append(run)
    return "default/big", active


async def change(kube: EmbeddedKube, run: dict[str, Any], number: int, readers: list[Follower]) -> float:
    """Write another report of a run; return the seconds until all readers have it."""
    value = 1000.0 + number
    began = time.monotonic()
    current = await kube.get(Kind.SWEEP_RUN, "default", run["metadata"]["name"])
    await kube.update_status(Kind.SWEEP_RUN, changed(current, value))
    wanted = str(value).encode()
    await asyncio.gather(*(reader.has(wanted) for reader in readers))
    return time.monotonic() - began


class Follower:
    """An open page that only looks for values. It reads bytes, so that the clients take little CPU time."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._seen, self._arrived = b"", asyncio.Event()

    async def connect(self) -> None:
        """Read the snapshot."""
        self._reader, writer = await request(self._port, f"/api/events?sweep={self._key}")
        self._writer = writer
        begun = False
        while not (begun and self._seen.endswith(b"\n\n\r\n")):  # the end of a chunk
            self._seen = (self._seen + await self._reader.read(1 << 18))[-(1 << 19) :]
            begun |= b"event: curves" in self._seen

    async def follow(self) -> None:
        """Keep the last megabyte."""
        while data := await self._reader.read(1 << 16):
            self._seen = (self._seen + data)[-(1 << 18) :]
            self._arrived.set()

    async def has(self, wanted: bytes) -> None:
        """Wait until the bytes were received."""
        while wanted not in self._seen:
            self._arrived.clear()
            await self._arrived.wait()


async def document(port: int, path: str) -> int:
    """Bytes of a document."""
    reader, writer = await request(port, path)
    length = 0
    while (line := await reader.readline()).strip():
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    await reader.readexactly(length)
    writer.close()
    return length


async def request(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a GET with the token."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer bench\r\n\r\n".encode())
    await writer.drain()
    return reader, writer


@asynccontextmanager
async def served(runs_dir: Path) -> AsyncIterator[tuple[psutil.Process, int]]:
    """A `sweep ui`, killed at the end of the block."""
    command = [sys.executable, "-m", "sweep_operator.cli.main", "ui", "--runs-dir", str(runs_dir), "--no-browser"]
    env = {**os.environ, "SWEEP_UI_TOKEN": "bench"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    try:
        found = None
        while found is None:
            found = re.search(r"http://127.0.0.1:(\d+)", await asyncio.to_thread(process.stdout.readline))
        yield psutil.Process(process.pid), int(found[1])
    finally:
        process.kill()
        process.wait()


class Stopwatch:
    """Wall seconds, and CPU seconds of a process."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process

    def __enter__(self) -> Stopwatch:
        self._began, self._cpu = time.monotonic(), self._used()
        return self

    def __exit__(self, *_: object) -> None:
        self._text = f"{time.monotonic() - self._began:.2f} | {self._used() - self._cpu:.2f}"

    def __str__(self) -> str:
        return self._text

    def _used(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)


def resident(process: psutil.Process) -> str:
    """Resident memory."""
    return f"{process.memory_info().rss / 1e6:.0f} MB"


def _metadata(body: dict[str, Any]) -> dict[str, Any]:
    return {"name": body["metadata"]["name"], "namespace": "default"}


if __name__ == "__main__":
    main()
