"""When garbage is looked for."""

from __future__ import annotations

import asyncio
import gc
import weakref

from sweep_operator.garbage import NEW_OBJECTS, full_collection_when


class _Cycle:
    """Only a garbage collection frees it."""

    def __init__(self) -> None:
        self.itself = self


async def test_old_objects_are_looked_at_when_it_is_calm() -> None:
    before, calm, waiting = gc.get_threshold(), asyncio.Event(), asyncio.Event()

    async def is_calm() -> None:
        waiting.set()
        await calm.wait()
        calm.clear()

    async with full_collection_when(is_calm, every=0.001):
        assert gc.get_freeze_count() > 0
        gc.collect()  # nothing is old: an automatic full collection would come soon
        gc.set_threshold(100, 1, gc.get_threshold()[2])
        cycle = _Cycle()
        gc.collect(1)  # it is old now
        freed = weakref.ref(cycle)
        del cycle
        await waiting.wait()
        kept = [[number] for number in range(100_000)]  # automatic collections
        assert freed() is not None
        del kept
        waiting.clear()
        calm.set()
        await waiting.wait()
        assert freed() is None
    assert gc.get_threshold() == before


async def test_new_garbage_is_freed_at_once() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async with full_collection_when(never):
        freed = [weakref.ref(_Cycle()) for _ in range(NEW_OBJECTS + 1)]
        assert freed[0]() is None
