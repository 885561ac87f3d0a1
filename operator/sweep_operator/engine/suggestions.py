"""The optimizer's suggestions for one Sweep: those at hand, and the request that computes the next ones.

Suggestions are kept in memory only. After a crash they are computed again, perhaps from more results: nothing refers to
a suggestion before its run exists. A suggestion is used for its own index only, and indices are never used twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

from sweep_operator.api.names import run_object_name
from sweep_operator.api.sweep import Sweep
from sweep_operator.decide.plan import CreateRun, PendingRun, SuggestRequest
from sweep_operator.decide.snapshot import Suggested, Suggestion
from sweep_operator.engine.background import Background
from sweep_operator.engine.demand import Demand
from sweep_operator.engine.ports import Suggester

REFRESH = 64
"""After so many suggestions a request ends if there are new results, even while slots are free."""
RETRY_SECONDS, CALM_RETRY_SECONDS = 1.0, 60.0
"""Pause after a failure while slots are free, and otherwise."""


@dataclass
class _Batch:
    """The suggestions of one request. Each was computed with the earlier ones as pending runs."""

    sweep: Sweep
    request: SuggestRequest
    suggestions: list[Suggestion] = field(default_factory=list)
    used: int = 0
    """How many of them became runs, from the first one on."""
    forgotten: int = 0
    """How many of those are no longer in ``suggestions``."""

    @property
    def next_index(self) -> int:
        return self.request.index + self.used

    @property
    def left(self) -> tuple[Suggestion, ...]:
        return tuple(self.suggestions[self.used - self.forgotten :])

    def forget_used(self) -> None:
        """Drop those that became runs: suggestions that results do not change go on for thousands of runs."""
        del self.suggestions[: self.used - self.forgotten]
        self.forgotten = self.used

    def answers(self, request: SuggestRequest) -> bool:
        """Whether its suggestions are what ``request`` asks for."""
        return self.next_index == request.index and request.goes_on(self.request)

    def rest_of(self, request: SuggestRequest) -> SuggestRequest:
        """``request`` without the suggestions that are at hand."""
        known = len(self.left)
        pending = (PendingRun(run_object_name(self.sweep.name, s.index), s.index, s.parameters) for s in self.left)
        return replace(
            request,
            index=request.index + known,
            count=request.count - known,
            pending=(*request.pending, *pending),
            urgent=max(0, request.urgent - known),
        )


class Suggestions:
    """One request at a time. While results arrive, the suggestions at hand are used until newer ones replace them."""

    def __init__(
        self, suggester: Suggester, background: Background, wake: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        """``wake``: called when there is something that a pass waits for."""
        self._suggester, self._background, self._wake, self._clock = suggester, background, wake, clock
        self.demand = Demand(clock)
        self._hand: _Batch | None = None
        self._asked: _Batch | None = None
        """Where the suggestions of the request in progress go."""
        self._given = 0
        """Suggestions of the request in progress so far."""
        self._interrupted = False
        """Whether the request in progress was asked to end."""
        self._refused: SuggestRequest | None = None
        """What no further run was payable for: it is not asked for again until a result arrives."""
        self._wanted: tuple[Sweep, SuggestRequest] | None = None
        self._next_index = -1
        """Index of the next run."""
        self._latest: Suggested | None = None
        self._before_use: Callable[[], None] | None = None
        """Undoes the latest ``use``."""
        self._urgent = asyncio.Event()
        self.seconds: float | None = None
        """Duration of the newest suggestion."""
        self.source_weights: Mapping[int, float] | None = None
        """Weights of the sources of the warm start in the newest suggestion of the model, by position."""

    def of_generation(self, generation: int) -> Suggested | None:
        """What is at hand, unless the spec has changed since the request."""
        if self._latest is None or self._wanted is None or self._wanted[0].metadata.generation != generation:
            return None
        return replace(self._latest, suggestions=self._hand.left if self._hand is not None else ())

    def use(self, creates: Sequence[CreateRun]) -> None:
        """Take these runs from the suggestions at hand. Other indices are asked for from now on."""
        if self._hand is not None:
            self._hand.forget_used()
        self._before_use = self._restorer() if creates else None
        for create in creates:
            if create.index < self._next_index:  # used before; its creation is repeated
                continue
            self._next_index = create.index + 1
            if self._hand is None:
                continue
            left = self._hand.left
            if left and (left[0].index, left[0].parameters) == (create.index, create.parameters):
                self._hand.used += 1
                self.demand.note_use(self._hand.sweep.spec.limits.max_parallel_runs)
            else:  # replaced since the decision: what follows was computed with another pending run
                self._drop()

    def give_back(self) -> None:
        """Undo the latest ``use``: its runs will not be created, and no index was reserved for them."""
        if self._before_use is not None:
            self._before_use()

    def _restorer(self) -> Callable[[], None]:
        hand, wanted, latest, index = self._hand, self._wanted, self._latest, self._next_index
        used = 0 if hand is None else hand.used

        def restore() -> None:
            self._hand, self._wanted, self._latest, self._next_index = hand, wanted, latest, index
            if hand is not None:
                hand.used = used

        return restore

    def request(self, sweep: Sweep, request: SuggestRequest | None) -> None:
        """Say which suggestions are needed; None: none are."""
        if request is None or self._wanted is None or not _same(self._wanted[0], sweep):
            self._latest = self._refused = None
            self._drop()
        if request is None:
            self._wanted = None
            return
        self._wanted, self._next_index = (sweep, request), request.index
        if request.urgent:
            self._urgent.set()
        else:
            self._urgent.clear()
        if self._hand is not None and self._hand.next_index != request.index:
            self._hand = None
        if self._asked is not None and not self._is_useful(self._asked, request):
            self._interrupt(self._asked)
        busy = self.demand.busy_seconds
        if busy and self._hand is not None and not self._hand.answers(request):
            self._background.wake(busy)  # then the new results are taken into account
        if not self._background.running and self._open() is not None:
            self._background.start(self._work)

    def _drop(self) -> None:
        self._hand = None
        if self._asked is not None:
            self._interrupt(self._asked)

    def _interrupt(self, asked: _Batch) -> None:
        self._interrupted = True
        self._suggester.interrupt(asked.sweep)

    def _is_useful(self, asked: _Batch, request: SuggestRequest) -> bool:
        """Whether to let the request in progress go on. Free slots do not wait for a new fit after every result."""
        if asked.next_index != request.index:
            return False
        in_use = request.urgent > 0 or self.demand.busy_seconds > 0
        return asked.answers(request) or (in_use and self._given < REFRESH)

    def _open(self) -> tuple[_Batch, SuggestRequest] | None:
        """What to ask the optimizer for, if what is at hand is not enough, and where its suggestions go."""
        if self._wanted is None:
            return None
        sweep, request = self._wanted
        if request.index != self._next_index:  # runs were created since: the next pass asks for what follows them
            return None
        if self._refused is not None and request.goes_on(self._refused):
            return None
        hand = self._hand
        current = hand is not None and hand.answers(request)
        if hand is None or not (current or (hand.left and self.demand.busy_seconds)):
            return _Batch(sweep, request), request
        # half of what results do not change, to send fewer requests; and of what would be used before newer ones come
        enough = request.count if current and not request.lasting else request.count // 2
        return None if len(hand.left) >= max(1, enough) else (hand, hand.rest_of(request))

    async def _work(self) -> float:
        while (wanted := self._open()) is not None:
            needed = self._wanted
            last = await self._ask(*wanted)
            if needed is not None and (last.unpayable is not None or last.unworthy is not None):
                self._refused = needed[1]
            if last.infeasible is not None:
                break
            if last.error is not None and not last.suggestions and not self._interrupted:
                await self._pause()
        return 0.0

    async def _ask(self, batch: _Batch, request: SuggestRequest) -> Suggested:
        """Carry out one request. Returns the last answer."""
        self._asked, self._given, self._interrupted = batch, 0, False
        began = self._clock()
        last = Suggested(error="the optimizer gave no answer")
        try:
            async with aclosing(self._suggester.suggest(batch.sweep, request)) as answers:
                async for answer in answers:
                    last = answer
                    if answer.suggestions and not self._given and request.known:
                        waiting = self._wanted[1].urgent if self._wanted is not None else 0
                        slots = batch.sweep.spec.limits.max_parallel_runs
                        self.demand.note_first(self._clock() - began, waiting, slots)
                    self._given += len(answer.suggestions)
                    self._take(batch, answer)
        finally:
            self._asked = None
        return last

    def _take(self, batch: _Batch, answer: Suggested) -> None:
        if self._wanted is None or not _same(self._wanted[0], batch.sweep):
            return
        self._latest = answer
        if answer.suggestions:
            self.seconds = answer.seconds
            self.source_weights = answer.source_weights or self.source_weights
            batch.suggestions += answer.suggestions
            if batch.next_index == self._next_index:
                self._hand = batch
        if self._wanted[1].urgent or not answer.suggestions:
            self._wake()

    async def _pause(self) -> None:
        """Wait before the next request. A slot that becomes free ends a long pause."""
        if self._urgent.is_set():
            await asyncio.sleep(RETRY_SECONDS)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(CALM_RETRY_SECONDS):
                await self._urgent.wait()


def _same(one: Sweep, other: Sweep) -> bool:
    return one.metadata.generation == other.metadata.generation
