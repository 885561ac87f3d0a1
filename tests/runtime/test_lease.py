"""At most one process leads, whatever the clocks of others say."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sweep_operator.engine.ports import NotLeading
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.runtime.lease import Lease, LeaseLost

DURATION = 10.0


class Clock:
    """Moves only when somebody sleeps, or by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kube(clock: Clock) -> EmbeddedKube:
    return EmbeddedKube(None, clock=clock.now)


def lease(kube: EmbeddedKube, clock: Clock, host: str = "a") -> Lease:
    return Lease(kube, "default", "sweep-operator", host, DURATION, clock, now=clock.now, sleep=clock.sleep)


async def test_the_first_one_leads_at_once(kube: EmbeddedKube, clock: Clock) -> None:
    first = lease(kube, clock)
    with pytest.raises(NotLeading):
        first.check()
    await first.acquire()
    first.check()
    assert clock() == 0
    spec = (await kube.get(Kind.LEASE, "default", "sweep-operator"))["spec"]
    assert spec["holderIdentity"] == first.identity
    assert spec["leaseTransitions"] == 1


async def test_it_stops_creating_before_anybody_can_succeed_it(kube: EmbeddedKube, clock: Clock) -> None:
    first, second = lease(kube, clock), lease(kube, clock, "b")
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    while not waiting.done():
        assert not (first.leading and second.leading)
        await asyncio.sleep(0)
    assert clock() >= DURATION
    second.check()
    with pytest.raises(NotLeading):
        first.check()
    with pytest.raises(LeaseLost):
        await first.keep()


async def test_a_lease_that_is_renewed_is_never_taken(kube: EmbeddedKube, clock: Clock) -> None:
    first, second = lease(kube, clock), lease(kube, clock, "b")
    await first.acquire()
    keeping, waiting = asyncio.create_task(first.keep()), asyncio.create_task(second.acquire())
    while clock() < 20 * DURATION:
        await asyncio.sleep(0)
        assert not keeping.done()
        first.check()
    assert not waiting.done()
    keeping.cancel()
    waiting.cancel()


async def test_given_back_it_is_taken_at_once(kube: EmbeddedKube, clock: Clock) -> None:
    first, second = lease(kube, clock), lease(kube, clock, "b")
    await first.acquire()
    await first.release()
    with pytest.raises(NotLeading):
        first.check()
    await second.acquire()
    assert clock() < 1


async def test_a_restarted_process_waits_for_its_own_predecessor(kube: EmbeddedKube, clock: Clock) -> None:
    await lease(kube, clock).acquire()
    await lease(kube, clock).acquire()
    assert clock() >= DURATION
