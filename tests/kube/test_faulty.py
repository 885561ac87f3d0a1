"""The faults do what the fault tests rely on, and a Kube without faults keeps every rule through the wrapper."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.kube.protocol import Conflict, Kind, Kube, NotFound, Unavailable, UnknownOutcome
from tests.kube.faulty import FaultyKube
from tests.kube.kube_conformance import NS, KubeConformance, config_map


def embedded() -> EmbeddedKube:
    return EmbeddedKube(None, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))


class TestWithoutFaults(KubeConformance):
    @pytest.fixture
    def kube(self) -> Kube:
        return FaultyKube(embedded())


async def test_a_fault_before_the_write_leaves_nothing() -> None:
    kube = FaultyKube(embedded(), {0: "before"})
    with pytest.raises(Unavailable):
        await kube.create(Kind.CONFIG_MAP, config_map("a"))
    with pytest.raises(NotFound):
        await kube.get(Kind.CONFIG_MAP, NS, "a")


async def test_a_fault_after_the_write_loses_the_answer_alone() -> None:
    kube = FaultyKube(embedded(), {0: "after", 2: "after"})
    with pytest.raises(UnknownOutcome):
        await kube.create(Kind.CONFIG_MAP, config_map("a"))
    assert (await kube.get(Kind.CONFIG_MAP, NS, "a"))["data"] == {"a": "1"}
    with pytest.raises(UnknownOutcome):
        await kube.delete(Kind.CONFIG_MAP, NS, "a")
    with pytest.raises(NotFound):
        await kube.get(Kind.CONFIG_MAP, NS, "a")


async def test_the_error_is_the_one_that_was_asked_for() -> None:
    kube = FaultyKube(embedded(), {0: "before"}, error=lambda call: Conflict(f"at {call}"))
    with pytest.raises(Conflict, match="at 0"):
        await kube.list(Kind.JOB)


async def test_events_are_dropped_and_calls_held_up() -> None:
    order: list[str] = []
    kube = FaultyKube(
        embedded(),
        delay=lambda call: 0.05 if call == 0 else 0.0,
        drops=lambda event: event.object["metadata"]["name"] == "quick",
    )

    async def create(name: str) -> None:
        await kube.create(Kind.CONFIG_MAP, config_map(name))
        order.append(name)

    await asyncio.gather(create("slow"), create("quick"))
    assert order == ["quick", "slow"]
    seen = await anext(aiter(kube.watch(Kind.CONFIG_MAP, resource_version=0)))
    assert seen.object["metadata"]["name"] == "slow"
