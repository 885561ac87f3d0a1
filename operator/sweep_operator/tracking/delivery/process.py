"""Starts the delivery process when there is something to deliver, and kills it when a run makes no progress."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from sweep_operator.child_process import ChildFailed, ChildProcess
from sweep_operator.tracking.delivery.messages import Line, Parcel, Patience

LINE_LIMIT = 16 * 1024 * 1024
"""Longest line in bytes."""
START_SECONDS = 60.0
"""Additional time until the first message of a new process: loading the SDK is slow."""
FOLDER_PREFIX = "sweep-wandb-"
_KEPT = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_CREDENTIALS_FILE", "WANDB_INSECURE_DISABLE_SSL")
"""W&B settings that the child inherits: the login. The parcel defines everything else."""


class ChildGone(Exception):
    """The process ended, or was killed because ``run`` (None: unknown) made no progress."""

    def __init__(self, message: str, run: str | None = None) -> None:
        super().__init__(message)
        self.run = run


class DeliveryChild:
    """One process for one server at a time. Parcels are delivered one after the other."""

    def __init__(self, *, run_seconds: float, environ: Mapping[str, str] = os.environ) -> None:
        """``run_seconds``: the process is killed when a run, or the parcel, makes no progress for so long."""
        self._run_seconds, self._environ = run_seconds, environ
        self._process: ChildProcess | None = None
        self._base_url: str | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._stuck: set[str] = set()
        """Runs that this process began and did not deliver. wandb-core may still hold them, and accepts none twice."""

    async def deliver(self, base_url: str, parcel: Parcel) -> AsyncIterator[Line]:
        """Yield the results of the parcel. Raises ChildGone after the process has ended."""
        finished = False
        try:
            if any(card.id in self._stuck for card in parcel.runs):
                await self.close()
            fresh = not self.running or self._base_url != base_url
            process = await self._started(base_url, parcel.patience)
            process.send(parcel)
            under_way: dict[str, float] = {}
            since = time.monotonic() + (START_SECONDS if fresh else 0.0)
            while True:
                line = await self._line(process, under_way, since)
                since = time.monotonic()
                process.remember_family(refresh=line.kind == "done")
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
            if not finished:  # the rest of its output is not read
                await self.close()

    async def _line(self, process: ChildProcess, under_way: Mapping[str, float], since: float) -> Line:
        slowest = min(under_way, key=lambda r: under_way[r], default=None)
        deadline = (since if slowest is None else under_way[slowest]) + self._run_seconds
        try:
            return await process.receive(Line, deadline - time.monotonic())
        except TimeoutError:
            raise ChildGone(f"no progress within {self._run_seconds:g} s", slowest) from None
        except ChildFailed as error:
            raise ChildGone(str(error)) from error

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.running

    async def close(self) -> None:
        """Kill the process and wandb-core, which would retry for days."""
        process, self._process = self._process, None
        self._stuck.clear()
        if process is not None:
            await process.kill()
        folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(folder.cleanup)

    async def _started(self, base_url: str, patience: Patience) -> ChildProcess:
        if self._process is not None and self._process.running and self._base_url == base_url:
            return self._process
        await self.close()
        self._folder = tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self._process = await start_wandb(
            "sweep_operator.tracking.delivery.worker",
            "delivery process",
            environment(self._environ, base_url, folder, patience),
            folder,
            line_limit=LINE_LIMIT,
        )
        self._base_url = base_url
        return self._process


async def start_wandb(
    module: str, title: str, environ: Mapping[str, str], folder: Path, *, line_limit: int
) -> ChildProcess:
    """Start a process that uses the SDK. It runs in ``folder``, where the SDK looks for its settings."""
    secret = environ.get("WANDB_API_KEY", "")
    return await ChildProcess.start(
        module, title=title, environ=environ, line_limit=line_limit, folder=folder, secret=secret
    )


def own_folder() -> Path | None:
    """The directory that was created for this process; None: it uses another directory."""
    folder = Path(os.environ.get("WANDB_DIR", ""))
    return folder if folder.name.startswith(FOLDER_PREFIX) else None


def environment(outer: Mapping[str, str], base_url: str, folder: Path, patience: Patience) -> dict[str, str]:
    """Environment of a process that uses the SDK: the login of ``outer``, and fixed settings. The SDK never retries."""
    kept = {name: value for name, value in outer.items() if not name.startswith("WANDB_") or name in _KEPT}
    # The module is found from any directory, even if the package is not installed but only on the path.
    kept["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    retries = {
        f"WANDB__{service}_{name}": value
        for service in ("GRAPHQL", "FILE_STREAM", "FILE_TRANSFER")
        for name, value in (
            ("TIMEOUT_SECONDS", f"{patience.request:g}"),
            ("RETRY_MAX", "1"),
            ("RETRY_WAIT_MIN_SECONDS", "1"),
            ("RETRY_WAIT_MAX_SECONDS", "1"),
        )
    }
    return kept | {
        "PYTHONSAFEPATH": "1",  # its directory contains one that is named wandb
        "WANDB_BASE_URL": base_url,
        "WANDB_MODE": "online",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_HTTP_TIMEOUT": f"{max(1, round(patience.request))}",
        **retries,
        **{f"WANDB_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "CACHE", "DATA", "ARTIFACT")},
        "WANDB_DIR": str(folder),
        "TMPDIR": str(folder),  # the SDK leaves empty directories there
    }
