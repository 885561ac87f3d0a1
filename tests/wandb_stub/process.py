"""The server in a process of its own, for tests that start it late or kill it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster.processes import free_port
from tests.wandb_stub.app import Rejected, Seen
from tests.wandb_stub.control import PATH
from tests.wandb_stub.records import Run, Sweep

ROOT = Path(__file__).resolve().parents[2]


class WandbServerProcess:
    """``python -m tests.wandb_stub``. Its port and its state outlive ``kill``: ``start`` goes on where it was.

    Args:
        state: the file that keeps what was answered.
        port: a fixed one, so that ``url`` is known before ``start``; by default a free one.
        arguments: more of the command's arguments.
    """

    def __init__(self, state: Path, *arguments: str, port: int | None = None) -> None:
        self.state, self.arguments = state, arguments
        self.port = free_port() if port is None else port
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """
        Raises:
            RuntimeError: the server ended at once; the message holds why.
        """
        command = [sys.executable, "-m", "tests.wandb_stub", "--with-parent", "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*command, "--state", str(self.state), *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            _, errors = self._process.communicate()
            raise RuntimeError(f"the W&B test server did not start: {errors}")
        return self

    def kill(self) -> None:
        """SIGKILL: nothing is said to anybody."""
        self._end(kill=True)

    def stop(self) -> None:
        self._end(kill=False)

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.communicate()
        self._process = None

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        defects = self.call("defects") if self._process is not None and error is None else []
        self.stop()
        assert not defects, f"the W&B test server has defects: {defects}"

    # -- what is there, and what goes wrong ----------------------------------------------------------------------------

    def call(self, name: str, **options: Any) -> Any:
        """One of the calls of ``control``."""
        body = json.dumps({"call": name, "options": options}).encode()
        request = urllib.request.Request(self.url + PATH, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:
            return json.load(response)["answer"]

    def runs(self, project: str | None = None, *, deleted: bool = False) -> list[Run]:
        return [Run(**run) for run in self.call("runs", project=project, deleted=deleted)]

    def sweeps(self, project: str | None = None) -> list[Sweep]:
        return [Sweep(**sweep) for sweep in self.call("sweeps", project=project)]

    def requests(self, operation: str | None = None) -> list[Seen]:
        """What was asked since this process started."""
        return [Seen(**seen) for seen in self.call("requests", operation=operation)]

    def rejected(self) -> list[Rejected]:
        return [Rejected(**rejected) for rejected in self.call("rejected")]

    def add_fault(self, kind: str, on: str = "*", **more: Any) -> None:
        """See ``faults.Fault``."""
        self.call("add_fault", kind=kind, on=on, **more)

    def add_random_faults(self, seed: int, counts: Mapping[str, int], **more: Any) -> None:
        """See ``faults.Faults.add_random``."""
        self.call("add_random_faults", seed=seed, counts=counts, **more)

    def injected(self) -> dict[str, int]:
        """How often each fault was injected since this process started."""
        injected: dict[str, int] = self.call("faults")["injected"]
        return injected
