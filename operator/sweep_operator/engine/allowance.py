"""What the new and changed Sweeps of a namespace may cost: checks, dry runs, the sources of a warm start, slow rules.

A namespace has a budget of seconds that grows steadily. One evaluation of a namespace runs at a time, and while the
budget is used up the next Sweeps wait. So a namespace that creates a Sweep per second takes no more than its share,
however expensive its Sweeps are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sweep_operator.pacing import TokenBucket
from sweep_operator.sandbox.tasks import Answer, Evaluator, Refused, Task

RATE = 0.1
"""Seconds of work per second."""
BURST = 2.0
"""Seconds of work at once."""
EACH = 0.02
"""Seconds that each turn costs beside the evaluations: requests to the API server, and passes.

So a team may apply a hundred Sweeps at once.
"""
_BURST_MS = round(BURST * 1000)
_SHORTEST = 0.001
_MANY = 1000
"""Namespaces of which those with a whole budget are not remembered."""


@dataclass
class _Account:
    budget: TokenBucket
    """In milliseconds."""
    queue: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the first of those that wait for the budget."""
    work: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held during an evaluation."""

    @property
    def idle(self) -> bool:
        """Whether a new account would be the same."""
        return not (self.queue.locked() or self.work.locked() or self.budget.wait(_BURST_MS) > 0)


class Allowances:
    """The budgets of all namespaces. As an Evaluator, it waits for the namespace's turn and charges the CPU time."""

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._evaluator, self._clock, self._sleep = evaluator, clock, sleep
        self._accounts: dict[str, _Account] = {}

    async def turn(self, namespace: str) -> None:
        """Wait, in order of arrival, until the namespace has a budget. Charge one turn."""
        account = self._account(namespace)
        async with account.queue:
            while (wait := account.budget.wait()) > 0:
                await self._sleep(max(wait, _SHORTEST))
            self.charge(namespace, EACH)

    def try_turn(self, namespace: str) -> bool:
        """Charge one turn, if the namespace does not have to wait for it."""
        if self.exhausted(namespace):
            return False
        self.charge(namespace, EACH)
        return True

    def exhausted(self, namespace: str) -> bool:
        """Whether the budget is used up."""
        return self._account(namespace).budget.wait() > 0

    @asynccontextmanager
    async def work(self, namespace: str) -> AsyncIterator[None]:
        """A turn for an evaluation. One evaluation of a namespace runs at a time."""
        async with self._account(namespace).work:
            await self.turn(namespace)
            yield

    async def evaluate(self, owner: str, task: Task, seconds: float) -> Answer:
        """Evaluate when it is the namespace's turn. Raises Refused."""
        async with self.work(owner):
            return await self.charged(owner, task, seconds)

    async def charged(self, owner: str, task: Task, seconds: float) -> Answer:
        """Evaluate without waiting for a turn. Raises Refused; then ``seconds`` are charged."""
        try:
            answer = await self._evaluator.evaluate(owner, task, seconds)
        except Refused:
            self.charge(owner, seconds)
            raise
        self.charge(owner, answer.seconds)
        return answer

    def charge(self, namespace: str, seconds: float) -> None:
        """Charge what the namespace has cost. Its next turns wait for it."""
        self._account(namespace).budget.take(round(seconds * 1000))

    def _account(self, namespace: str) -> _Account:
        if namespace not in self._accounts:
            if len(self._accounts) >= _MANY:
                self._accounts = {name: account for name, account in self._accounts.items() if not account.idle}
            self._accounts[namespace] = _Account(TokenBucket(RATE * 1000, _BURST_MS, clock=self._clock))
        return self._accounts[namespace]
