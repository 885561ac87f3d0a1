"""Reads a finished container's log once, in the background, for the patterns that a decision needs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence

from sweep_operator.decide.attempt import LogReading, LogRequest
from sweep_operator.engine.background import Background
from sweep_operator.engine.errors import OUTAGES
from sweep_operator.kube.protocol import Kube, KubeError
from sweep_operator.sandbox.tasks import Evaluator, Refused, Scan

log = logging.getLogger(__name__)

TAILS = (100_000, 10_000, 1_000, 100)
"""Number of last lines of a log that are read; the next one if they have more than MAX_BYTES."""
MAX_BYTES = 32 * 1024 * 1024
BATCH_BYTES = 256 * 1024
SCAN_SECONDS = 2.0
"""CPU time of one batch."""
LOG_SECONDS = 10.0
"""CPU time for one log."""
PATIENCE, RETRY_SECONDS = 600.0, 10.0
"""An unreachable kubelet is asked again, for so long: the container may have written its result."""


class TooLong(Exception):
    """The lines have more than MAX_BYTES."""


class Logs:
    """What was found in the logs of one Sweep's pods."""

    def __init__(
        self, kube: Kube, evaluator: Evaluator, background: Background, monotonic: Callable[[], float]
    ) -> None:
        self._kube, self._evaluator, self._background, self._monotonic = kube, evaluator, background, monotonic
        self._failed: dict[str, float] = {}
        """By pod uid: when its log could not be read for the first time."""
        self.readings: dict[str, LogReading] = {}
        """By pod uid."""

    def read(self, namespace: str, requests: Sequence[LogRequest]) -> None:
        """Scan the logs in the background, unless that is already in progress."""
        if requests and not self._background.running:
            self._background.start(lambda: self._read(namespace, requests))

    async def _read(self, namespace: str, requests: Sequence[LogRequest]) -> float:
        """Scan each log. One that cannot be read becomes a reading with ``error``."""
        delay = 0.0
        for request in requests:
            try:
                self.readings[request.uid] = await self._search(namespace, request)
            except OUTAGES as error:
                if self._monotonic() - self._failed.setdefault(request.uid, self._monotonic()) < PATIENCE:
                    log.warning("%s: cannot read the log: %s; retrying", request.pod, error)
                    delay = RETRY_SECONDS
                    continue
                self.readings[request.uid] = LogReading(error=f"cannot read the log: {error}")
            except KubeError as error:
                self.readings[request.uid] = LogReading(error=f"cannot read the log: {error}")
            except Refused as error:
                text = f"the search for results.pattern and logPattern was canceled: {error}; simplify the patterns"
                self.readings[request.uid] = LogReading(error=text)
            except Exception as error:  # the logs of other runs are not affected
                log.exception("%s: the search in its log failed", request.pod)
                self.readings[request.uid] = LogReading(error=f"{type(error).__name__}: {error}")
        return delay

    async def _search(self, namespace: str, request: LogRequest) -> LogReading:
        for tail in TAILS:
            try:
                chunks = self._kube.read_log(namespace, request.pod, tail=tail)
                return await scan(chunks, request, self._evaluator, namespace)
            except TooLong:
                continue
        limit = f"{MAX_BYTES >> 20} MiB"
        return LogReading(error=f"the last {TAILS[-1]} lines of the log have more than {limit}; write shorter lines")


async def scan(
    chunks: AsyncIterator[bytes], request: LogRequest, evaluator: Evaluator, namespace: str = ""
) -> LogReading:
    """Match line by line: the last values, and which rule patterns occur. Raises Refused, TooLong."""
    value: str | None = None
    metrics: dict[str, str] = {}
    matched: set[str] = set()
    spent = 0.0
    async for batch in _batches(chunks):
        rules = [p for p in request.rule_patterns if p not in matched]
        text = batch.decode(errors="replace")
        task = Scan(text=text, value_pattern=request.value_pattern, rule_patterns=rules)
        answer = await evaluator.evaluate(namespace, task, SCAN_SECONDS)
        value = value if answer.value is None else answer.value
        metrics |= answer.metrics
        matched |= set(answer.matched)
        spent += answer.seconds
        if spent > LOG_SECONDS:
            raise Refused(f"it took more than {LOG_SECONDS:g} s of CPU time")
    return LogReading(value=value, metrics=metrics, matched=frozenset(matched))


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Complete lines, as many as fit into a batch. A longer line is cut. Other work goes on: nothing counts lines."""
    total, rest = 0, b""
    async for chunk in chunks:
        total += len(chunk)
        if total > MAX_BYTES:
            raise TooLong
        rest += chunk
        if len(rest) >= BATCH_BYTES:
            end = 1 + max(rest.rfind(b"\n"), rest.rfind(b"\r")) or len(rest)
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest
