"""Finds the reports of a program in the parts of its log, one part after the other."""

from __future__ import annotations

import asyncio

from sweep_operator.decide.attempt import LogFollow
from sweep_operator.engine.report_files import ReportFiles
from sweep_operator.kube.protocol import Kube, LogPart
from sweep_operator.sandbox.reports import MARK, FoundReports, Reader, ReadReports, ReportState
from sweep_operator.sandbox.tasks import Evaluator

WHOLE_BYTES, WHOLE_PARTS = 512 * 1024, 64
"""A log that is read from its beginning because every report is wanted: one part at a time, as many as this."""
SMALL_BYTES = 8 * 1024
"""A part of this size without a pattern is read in this process, in a few milliseconds at most. The sandbox has a low
priority, and the end of a run waits for it."""
PARSE_SECONDS = 2.0
"""CPU time of one part."""
FIND_SECONDS = 30.0
"""Time limit of one part, its turn in the sandbox included: the end of a run waits for it."""


class ReportReader:
    """One log. ``files``: where all of its reports are kept."""

    def __init__(
        self, kube: Kube, evaluator: Evaluator, namespace: str, follow: LogFollow, files: ReportFiles | None
    ) -> None:
        self.follow, self.files = follow, files
        self.position = ""
        """The end of the parts whose reports were found."""
        self._kube, self._evaluator, self._namespace = kube, evaluator, namespace
        self._state = ReportState()

    async def part(self, position: str, limit: int, *, skip: bool = False) -> LogPart:
        """The part of the log from a position on."""
        return await self._kube.follow_log(
            self._namespace, self.follow.pod, position, limit=limit, last=self.follow.last, skip=skip
        )

    async def find(self, part: LogPart) -> FoundReports:
        """The reports of the part that follows. Raises Refused and TimeoutError."""
        found = FoundReports(state=self._state)
        if self.follow.reports and (self.follow.pattern is not None or MARK in part.text):
            found = await self._evaluated(self._task(part))
            if self.files is not None:
                self.files.add(self.follow.uid, found.every)
        self._state, self.position = found.state, part.position
        return found

    async def _evaluated(self, task: ReadReports) -> FoundReports:
        if task.pattern is None and len(task.text) <= SMALL_BYTES:
            return Reader(task).read()
        async with asyncio.timeout(FIND_SECONDS):
            return (await self._evaluator.evaluate(self._namespace, task, PARSE_SECONDS)).reports

    def _task(self, part: LogPart) -> ReadReports:
        follow = self.follow
        return ReadReports(
            text=part.text,
            stamped=part.stamped,
            time=part.time,
            pattern=follow.pattern,
            metric=follow.metric,
            needed=follow.needed,
            others=list(follow.others),
            started=follow.started.timestamp(),
            earlier=follow.earlier,
            attempt=follow.attempt,
            state=self._state,
            every=self.files is not None,
        )
