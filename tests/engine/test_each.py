"""Several things at the same time, but not too many."""

from __future__ import annotations

import asyncio

import pytest

from sweep_operator.engine.each import each


async def test_no_more_than_the_limit_at_a_time_and_in_order() -> None:
    begun: list[int] = []
    gates = [asyncio.Event() for _ in range(5)]

    async def work(n: int) -> None:
        begun.append(n)
        await gates[n].wait()

    task = asyncio.create_task(each(range(5), work, 2))
    for n, expected in enumerate(([0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4])):
        for _ in range(5):
            await asyncio.sleep(0)
        assert begun == expected
        gates[n].set()
    gates[4].set()
    await task


async def test_after_an_error_nothing_begins_and_what_has_begun_is_finished() -> None:
    done: list[int] = []

    async def work(n: int) -> None:
        await asyncio.sleep(0)
        if n == 0:
            raise KeyError("first")
        await asyncio.sleep(0)
        done.append(n)

    with pytest.raises(KeyError, match="first"):
        await each(range(5), work, 2)
    assert done == [1]
