"""Reads a finished container's log once, in the background, for the patterns that a decision needs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence

from sweep_operator.decide.attempt import LogReading, LogRequest
from sweep_operator.engine.background import Background
from sweep_operator.kube.protocol import Kube, KubeError
from sweep_operator.sandbox.tasks import Evaluator, Refused, Scan

log = logging.getLogger(__name__)

MAX_LINES = 100_000
"""Last lines of a log that are read."""
MAX_BYTES = 32 * 1024 * 1024
"""Bytes that are read of them."""
MAX_LINE_BYTES = 64 * 1024
"""A longer line (a progress bar without newlines) is matched in pieces."""
BATCH_BYTES = 256 * 1024
SCAN_SECONDS = 2.0
"""Time limit of one batch."""
LOG_SECONDS = 10.0
"""CPU time for one log."""


class Logs:
    """What was found in the logs of one Sweep's pods."""

    def __init__(self, kube: Kube, evaluator: Evaluator, background: Background) -> None:
        self._kube, self._evaluator, self._background = kube, evaluator, background
        self.readings: dict[str, LogReading] = {}
        """By pod uid."""

    def read(self, namespace: str, requests: Sequence[LogRequest]) -> None:
        """Scan the logs in the background, unless that is already in progress."""
        if requests and not self._background.running:
            self._background.start(lambda: self._read(namespace, requests))

    async def _read(self, namespace: str, requests: Sequence[LogRequest]) -> float:
        """Scan each log. One that cannot be read becomes a reading with ``error``."""
        for request in requests:
            chunks = self._kube.read_log(namespace, request.pod, tail=MAX_LINES)
            try:
                self.readings[request.uid] = await scan(chunks, request, self._evaluator, namespace)
            except KubeError as error:
                self.readings[request.uid] = LogReading(error=f"cannot read the log: {error}")
            except Refused as error:
                text = f"the search for results.pattern and logPattern was canceled: {error}; simplify the patterns"
                self.readings[request.uid] = LogReading(error=text)
            except Exception as error:  # the logs of other runs are not affected
                log.exception("%s: the search in its log failed", request.pod)
                self.readings[request.uid] = LogReading(error=f"{type(error).__name__}: {error}")
        return 0.0


async def scan(
    chunks: AsyncIterator[bytes], request: LogRequest, evaluator: Evaluator, namespace: str = ""
) -> LogReading:
    """Match line by line: the last values, and which rule patterns occur. Raises Refused."""
    value: str | None = None
    metrics: dict[str, str] = {}
    matched: set[str] = set()
    spent = 0.0
    async for text in _batches(chunks):
        rules = [p for p in request.rule_patterns if p not in matched]
        task = Scan(text=text, value_pattern=request.value_pattern, rule_patterns=rules)
        answer = await evaluator.evaluate(namespace, task, SCAN_SECONDS)
        value = value if answer.value is None else answer.value
        metrics |= answer.metrics
        matched |= set(answer.matched)
        spent += answer.seconds
        if spent > LOG_SECONDS:
            raise Refused(f"it took more than {LOG_SECONDS:g} s")
    return LogReading(value=value, metrics=metrics, matched=frozenset(matched))


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Complete lines, as many as fit into a batch."""
    total = size = 0
    batch: list[bytes] = []
    async for line in _lines(chunks):
        batch.append(line)
        total, size = total + len(line) + 1, size + len(line) + 1
        if total > MAX_BYTES:
            raise Refused(f"the last {MAX_LINES:,} lines of the log have more than {MAX_BYTES >> 20} MiB")
        if size >= BATCH_BYTES:
            yield b"\n".join(batch).decode(errors="replace")
            batch, size = [], 0
    if batch:
        yield b"\n".join(batch).decode(errors="replace")


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        rest += chunk
        *lines, rest = rest.replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            yield line
        if len(rest) > MAX_LINE_BYTES:
            yield rest
            rest = b""
    if rest:
        yield rest
