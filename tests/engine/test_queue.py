"""The queue holds each key once, gives it to one worker, and loses no change."""

from __future__ import annotations

import asyncio
import time

from sweep_operator.engine.queue import WorkQueue


def queue() -> WorkQueue[str]:
    return WorkQueue(time.monotonic, base_delay=0.001, max_delay=0.004)


async def test_a_key_is_queued_once() -> None:
    q = queue()
    q.add("a")
    q.add("a")
    q.add("b")
    assert q.depth == 2
    assert [await q.take(), await q.take()] == ["a", "b"]


async def test_a_key_added_during_its_pass_gets_another_pass() -> None:
    q = queue()
    q.add("a")
    key = await q.take()
    q.add("a")
    q.add("a")
    assert q.depth == 0, "never two passes over one key at once"
    q.done(key)
    assert await q.take() == "a"
    q.done("a")
    assert q.idle


async def test_failures_back_off_and_a_success_resets_the_backoff() -> None:
    q = queue()
    delays = [q.add_failed("a") for _ in range(5)]
    assert delays == [0.001, 0.002, 0.004, 0.004, 0.004]
    q.succeeded("a")
    assert q.add_failed("a") == 0.001
    assert await asyncio.wait_for(q.take(), 5) == "a"


async def test_the_earliest_wake_up_counts() -> None:
    q = queue()
    q.add_after("a", 3600)
    q.add_after("a", 0.001)
    q.add_after("a", 3600)
    assert await asyncio.wait_for(q.take(), 5) == "a"
    q.close()


async def test_a_namespace_with_many_keys_does_not_delay_the_others() -> None:
    q: WorkQueue[str] = WorkQueue(time.monotonic, group=lambda key: key[0])
    for number in range(100):
        q.add(f"a{number}")
    first = await q.take()
    q.add("b0")
    q.add("c0")
    q.add("b1")
    assert [first, await q.take(), await q.take()] == ["a0", "b0", "c0"]
    assert await q.take() == "a1", "each group has an active pass, and this one was served the longest ago"
    q.done("b0")
    assert await q.take() == "b1"
    for key in ("a0", "a1", "b1", "c0"):
        q.done(key)
    assert [await q.take() for _ in range(3)] == ["a2", "a3", "a4"]
    assert q.depth == 95


async def test_new_keys_go_first_and_do_not_hold_the_others_up() -> None:
    q: WorkQueue[str] = WorkQueue(time.monotonic, is_new=lambda key: key.startswith("new"))
    for key in ("a", "b", "new1", "new2", "new3", "new4", "new5"):
        q.add(key)
    assert [await q.take() for _ in range(7)] == ["new1", "new2", "new3", "a", "new4", "new5", "b"]
