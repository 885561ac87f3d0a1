"""When Python looks for garbage. Reference cycles are rare here, and a look at all objects can take 0.3 s."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

NEW_OBJECTS = 10_000
"""How many more objects there are when the new ones are looked at."""
_NEVER = 2**31 - 1
_SECONDS = 300.0
"""Between two looks at all objects."""


@contextmanager
def no_collection(*, when: bool = True) -> Iterator[None]:
    """No garbage collection in the block, if ``when``. Objects that were just read are no garbage."""
    enabled = when and gc.isenabled()
    if when:
        gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@asynccontextmanager
async def full_collection_when(calm: Callable[[], Awaitable[None]], every: float = _SECONDS) -> AsyncIterator[None]:
    """In the block, only new objects are looked at, and the others when ``calm`` returns, every so many seconds.

    A full collection stops everything. The objects that exist at the beginning are left out, and those at the end, too:
    the process ends soon.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, before[1], _NEVER)
    collecting = asyncio.create_task(_collect(calm, every))
    try:
        yield
    finally:
        collecting.cancel()
        gc.freeze()
        gc.set_threshold(*before)


async def _collect(calm: Callable[[], Awaitable[None]], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await calm()
        gc.collect()
