"""Suggestions before they are needed: used once, replaced by newer ones, never for another index or with other runs."""

from __future__ import annotations

import asyncio
import dataclasses
import weakref
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import CreateRun, Observation, PendingRun, SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from sweep_operator.engine import suggestions
from sweep_operator.engine.background import Background
from sweep_operator.engine.suggestions import REFRESH, Suggestions
from tests.builders import sweep_body

ROW = Observation({"x": 0.1}, 1.0, None)


def sweep(generation: int = 1, slots: int = 4) -> Sweep:
    limits = {"maxRuns": 1000, "maxParallelRuns": slots}
    return Sweep.model_validate(sweep_body(metadata={"uid": "u", "generation": generation}, limits=limits))


class World:
    """An optimizer that answers step by step, and one Sweep whose passes ask for suggestions."""

    def __init__(self, slots: int = 4) -> None:
        self.slots = slots
        self.requests: list[SuggestRequest] = []
        self.steps: asyncio.Queue[str] = asyncio.Queue()
        self.woken, self.now = 0, 0.0
        self._stopped = False
        self.passes: list[float] = []
        """After how many seconds a pass was asked for."""
        background = Background("test", self.passes.append, 1.0)
        self.suggestions = Suggestions(self, background, self._wake, lambda: self.now)

    async def suggest(self, sweep: Sweep, request: SuggestRequest) -> AsyncGenerator[Suggested, None]:
        self.requests.append(request)
        serial, self._stopped = len(self.requests), False
        for index in range(request.index, request.index + request.count):
            step = await self.steps.get()
            if step == "none":
                return
            if step == "fail":
                yield Suggested(error="failed")
                return
            if step in ("unpayable", "unworthy"):
                yield Suggested(**{step: "too expensive"}, known=len(request.observations))
                return
            yield Suggested((Suggestion(index, {"x": serial + index / 100}, "model"),), seconds=0.5)
            if self._stopped:
                return

    def interrupt(self, sweep: Sweep) -> None:
        self._stopped = True

    def _wake(self) -> None:
        self.woken += 1

    async def answer(self, count: int = 1, step: str = "ok") -> None:
        for _ in range(count):
            self.steps.put_nowait(step)
        for _ in range(5 + 2 * count):
            await asyncio.sleep(0)

    async def ask(self, request: SuggestRequest | None, generation: int = 1) -> None:
        self.suggestions.request(sweep(generation, self.slots), request)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def hand(self, generation: int = 1) -> list[tuple[int, float]]:
        found = self.suggestions.of_generation(generation)
        return [] if found is None else [(s.index, float(s.parameters["x"])) for s in found.suggestions]

    def wanted_after_a_use(self) -> int:
        self.create(self.hand()[0])
        return self.suggestions.demand.at_once

    def create(self, *parameters: tuple[int, float]) -> list[PendingRun]:
        self.suggestions.use([CreateRun(index, {"x": x}, "model", None) for index, x in parameters])
        return [PendingRun(f"s.r.{index}", index, {"x": x}) for index, x in parameters]


def request(index: int, count: int, *, urgent: int = 0, pending: Any = (), rows: int = 0) -> SuggestRequest:
    return SuggestRequest(index, count, (ROW,) * rows, tuple(pending), urgent)


async def test_a_burst_is_one_request_whose_suggestions_are_used_as_they_come() -> None:
    world, pending = World(), list[PendingRun]()
    await world.ask(request(0, 6, urgent=4))
    for index in range(4):
        await world.answer()
        assert world.hand() == [(index, 1 + index / 100)]
        pending += world.create(*world.hand())
        await world.ask(request(index + 1, 5 - index, urgent=3 - index, pending=pending))
    await world.answer(2)
    assert [i for i, _ in world.hand()] == [4, 5]
    assert len(world.requests) == 1
    assert world.woken == 4, "nothing waits for the others"


async def test_a_result_replaces_what_is_at_hand_which_is_used_until_then() -> None:
    world = World()
    await world.ask(request(5, 2))
    await world.answer(2)
    await world.ask(request(5, 2, rows=1))
    assert world.hand() == [(5, 1.05), (6, 1.06)], "still at hand"
    pending = world.create((5, 1.05))
    await world.ask(request(6, 2, rows=1, pending=pending))
    await world.answer()
    assert world.hand() == [(6, 1.06)], "the suggestion in progress was for an index that is taken"
    await world.answer()
    assert world.hand() == [(6, 3.06)], "with the result and the new run"
    assert world.requests[2] == request(6, 2, rows=1, pending=pending)


async def test_suggestions_that_results_do_not_change_are_asked_for_again_when_half_of_them_are_used() -> None:
    world = World()

    async def ask(index: int, rows: int) -> None:
        await world.ask(dataclasses.replace(request(index, 4, rows=rows), lasting=True))

    await ask(0, rows=0)
    await world.answer(4)
    for index in range(3):
        assert len(world.requests) == 1
        world.create(world.hand()[0])
        await ask(index + 1, rows=index + 1)
    assert [(r.index, r.count) for r in world.requests] == [(0, 4), (4, 3)]
    await world.answer(3)
    assert [i for i, _ in world.hand()] == [3, 4, 5, 6]


async def test_what_became_a_run_is_forgotten_when_it_cannot_be_given_back_anymore() -> None:
    world = World()
    await world.ask(dataclasses.replace(request(0, 4), lasting=True))
    await world.answer(4)
    found = world.suggestions.of_generation(1)
    assert found is not None
    first = weakref.ref(found.suggestions[0])
    del found
    world.create(world.hand()[0])
    world.suggestions.give_back()
    assert [i for i, _ in world.hand()] == [0, 1, 2, 3]
    world.create(world.hand()[0])
    world.create(world.hand()[0])
    assert first() is None
    world.suggestions.give_back()
    assert [i for i, _ in world.hand()] == [1, 2, 3]


@pytest.mark.parametrize("why", ["unpayable", "unworthy"])
async def test_what_is_refused_is_not_asked_for_again_until_a_result_arrives(why: str) -> None:
    world = World()
    await world.ask(request(3, 2, urgent=1, rows=2))
    await world.answer(step=why)
    assert world.woken == 1, "the pass decides whether the sweep ends"
    await world.ask(request(3, 2, urgent=1, rows=2))
    assert len(world.requests) == 1
    found = world.suggestions.of_generation(1)
    assert found is not None
    assert getattr(found, why) == "too expensive"
    await world.ask(request(3, 2, urgent=1, rows=3))
    await world.answer(2)
    assert [i for i, _ in world.hand()] == [3, 4]


async def test_a_request_in_progress_ends_after_its_suggestion_when_a_result_arrives() -> None:
    world = World()
    await world.ask(request(0, 4))
    await world.answer()
    await world.ask(request(0, 4, rows=1))
    await world.answer()
    assert world.hand() == [(0, 1.0), (1, 1.01)]
    await world.answer()
    assert world.hand() == [(0, 2.0)], "what followed the old suggestion does not follow this one"


async def test_free_slots_do_not_wait_for_a_new_fit_after_every_result_but_for_one_now_and_then() -> None:
    world, pending = World(), list[PendingRun]()
    await world.ask(request(0, 1000, urgent=1000))
    for index in range(REFRESH):
        await world.answer()
        pending += world.create(*world.hand())
        await world.ask(request(index + 1, 999, urgent=999, rows=1 + index, pending=pending))
    assert len(world.requests) == 1
    await world.answer(2)
    assert [len(r.observations) for r in world.requests] == [0, REFRESH]


async def test_more_is_computed_as_what_is_at_hand_goes_on() -> None:
    world = World()
    await world.ask(request(0, 2, urgent=1))
    await world.answer(2)
    pending = world.create((0, 1.0))
    await world.ask(request(1, 3, pending=pending))
    assert world.requests[1] == request(2, 2, pending=[*pending, PendingRun("s.r.1", 1, {"x": 1.01})])
    await world.answer(2)
    assert world.hand() == [(1, 1.01), (2, 2.02), (3, 2.03)]


async def in_a_burst(world: World, count: int, wanted: int) -> list[PendingRun]:
    """Of ``count`` at hand, two become runs before a fit could answer. Then ``wanted`` are asked for."""
    await world.ask(request(0, count, rows=1))
    world.now += 2.0  # until the first suggestion
    await world.answer(count)
    pending = list[PendingRun]()
    for _ in range(2):
        world.now += 1.0
        pending += world.create(world.hand()[0])
    await world.ask(request(2, wanted, rows=2, pending=pending))
    return pending


async def test_while_slots_become_free_fast_what_is_at_hand_goes_on() -> None:
    world = World()
    pending = await in_a_burst(world, 6, 6)
    assert len(world.requests) == 1, "a new request would come too late for its first index"
    assert world.passes[-1] == 2.0
    world.now += 1.0
    for _ in range(2):
        pending += world.create(world.hand()[0])
    at_hand = [PendingRun(f"s.r.{index}", index, {"x": 1 + index / 100}) for index in (4, 5)]
    await world.ask(request(4, 6, rows=4, pending=pending))
    assert world.requests[1] == request(6, 4, rows=4, pending=[*pending, *at_hand]), "less than half is left"
    world.now += 1.0
    await world.ask(request(4, 6, rows=5, pending=pending))
    await world.answer(2)
    assert [i for i, _ in world.hand()] == [4, 5, 6, 7], "a result does not end it"
    world.now += 1.0
    await world.ask(request(4, 6, rows=5, pending=pending))
    await world.answer()
    assert world.requests[2] == request(4, 6, rows=5, pending=pending), "slots do not become free fast anymore"


async def test_after_a_single_end_a_fit_with_its_result_begins_at_once() -> None:
    world = World()
    await world.ask(request(0, 4, rows=1))
    world.now += 2.0
    await world.answer(4)
    pending = list[PendingRun]()
    for index in range(3):
        world.now += 3.0
        pending += world.create(world.hand()[0])
        await world.ask(request(index + 1, 4, rows=2 + index, pending=pending))
        assert world.requests[-1] == request(index + 1, 4, rows=2 + index, pending=pending)
        world.now += 2.0
        await world.answer(4)


async def test_what_is_refused_in_a_burst_is_not_asked_for_again_and_wakes_no_pass_afterwards() -> None:
    world = World()
    pending = await in_a_burst(world, 3, 6)
    await world.answer(step="unpayable")
    asked, world.now = len(world.requests), world.now + 100
    world.passes.clear()
    for index in (2, 3):
        await world.ask(request(index, 5, rows=2, pending=pending))
        pending += world.create((index, 1 + index / 100))
    assert len(world.requests) == asked
    assert world.passes == []


async def test_as_many_are_wanted_as_slots_have_waited_for_and_fewer_after_each_slot_got_one_at_once() -> None:
    world = World(slots=8)
    asked = ((0, 8, 0), (1, 2, 2), (2, 3, 3), (3, 1, 3), (4, 0, 3), (5, 4, 7), (6, 0, 7), (7, 99, 8))
    for rows, urgent, wanted in asked:
        await world.ask(request(0, 16, rows=rows, urgent=urgent))
        await world.answer(2)
        assert world.suggestions.demand.at_once == wanted
        await world.answer(14)
    assert [world.wanted_after_a_use() for _ in range(16)] == [8] * 7 + [6] * 8 + [4]


async def test_a_slot_that_waits_starts_the_count_of_those_that_did_not_wait_again() -> None:
    world = World(slots=4)
    for rows in (1, 2):
        await world.ask(request(3 * (rows - 1), 8, rows=rows, urgent=4))
        await world.answer(8)
        assert [world.wanted_after_a_use() for _ in range(3)] == [4] * 3
    assert world.wanted_after_a_use() == 3


async def test_a_request_that_was_ended_before_its_first_suggestion_is_followed_by_the_next_one_at_once() -> None:
    world = World()
    await world.ask(request(0, 2))
    await world.ask(request(0, 2, rows=1))
    await world.answer(step="none")
    assert len(world.requests) == 2


async def test_nothing_is_asked_for_indices_that_were_used_since_the_latest_pass() -> None:
    world = World()
    await world.ask(request(0, 3))
    await world.answer(2)
    pending = world.create((0, 1.0), (1, 1.01))  # the pass that created them has not ended
    await world.answer()
    assert len(world.requests) == 1
    await world.ask(request(2, 3, pending=pending))
    assert [r.index for r in world.requests] == [0, 3], "what is at hand for index 2 goes on"


async def test_what_was_used_in_vain_is_at_hand_again() -> None:
    world = World()
    await world.ask(request(0, 3))
    await world.answer(3)
    pending = world.create((0, 1.0), (1, 1.01))
    await world.ask(request(2, 3, rows=1, pending=pending))
    await world.answer()
    assert world.hand() == [(2, 2.02)]
    world.suggestions.give_back()
    assert world.hand() == [(0, 1.0), (1, 1.01), (2, 1.02)]
    await world.ask(request(0, 3, rows=1))
    await world.answer()
    assert world.hand() == [(0, 1.0), (1, 1.01), (2, 1.02)], "what was being computed was for another index"
    world.create((0, 1.0))
    assert world.hand() == [(1, 1.01), (2, 1.02)]


async def test_the_last_suggestion_is_at_hand_again_although_no_other_one_was_needed() -> None:
    world = World()
    await world.ask(request(0, 1))
    await world.answer()
    world.create((0, 1.0))
    await world.ask(None)
    world.suggestions.give_back()
    assert world.hand() == [(0, 1.0)]


async def test_what_follows_a_run_that_was_not_created_as_suggested_is_dropped() -> None:
    world = World()
    await world.ask(request(0, 3))
    await world.answer(3)
    world.create((0, 9.9))
    assert world.hand() == []
    await world.ask(request(1, 3, pending=[PendingRun("s.r.0", 0, {"x": 9.9})]))
    await world.answer(3)
    assert world.hand() == [(1, 2.01), (2, 2.02), (3, 2.03)]
    await world.ask(request(2, 3))
    assert world.hand() == [], "index 1 was skipped"


async def test_a_changed_spec_drops_everything() -> None:
    world = World()
    await world.ask(request(0, 2))
    await world.answer(2)
    assert world.hand(2) == []
    await world.ask(request(0, 2), generation=2)
    assert world.hand(2) == []
    await world.answer(1)
    assert world.hand(2) == [(0, 2.0)]
    await world.ask(None, generation=2)
    assert world.hand(2) == []


async def test_a_failure_is_retried_at_once_only_for_a_free_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "RETRY_SECONDS", 0.0)
    world = World()
    await world.ask(request(0, 1))
    await world.answer(step="fail")
    assert len(world.requests) == 1
    found = world.suggestions.of_generation(1)
    assert found is not None
    assert (found.error, found.suggestions) == ("failed", ())
    await world.ask(dataclasses.replace(request(0, 2), urgent=1))
    await world.answer(2)
    assert world.hand() == [(0, 2.0), (1, 2.01)]
