"""Turns at a few processes: an owner with much work does not delay one with little."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from sweep_operator.pacing import RECENT, Owner, Turns


class Work:
    """Tasks that take the given time of a clock that only they advance; records who was served."""

    def __init__(self, workers: int) -> None:
        self.now, self.served = 0.0, list[Owner]()
        self.turns = Turns([str(n) for n in range(workers)], clock=lambda: self.now)

    async def do(self, owner: Owner | str, seconds: float) -> str:
        owner = (owner,) if isinstance(owner, str) else owner
        async with self.turns.take(*owner) as worker:
            self.served.append(owner)
            await asyncio.sleep(0)
            self.now += seconds
        return worker


async def test_a_newcomer_waits_for_one_task_only() -> None:
    work = Work(1)
    many = [asyncio.create_task(work.do("greedy", 10)) for _ in range(20)]
    await asyncio.sleep(0)
    await work.do("modest", 1)
    assert work.served.count(("greedy",)) <= 2
    await asyncio.gather(*many)


async def test_time_is_shared_equally_whatever_a_task_takes() -> None:
    work = Work(1)
    tasks = [work.do("long", 10) for _ in range(10)] + [work.do("short", 1) for _ in range(100)]
    await asyncio.gather(*tasks)
    half = Counter(work.served[:55])
    assert half[("long",)] in (5, 6)


async def test_an_idle_owner_gains_nothing() -> None:
    work = Work(1)
    for _ in range(50):
        await work.do("busy", 10)
    await asyncio.gather(*(work.do(owner, 10) for owner in ("busy", "new") * 10))
    assert abs(Counter(work.served[50:60])[("new",)] - 5) <= 1


async def test_one_owner_occupies_one_worker() -> None:
    work = Work(2)
    tasks = [asyncio.create_task(work.do("greedy", 10)) for _ in range(5)]
    await asyncio.sleep(0)
    assert work.served == [("greedy",)]
    assert await work.do("modest", 1) != await tasks[0], "it had the other worker"
    await asyncio.gather(*tasks)


async def test_a_canceled_turn_is_free_again() -> None:
    """Canceled while it waits, in the moment of the grant, and during its work."""
    work = Work(1)
    async with work.turns.take("first"):
        waiting = asyncio.create_task(work.do("canceled", 1))
        granted = asyncio.create_task(work.do("granted", 1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
    granted.cancel()
    running = asyncio.create_task(work.do("running", 1))
    await asyncio.sleep(0)
    running.cancel()
    for task in (waiting, granted, running):
        with pytest.raises(asyncio.CancelledError):
            await task
    await work.do("last", 1)
    assert ("canceled",) not in work.served


async def test_the_sweeps_of_a_namespace_share_its_turns() -> None:
    work = Work(1)
    tasks = [work.do(("many", f"sweep-{n}"), 10) for n in range(10) for _ in range(5)]
    tasks += [work.do(("one", "sweep"), 10) for _ in range(20)]
    await asyncio.gather(*tasks)
    early = Counter(owner[0] for owner in work.served[:30])
    assert abs(early["one"] - 15) <= 1
    shared = Counter(owner for owner in work.served[:22] if owner[0] == "many")
    assert len(shared) == 10, "each had a turn before one had its third"


async def test_a_namespace_uses_every_process_that_no_other_one_needs() -> None:
    work = Work(2)
    tasks = [asyncio.create_task(work.do(("many", f"sweep-{n}"), 10)) for n in range(6)]
    await asyncio.sleep(0)
    assert len(work.served) == 2
    assert work.turns.waited_for
    tasks.append(asyncio.create_task(work.do(("one", "sweep"), 10)))
    await asyncio.gather(*tasks)
    assert ("one", "sweep") in work.served[:5], "it is next: no process serves its namespace"


async def test_an_owner_gets_its_process_again() -> None:
    work = Work(3)
    owners = [("space", f"sweep-{n}") for n in range(3)]
    first = await asyncio.gather(*(work.do(owner, 1) for owner in owners))
    for owner, worker in zip(owners[::-1], first[::-1], strict=True):
        assert await work.do(owner, 1) == worker


async def test_a_namespace_leaves_a_worker_to_the_others() -> None:
    """A suggestion may take minutes."""
    work = Work(2)
    over = asyncio.Event()

    async def long(sweep: str) -> None:
        async with work.turns.take("greedy", sweep):
            work.served.append(("greedy", sweep))
            await over.wait()

    alone = [asyncio.create_task(long(sweep)) for sweep in "ab"]
    await asyncio.sleep(0)
    assert len(work.served) == 2, "a namespace that is alone uses all workers"
    modest = asyncio.create_task(work.do(("modest", "x"), 1))
    over.set()
    await asyncio.gather(*alone, modest)
    over.clear()
    many = [asyncio.create_task(long(sweep)) for sweep in "cd"]
    await asyncio.sleep(0)
    assert work.served[3:] == [("greedy", "c")]
    assert work.turns.waited_for, "c makes room for d"
    for _ in range(3):
        await work.do(("modest", "x"), 1)
    work.now += RECENT
    many.append(asyncio.create_task(long("e")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert work.served[-1] == ("greedy", "d"), "nobody else has asked for a while"
    over.set()
    await asyncio.gather(*many)
