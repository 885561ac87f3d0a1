"""Starts the delivery process when there is something to deliver, and kills it when a run makes no progress."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import psutil
from pydantic import ValidationError

from sweep_operator.tracking.delivery.messages import Line, Parcel, Patience
from sweep_operator.tracking.processes import children, kill, last_words, start

LINE_LIMIT = 16 * 1024 * 1024
"""Longest line in bytes."""
START_SECONDS = 60.0
"""Additional time until the first message of a new process: loading the SDK is slow."""
_KEPT = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_CREDENTIALS_FILE", "WANDB_INSECURE_DISABLE_SSL")
"""W&B settings that the child inherits: the login. The parcel defines everything else."""


class ChildGone(Exception):
    """The process ended, or was killed because ``run`` (None: unknown) made no progress."""

    def __init__(self, message: str, run: str | None = None) -> None:
        super().__init__(message)
        self.run = run


class DeliveryChild:
    """One process for one server at a time. Parcels are worked on one after the other."""

    def __init__(self, *, run_seconds: float, environ: Mapping[str, str] = os.environ) -> None:
        """``run_seconds``: without progress for so long, with a run or between two, the process is killed."""
        self._run_seconds, self._environ = run_seconds, environ
        self._process: asyncio.subprocess.Process | None = None
        self._base_url: str | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._stuck: set[str] = set()
        """Runs that this process began and did not deliver: wandb-core may hold on to them, and takes none twice."""
        self._helpers: list[psutil.Process] = []
        """Processes that it has started: they outlive a child that something else kills."""

    async def deliver(self, base_url: str, parcel: Parcel) -> AsyncIterator[Line]:
        """Yield the results of the parcel. Raises ChildGone after the process has ended."""
        finished = False
        try:
            if any(card.id in self._stuck for card in parcel.runs):
                await self.close()
            fresh = not self.running or self._base_url != base_url
            process = await self._started(base_url, parcel.patience)
            assert process.stdin is not None
            process.stdin.write(parcel.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")
            under_way: dict[str, float] = {}
            since = time.monotonic() + (START_SECONDS if fresh else 0.0)
            while True:
                line = await self._line(process, under_way, since)
                since = time.monotonic()
                if not self._helpers or line.kind == "done":
                    self._helpers = children(process.pid)
                if line.kind == "began" and line.run is not None:
                    under_way[line.run] = since
                    self._stuck.add(line.run)
                elif line.kind == "left" and line.run is not None:
                    under_way.pop(line.run, None)
                elif line.kind == "delivered" and line.run is not None:
                    self._stuck.discard(line.run)
                elif line.kind == "done":
                    finished = True
                    return
                yield line
        finally:
            if not finished:  # nothing reads the rest of its pipe
                await self.close()

    async def _line(self, process: asyncio.subprocess.Process, under_way: Mapping[str, float], since: float) -> Line:
        assert process.stdout is not None
        slowest = min(under_way, key=lambda r: under_way[r], default=None)
        deadline = (since if slowest is None else under_way[slowest]) + self._run_seconds
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                text = await process.stdout.readline()
        except TimeoutError:
            raise ChildGone(f"no progress within {self._run_seconds:g} s", slowest) from None
        except ValueError as error:
            raise ChildGone(f"unexpected message from the delivery process: {error}") from error
        if not text:
            raise ChildGone(f"the delivery process ended{await self._last_words(process)}")
        try:
            return Line.model_validate_json(text)
        except ValidationError as error:
            raise ChildGone(f"unexpected message from the delivery process: {text[:100]!r}") from error

    async def _last_words(self, process: asyncio.subprocess.Process) -> str:
        code = await process.wait()
        words = "" if self._folder is None else last_words(Path(self._folder.name), self._environ)
        words = f": {words}" if words else ""
        return f" with exit code {code}{words}"

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.returncode is None

    async def close(self) -> None:
        """End the process and wandb-core, which would go on trying for days."""
        process, self._process = self._process, None
        self._stuck.clear()
        helpers, self._helpers = self._helpers, []
        if process is not None and process.returncode is None:
            helpers = [*children(process.pid), *helpers]
            process.kill()
            await process.wait()
        kill(helpers)
        if self._folder is not None:
            folder, self._folder = self._folder, None
            await asyncio.to_thread(folder.cleanup)

    async def _started(self, base_url: str, patience: Patience) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None and self._base_url == base_url:
            return self._process
        await self.close()
        self._folder = tempfile.TemporaryDirectory(prefix="sweep-wandb-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self._process = await start(
            "sweep_operator.tracking.delivery.worker",
            folder,
            environment(self._environ, base_url, folder, patience),
            line_limit=LINE_LIMIT,
        )
        self._base_url = base_url
        return self._process


def environment(outer: Mapping[str, str], base_url: str, folder: Path, patience: Patience) -> dict[str, str]:
    """Of the child: how to log in from ``outer``, everything else as it must be. Repeating is the outbox's business."""
    kept = {name: value for name, value in outer.items() if not name.startswith("WANDB_") or name in _KEPT}
    # A script is found from any folder, also where the package is not installed but on the path.
    kept["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    seconds = f"{patience.request:g}"
    return kept | {
        "PYTHONSAFEPATH": "1",  # its folder holds one called wandb
        "WANDB_BASE_URL": base_url,
        "WANDB_MODE": "online",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_HTTP_TIMEOUT": f"{max(1, round(patience.request))}",
        "WANDB__GRAPHQL_TIMEOUT_SECONDS": seconds,
        "WANDB__GRAPHQL_RETRY_MAX": "1",
        "WANDB__GRAPHQL_RETRY_WAIT_MIN_SECONDS": "1",
        "WANDB__GRAPHQL_RETRY_WAIT_MAX_SECONDS": "1",
        "WANDB__FILE_STREAM_TIMEOUT_SECONDS": seconds,
        "WANDB__FILE_STREAM_RETRY_MAX": "1",
        "WANDB__FILE_STREAM_RETRY_WAIT_MIN_SECONDS": "1",
        "WANDB__FILE_STREAM_RETRY_WAIT_MAX_SECONDS": "1",
        "WANDB__FILE_TRANSFER_TIMEOUT_SECONDS": seconds,
        "WANDB__FILE_TRANSFER_RETRY_MAX": "1",
        "WANDB__FILE_TRANSFER_RETRY_WAIT_MIN_SECONDS": "1",
        "WANDB__FILE_TRANSFER_RETRY_WAIT_MAX_SECONDS": "1",
        **{f"WANDB_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "ARTIFACT")},
        "WANDB_DIR": str(folder),
    }
