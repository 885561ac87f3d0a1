"""Child processes that end with us, whatever ends us, and whose logs are told when they fail."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class NotReady(Exception):
    """A process ended, or did not become ready in time. The message has the end of its log."""


class Process:
    """One server process with a log file."""

    def __init__(
        self, name: str, command: Sequence[str | Path], folder: Path, *, env: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [str(c) for c in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=folder,
                start_new_session=True,  # a Ctrl-C at the terminal is for the tests to handle
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    def send(self, number: signal.Signals) -> None:
        """A signal, if it still runs."""
        if self.exit_code is None:
            self._popen.send_signal(number)

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or None if it still runs after ``seconds``."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, patience: float = 120.0) -> None:
        """SIGTERM, and SIGKILL when that does not help."""
        self.send(signal.SIGTERM)
        if self.wait(patience) is None:
            self.kill()

    def kill(self) -> None:
        """SIGKILL."""
        self.send(signal.SIGKILL)
        self._popen.wait()

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def until(self, ready: Callable[[], bool], seconds: float = 180.0) -> None:
        """Wait until ``ready``. Raises NotReady when the process ends before that, or time runs out."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.exit_code is not None:
                raise NotReady(f"{self.name} ended with {self.exit_code}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} is not ready after {seconds:g} s:\n{self.tail()}")
            time.sleep(0.1)


def _die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


_PORTS = range(15_000, 32_000)
"""Below the ports that the kernel gives to connections: no client takes one of these before its server listens."""


def free_port() -> int:
    """A TCP port on the loopback address that nobody listens on now."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
