"""What the new and changed Sweeps of a namespace may cost: checks, dry runs, and the sources of a warm start.

A namespace has a budget of seconds that grows steadily. One acceptance of a namespace runs at a time, and while the
budget is used up the next ones wait. So a namespace that creates a Sweep per second takes no more than its share,
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
EACH = 0.05
"""Seconds that each turn costs beside the evaluations: requests to the API server, and passes."""
_BURST_MS = round(BURST * 1000)
_SHORTEST = 0.001
_MANY = 1000
"""Namespaces of which those with a whole budget are not remembered."""


@dataclass
class _Account:
    budget: TokenBucket
    """In milliseconds."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Allowances:
    """The budgets of all namespaces. As an Evaluator, it charges the CPU time of what it evaluates."""

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._evaluator, self._clock, self._sleep = evaluator, clock, sleep
        self._accounts: dict[str, _Account] = {}

    @asynccontextmanager
    async def turn(self, namespace: str) -> AsyncIterator[None]:
        """Wait for a turn of the namespace, in order of arrival."""
        account = self._account(namespace)
        async with account.turn:
            while (wait := account.budget.wait()) > 0:
                await self._sleep(max(wait, _SHORTEST))
            self._spend(namespace, EACH)
            yield

    def try_turn(self, namespace: str) -> bool:
        """Take a turn that ends at once, if the namespace does not have to wait for it."""
        if self.exhausted(namespace) or self._account(namespace).turn.locked():
            return False
        self._spend(namespace, EACH)
        return True

    def exhausted(self, namespace: str) -> bool:
        """Whether the budget is used up."""
        return self._account(namespace).budget.wait() > 0

    async def evaluate(self, owner: str, task: Task, seconds: float) -> Answer:
        """Evaluate. Raises Refused; then ``seconds`` are charged."""
        try:
            answer = await self._evaluator.evaluate(owner, task, seconds)
        except Refused:
            self._spend(owner, seconds)
            raise
        self._spend(owner, answer.seconds)
        return answer

    def _spend(self, namespace: str, seconds: float) -> None:
        self._account(namespace).budget.take(round(seconds * 1000))

    def _account(self, namespace: str) -> _Account:
        if namespace not in self._accounts:
            if len(self._accounts) >= _MANY:
                used = ((n, a) for n, a in self._accounts.items() if a.turn.locked() or a.budget.wait(_BURST_MS) > 0)
                self._accounts = dict(used)
            self._accounts[namespace] = _Account(TokenBucket(RATE * 1000, _BURST_MS, clock=self._clock))
        return self._accounts[namespace]
