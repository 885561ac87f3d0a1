"""All that the open pages show, kept current by one task. A hundred clients share each reading, conversion and message.

The task makes passes, at most four per second: each reads what has changed since the pass before. A client is told what
has changed after the last pass that it has seen, so that changes merge while a client is slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Collection, Mapping

from sweep_operator.api.errors import InvalidObject
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.kube.protocol import KubeError, NotFound, Object, Unavailable
from sweep_operator.ui.board import Board, named, to_bytes
from sweep_operator.ui.source import Key, Source, Sweeps
from sweep_operator.ui.tracked import Tracked
from sweep_operator.views.page.sweeps import sweep_row

log = logging.getLogger(__name__)
_PAUSE = 0.25
"""Seconds between passes."""
_RETRY = 2.0
"""Seconds until the next pass after one that has failed."""
_FIRST_PASS = 10.0
"""Seconds that a request waits for the first pass."""
_KEPT_SECONDS = 60.0
"""A sweep that nobody looks at is forgotten after so long."""


class Hub:
    """``async with`` runs the passes."""

    def __init__(self, source: Source) -> None:
        self.epoch = secrets.token_hex(8)
        self.now = 1
        """Number of the last pass that changed anything."""
        self.sweeps: dict[Key, Object] = {}
        self._unreadable: list[str] = []
        self.unreadable_changed = 0
        self.trouble = ""
        self.trouble_changed = 0
        self.rows = Tracked()
        self._errors: dict[Key, str] = {}
        self._source = source
        self._boards: dict[Key, Board] = {}
        self._opened = 0
        self.ready = False
        """Whether the sweeps have been read."""
        self._asked = asyncio.Event()
        self._next_pass = asyncio.Event()
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Make passes while the block runs."""
        tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._passes())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def opened(self, key: Key) -> AsyncIterator[Board]:
        """The sweep ``key`` in detail, current while the block runs. Raises KubeError if it cannot be read."""
        board = self._boards.get(key)
        if board is None:
            self._opened += 1
            board = self._boards[key] = Board(key, self._opened)
        board.clients += 1
        try:
            await self.until_ready()
            if board.began == 0:
                async with self._lock:  # between two passes
                    if board.began == 0:
                        await board.refresh(self._source, self.sweeps.get(key), self.now)
            yield board
        finally:
            board.clients -= 1
            board.idle_since = asyncio.get_running_loop().time()
            if not board.clients and not board.exists:
                self._boards.pop(key, None)

    @contextlib.asynccontextmanager
    async def opened_existing(self, key: Key) -> AsyncIterator[Board]:
        """As ``opened``. Raises NotFound."""
        async with self.opened(key) as board:
            if not board.exists:
                raise _missing(key)
            yield board

    async def changed(self, seen: int, timeout: float) -> None:
        """Wait for a pass after ``seen`` that has changed anything, for ``wake``, or for ``timeout`` seconds."""
        if self.now <= seen:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._next_pass.wait()

    def sweep(self, key: Key) -> Object:
        """The Sweep. Raises NotFound."""
        if (found := self.sweeps.get(key)) is None:
            raise _missing(key)
        return found

    def unreadable(self, namespaces: Collection[str]) -> list[str]:
        """What cannot be read, of these namespaces."""
        errors = (text for key, text in self._errors.items() if key.namespace in namespaces)
        return [*self._unreadable, *errors]

    def namespaces(self) -> frozenset[str]:
        """The namespaces that have sweeps."""
        return frozenset(key.namespace for key in self.sweeps)

    async def until_ready(self) -> None:
        """Wait for the first pass. Raises Unavailable if it cannot be made."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_PASS):
                while not self.ready and not self.trouble:
                    await self._next_pass.wait()
        if not self.ready:
            raise Unavailable(self.waits_for)

    @property
    def waits_for(self) -> str:
        """Why the first pass is not over."""
        return self.trouble or self._source.trouble() or "the sweeps are being read"

    def wake(self) -> None:
        """Let all clients look at the state again."""
        self._next_pass.set()
        self._next_pass = asyncio.Event()

    async def _follow(self) -> None:
        """Ask for a pass when the source has changes."""
        while True:
            await self._source.changed()
            self._asked.set()

    async def _passes(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                async with self._lock:
                    await self.refresh()
                self._tell(self._source.trouble())
                if not self.ready:
                    self.ready = True
                    self.wake()
                pause = _PAUSE
            except (KubeError, InvalidObject, OSError) as error:
                self._tell(str(error))
                self._asked.set()
                pause = _RETRY
            except Exception as error:  # a defect of one conversion must not end the page
                log.exception("a pass failed")
                self._tell(f"{type(error).__name__}: {error}")
                pause = _RETRY
            await asyncio.sleep(pause)

    async def refresh(self) -> None:
        """Make a pass: read and convert what has changed. Raises the first error, after all other sweeps were read."""
        found = await self._source.sweeps()
        now = self.now + 1
        changed = await self._update_rows(found, now)
        errors = []
        for board in list(self._boards.values()):
            if not board.clients and asyncio.get_running_loop().time() - board.idle_since > _KEPT_SECONDS:
                del self._boards[board.key]
            elif board.began:
                try:
                    changed |= await board.refresh(self._source, self.sweeps.get(board.key), now)
                except (NotFound, InvalidObject):  # deleted meanwhile, or written by a newer version
                    continue
                except KubeError as error:
                    errors.append(error)
        if changed:
            self._publish()
        if errors:
            raise errors[0]

    async def _update_rows(self, found: Sweeps, now: int) -> bool:
        """Convert the Sweeps that have changed. Returns whether the list has."""
        new = {key: obj for key, obj in found.items.items() if self.sweeps.get(key) is not obj}
        rows, errors = await asyncio.to_thread(_rows_of, new)
        self.sweeps = dict(found.items)
        before = self._unreadable, self._errors
        self._unreadable, changed = list(found.unreadable), False
        for key, row in rows.items():
            changed |= self.rows.put(str(key), row, now)
        known = {**self._errors, **errors}
        self._errors = {key: text for key, text in known.items() if key in self.sweeps and key not in rows}
        changed |= self.rows.keep_only((str(key) for key in self.sweeps if key not in self._errors), now)
        if (self._unreadable, self._errors) != before:
            self.unreadable_changed, changed = now, True
        return changed

    def _tell(self, trouble: str) -> None:
        """Called between passes only: the number of a pass must not be published while it is made."""
        if trouble != self.trouble:
            self.trouble, self.trouble_changed = trouble, self.now + 1
            self._publish()

    def _publish(self) -> None:
        self.now += 1
        self.wake()


def _missing(key: Key) -> NotFound:
    return NotFound(f"no sweep {key.name!r} in namespace {key.namespace}; it may have been deleted")


def _rows_of(sweeps: Mapping[Key, Object]) -> tuple[dict[Key, bytes], dict[Key, str]]:
    """The rows, and the errors of Sweeps that this version cannot read."""
    rows, errors = {}, {}
    for key, obj in sweeps.items():
        try:
            rows[key] = to_bytes(named(sweep_row(read(Sweep, obj)), key))
        except InvalidObject as error:
            errors[key] = f"{key}: {error}"
    return rows, errors
