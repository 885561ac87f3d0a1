"""Work on several things at the same time, but not too many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def together(*works: Awaitable[None]) -> None:
    """Do these at the same time. An error stops none of the others; the first one is raised when all are done."""
    for error in await asyncio.gather(*works, return_exceptions=True):
        if error is not None:
            raise error


async def each(items: Sequence[T], work: Callable[[T], Awaitable[None]], limit: int) -> None:
    """Work on all items, at most ``limit`` at a time, in their order.

    After an error no further item is begun. Those in progress are finished, since a request that was sent cannot be
    taken back; then the first error is raised.
    """
    waiting, errors = iter(items), list[Exception]()

    async def worker() -> None:
        for item in waiting:
            try:
                await work(item)
            except Exception as error:
                errors.append(error)
            if errors:
                return

    if min(len(items), limit) == 1:
        await worker()
    else:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(items), limit)):
                group.create_task(worker())
    if errors:
        raise errors[0]


async def give_way(number: int, every: int) -> None:
    """Let other work of this process go on, such as the renewal of its Lease, after ``every`` items."""
    if number % every == every - 1:
        await asyncio.sleep(0)
