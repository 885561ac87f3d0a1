"""Child processes that speak JSON lines: one document per line on standard input and on standard output.

``ChildProcess`` is the parent's side, ``serve`` the child's. A child ends, with every process it has started, as soon
as its standard input closes: when the parent dies, nothing outlives it. wandb-core has a session of its own, so killing
a process group is not enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import resource
import shutil
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Never, Self, TypeVar

import psutil
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)
Send = Callable[[BaseModel], None]
_STDERR = "stderr.log"
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


class ChildFailed(Exception):
    """The process ended or wrote an invalid line. Kill it: the rest of its output answers no request."""

    def __init__(self, message: str, code: int | None = None) -> None:
        """``code``: exit code of a process that ended; -n: signal n."""
        super().__init__(message)
        self.code = code


class ChildProcess:
    """The parent's side of ``python -m module``."""

    def __init__(self, process: asyncio.subprocess.Process, title: str, folder: Path | None, secret: str) -> None:
        self._process, self._title, self._folder, self._secret = process, title, folder, secret
        self._family: list[psutil.Process] = []

    @classmethod
    async def start(
        cls,
        module: str,
        *,
        title: str,
        environ: Mapping[str, str],
        line_limit: int,
        folder: Path | None = None,
        secret: str = "",
        nice: int = 0,
    ) -> Self:
        """Start it.

        ``title``: what error messages call the process. ``line_limit``: longest answer in bytes. ``folder``: its
        working directory, which also receives its standard error; None: both are the parent's. ``secret``: removed
        from error messages. ``nice``: how much lower its CPU priority is than that of this process.
        """
        with contextlib.nullcontext() if folder is None else (folder / _STDERR).open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                limit=line_limit,
                cwd=folder,
                env=environ,
                start_new_session=True,  # the parent handles a Ctrl-C at the terminal
            )
        with contextlib.suppress(ProcessLookupError):  # it has already ended
            os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + nice)
        return cls(process, title, folder, secret)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    def send(self, document: BaseModel) -> None:
        """Write one line. A process that has ended is reported by ``receive``."""
        assert self._process.stdin is not None
        self._process.stdin.write(_line(document))

    async def receive(self, kind: type[M], seconds: float) -> M:
        """Read one line within ``seconds``. Raises TimeoutError, ChildFailed."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                line = await self._process.stdout.readline()
        except ValueError as error:  # longer than the limit
            raise ChildFailed(f"unexpected message from the {self._title}: {error}") from error
        if not line:
            code = await self._process.wait()
            raise ChildFailed(f"the {self._title} ended with exit code {code}{self._last_words()}", code)
        try:
            return kind.model_validate_json(line)
        except ValidationError as error:
            raise ChildFailed(f"unexpected message from the {self._title}: {line[:100]!r}") from error

    def remember_family(self, *, refresh: bool) -> None:
        """Note which processes the child has started: they outlive a child that something else kills."""
        if refresh or not self._family:
            self._family = _children(self.pid)

    async def kill(self) -> None:
        """Kill the process and every process it has started, and wait for its end."""
        family = self._family
        if self.running:
            family = [*_children(self.pid), *family]
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        # `wait` also waits for the ends of the pipes, which another process may hold open. What is not closed here is
        # closed by the garbage collector, perhaps after the event loop.
        self._process._transport.close()  # type: ignore[attr-defined]
        await self._process.wait()
        await asyncio.sleep(0)
        _kill(family)

    def _last_words(self) -> str:
        """The last line of its standard error, or nothing."""
        if self._folder is None:
            return ""
        lines = (self._folder / _STDERR).read_text(errors="replace").strip().splitlines()
        words = lines[-1] if lines else "no output"
        return f": {words.replace(self._secret, '***') if self._secret else words}"[:300]


class ChildOnDemand:
    """A child process that is started when it is needed, and again after its end."""

    def __init__(self, start: Callable[[], Awaitable[ChildProcess]]) -> None:
        self._start = start
        self._process: ChildProcess | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def running(self) -> ChildProcess:
        """The process. Raises what ``start`` raises."""
        self._keep()
        async with self._starting:
            if self._process is None or not self._process.running:
                self._process = await self._start()
            return self._process

    @property
    def process(self) -> ChildProcess | None:
        """The process, if it runs."""
        return self._process if self._process is not None and self._process.running else None

    async def close(self) -> None:
        """Kill the process."""
        self._keep()
        process, self._process = self._process, None
        if process is not None:
            await process.kill()
        if self._ending is not None:
            await self._ending

    def end_in(self, seconds: float) -> None:
        """Kill the process in ``seconds``, unless it is needed until then."""
        self._keep()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._end)

    def _keep(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            self._ending = asyncio.ensure_future(process.kill())


def limit_memory(limit: int) -> None:
    """Let allocations of this process beyond ``limit`` bytes fail. Works on Linux only."""
    if sys.platform.startswith("linux"):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def available_memory() -> int:
    """Memory of this container in bytes, or else of this machine."""
    total = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):
        return min(total, int(_CGROUP_LIMIT.read_text()))
    return total


_LINES: queue.SimpleQueue[bytes] = queue.SimpleQueue()
"""Lines of standard input that ``serve`` has not handled yet."""


def line_waits() -> bool:
    """Whether the parent has sent another line while ``serve`` handles one."""
    return not _LINES.empty()


def serve(
    answer: Callable[[bytes, Send], None], *, greeting: BaseModel | None = None, folder: Path | None = None
) -> Never:
    """Call ``answer`` with each line of standard input and a function that sends one document; never returns.

    ``greeting`` is sent first. ``folder`` is deleted when standard input closes: the parent, which would delete it, may
    have been killed. Standard output carries answers only: what libraries print goes to standard error.
    ``Send`` may be called from any thread.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    threading.Thread(target=_read, args=(_LINES, folder), daemon=True).start()
    sending = threading.Lock()

    def send(document: BaseModel) -> None:
        with sending:
            try:
                answers.write(_line(document))
                answers.flush()
            except BrokenPipeError:  # the parent was killed
                _end(folder)

    if greeting is not None:
        send(greeting)
    while True:
        answer(_LINES.get(), send)


def _line(document: BaseModel) -> bytes:
    return document.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"


def _read(lines: queue.SimpleQueue[bytes], folder: Path | None) -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    _end(folder)


def _end(folder: Path | None) -> Never:
    family = _children(os.getpid())
    _kill(family)
    if folder is not None:
        psutil.wait_procs(family, timeout=5)  # they write there
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()  # psutil checks that the id was not reused
