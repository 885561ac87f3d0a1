"""Virtual time: an event loop that never waits. A timer that is due in an hour is due at once, an hour later."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class Deadlock(Exception):
    """Nothing is left to run, and no timer is set."""


class _Selector(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock
        self.now += max(0.0, timeout)
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` in virtual time, and cancel what it leaves behind."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)


def seconds() -> float:
    """Virtual seconds since the beginning."""
    return asyncio.get_running_loop().time()


def now() -> datetime:
    """The virtual wall clock."""
    return _BEGINNING + timedelta(seconds=seconds())


def whole_now() -> datetime:
    """The same in whole seconds, as Kubernetes writes times."""
    return now().replace(microsecond=0)
