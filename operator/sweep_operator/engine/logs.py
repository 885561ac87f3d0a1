"""Reads a finished container's log once, streaming, for the patterns that a decision needs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import re2

from sweep_operator.decide.outcome import LogReading, LogRequest
from sweep_operator.decide.plan import RunPlan
from sweep_operator.kube.protocol import Kube, KubeError

MAX_LINE_BYTES = 64 * 1024
"""A longer line (a progress bar without newlines) is matched in pieces."""


class Logs:
    """What was found in the logs of one Sweep's pods."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self.readings: dict[str, LogReading] = {}
        """By pod uid."""

    async def read(self, namespace: str, plan: RunPlan) -> bool:
        """Scan the logs that a decision needs. One that cannot be read becomes a reading with ``error``."""
        for request in plan.logs:
            try:
                self.readings[request.uid] = await scan(self._kube.read_log(namespace, request.pod), request)
            except KubeError as error:
                self.readings[request.uid] = LogReading(error=f"cannot read the log: {error}")
        return bool(plan.logs)


async def scan(chunks: AsyncIterator[bytes], request: LogRequest) -> LogReading:
    """Matches line by line: the last value, and which rule patterns occur. Memory: one line."""
    value_pattern = re2.compile(request.value_pattern) if request.value_pattern else None
    rules = {pattern: re2.compile(pattern) for pattern in request.rule_patterns}
    value: str | None = None
    matched: set[str] = set()
    async for line in _lines(chunks):
        if value_pattern is not None:
            for match in value_pattern.finditer(line):
                value = match.group("value")
        matched.update(p for p, compiled in rules.items() if p not in matched and compiled.search(line))
    return LogReading(value=value, matched=frozenset(matched))


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    rest = b""
    async for chunk in chunks:
        rest += chunk
        *lines, rest = rest.replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")
        if len(rest) > MAX_LINE_BYTES:
            yield rest.decode(errors="replace")
            rest = b""
    if rest:
        yield rest.decode(errors="replace")
