"""Follows the logs of running containers: reads what is new, now and then, and finds the reports of the programs.

One for all Sweeps: the requests are spread over time and bounded. A log is a best-effort source. What was found is
input of a later pass, which writes it to the run's status.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable, Mapping

from sweep_operator.api.progress import MAX_POINTS
from sweep_operator.decide.attempt import LogFollow, LogProgress
from sweep_operator.domain.curve import Point, fold
from sweep_operator.domain.identity import share_of
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.report_files import ReportFiles
from sweep_operator.kube.protocol import Forbidden, Kube, KubeError, LogPart, NotFound
from sweep_operator.pacing import TokenBucket
from sweep_operator.sandbox.reports import MARK, FoundReports, Reader, ReadReports, ReportState
from sweep_operator.sandbox.tasks import Refused

log = logging.getLogger(__name__)
Key = tuple[str, str]

RATE, BURST = 20.0, 5.0
"""Requests per second, and how many more in one second."""
IN_FLIGHT = 25
PART_BYTES, PARTS = 64 * 1024, 4
"""Of a log that grows faster, lines are skipped."""
CATCH_UP_BYTES, CATCH_UP_PARTS = 512 * 1024, 64
"""A log that is read from its beginning because every report is wanted: one part at a time, as many as this."""
READ_SECONDS = 10.0
"""Time limit of one request: a node may not answer."""
SMALL_BYTES = 8 * 1024
"""A part of this size without a pattern is read in this process, in a few milliseconds at most. The sandbox has a low
priority, and the end of a run waits for it."""
PARSE_SECONDS = 2.0
"""CPU time of one part."""
FIND_SECONDS = 30.0
"""Time limit of one part, its turn in the sandbox included: the end of a run waits for it."""
LONGEST_INTERVAL = 600.0
"""Seconds between two attempts to read a log that cannot be read."""
SOON = 1.0
"""Seconds for which news of several runs are collected into one pass."""
NO_REPORTS_SECONDS = 600.0
_TROUBLES = 3
"""Failures in a row before they are reported: a container that has just started has no log yet."""


class Reports:
    """The logs that are followed, by Sweep and run."""

    def __init__(self, kube: Kube, settings: Settings, requeue: Callable[[Key, float], None]) -> None:
        self._kube, self._settings, self._requeue = kube, settings, requeue
        self._bucket = TokenBucket(RATE, BURST, clock=settings.monotonic)
        self._logs: dict[Key, dict[str, _Log]] = {}
        self._news: dict[Key, set[str]] = {}
        self._reading = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def follow(self, key: Key, run: str, wanted: LogFollow | None) -> None:
        """Follow this log of the run from now on; None: none."""
        logs = self._logs.get(key, {})
        known = logs.get(run)
        if wanted is None:
            if known is not None:
                del logs[run]
        elif known is None or known.follow.uid != wanted.uid:
            interval = self._settings.report_seconds or wanted.every
            begin = 0.0 if wanted.last else share_of(wanted.uid) * interval
            due = self._settings.monotonic() + begin
            self._logs.setdefault(key, {})[run] = _Log(wanted, due, interval, self._files_for(wanted))
            self._changed.set()
        elif wanted.last and not known.follow.last:
            known.follow, known.due, known.behind = wanted, self._settings.monotonic(), False
            self._changed.set()

    def _files_for(self, wanted: LogFollow) -> ReportFiles | None:
        """Where all reports of this log are kept."""
        files = self._settings.report_files
        kept = files is not None and wanted.reports and wanted.curve and (wanted.tracked or not files.tracked_only)
        return files if kept else None

    def forget(self, key: Key) -> None:
        """Follow no log of a Sweep any more."""
        self._logs.pop(key, None)
        self._news.pop(key, None)

    def take_news(self, key: Key) -> set[str]:
        """The runs whose readings have changed since the last call."""
        return self._news.pop(key, set())

    def readings(self, key: Key) -> Mapping[str, LogProgress]:
        """What was found, by pod uid."""
        return {known.follow.uid: known.reading for known in self._logs.get(key, {}).values() if known.reading}

    async def run(self) -> None:
        """Read logs until canceled."""
        while True:
            self._changed.clear()
            delay = self._start_due()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._changed.wait()

    async def poll(self) -> None:
        """Read the logs that are due, once."""
        self._start_due()
        await asyncio.gather(*self._tasks)

    def close(self) -> None:
        """Cancel all requests."""
        for task in self._tasks:
            task.cancel()

    # -- reading ----------------------------------------------------------------------------------------------------

    def _start_due(self) -> float | None:
        """Start to read the logs that are due, the longest due first. Return the seconds until the next one is.

        Those of ended containers come first, because the end of a run waits for them. Those that are read from their
        beginning come last.
        """
        now = self._settings.monotonic()
        logs = ((key, run, known) for key, runs in self._logs.items() for run, known in runs.items())
        open_ = [(known, key, run) for key, run, known in logs if not (known.busy or known.complete)]
        waiting = sorted((known.due > now, known.rank, known.due, key, run) for known, key, run in open_)
        for later, _, due, key, run in waiting:
            if later:
                return min(due for late, _, due, *_ in waiting if late) - now
            if self._reading >= IN_FLIGHT:
                return None  # the end of a request continues
            if self._bucket.available() < 1:
                return max(0.01, self._bucket.wait())
            self._bucket.take(1)
            known = self._logs[key][run]
            known.busy = True
            self._reading += 1
            task = asyncio.create_task(self._read(key, run, known))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return None

    async def _read(self, key: Key, run: str, known: _Log) -> None:
        follow = known.follow
        try:
            try:
                parts = await self._new_parts(key[0], known)
            finally:
                self._reading -= 1
                self._changed.set()
            for part in parts:
                await self._find(key[0], known, part)
            known.failures, known.trouble, known.complete = 0, None, follow.last and not known.behind
        except Exception as error:
            self._fail(known, error)
            known.complete = follow.last
        known.busy = False
        now = self._settings.monotonic()
        known.due = now + min(LONGEST_INTERVAL, known.interval * 2.0 ** min(max(0, known.failures - _TROUBLES), 10))
        ended_meanwhile = known.follow.last and not known.complete
        if ended_meanwhile or (known.behind and known.failures == 0):
            known.due = now
        self._changed.set()
        before, known.reading = known.reading, known.published(now, self._settings.now().timestamp())
        # growth of the log alone needs no pass
        news = before is None or dataclasses.replace(before, position=known.reading.position) != known.reading
        if news and not known.behind and self._logs.get(key, {}).get(run) is known:
            self._news.setdefault(key, set()).add(run)
            self._requeue(key, 0.0 if known.complete else min(SOON, known.interval / 10))

    async def _new_parts(self, namespace: str, known: _Log) -> list[LogPart]:
        parts: list[LogPart] = []
        position, skip = known.position, False
        limit, count = (CATCH_UP_BYTES, 1) if known.behind else (PART_BYTES, PARTS)
        async with asyncio.timeout(READ_SECONDS):
            for number in range(count):
                if parts:
                    self._bucket.take(1)
                part = await self._kube.follow_log(
                    namespace, known.follow.pod, position, limit=limit, last=known.follow.last, skip=skip
                )
                parts.append(part)
                if not part.more:
                    break
                skip = number == PARTS - 2 or part.position == position
                if skip and not known.behind and known.files is not None:
                    known.files.lose(known.follow.uid)
                position = part.position
        known.catch_up(parts[-1])
        known.heard(parts[-1].end, self._settings.monotonic(), self._settings.now().timestamp())
        return parts

    async def _find(self, namespace: str, known: _Log, part: LogPart) -> None:
        """Find the reports of a part."""
        follow = known.follow
        if follow.reports and known.refused is None and (follow.pattern is not None or MARK in part.text):
            task = read_task(follow, part, known.state, every=known.files is not None)
            found = await self._found(namespace, task)
            if known.files is not None:
                known.files.add(follow.uid, found.every)
            known.state, known.problem = found.state, known.problem or found.problem
            known.points = tuple(fold(known.points, found.points, MAX_POINTS))
            known.latest = known.latest if found.latest is None else found.latest
        known.position = part.position

    async def _found(self, namespace: str, task: ReadReports) -> FoundReports:
        if task.pattern is None and len(task.text) <= SMALL_BYTES:
            return Reader(task).read()
        async with asyncio.timeout(FIND_SECONDS):
            return (await self._settings.evaluator.evaluate(namespace, task, PARSE_SECONDS)).reports

    def _fail(self, known: _Log, error: Exception) -> None:
        known.failures += 1
        if isinstance(error, Refused):
            text = f"the search for reports.pattern was canceled: {error}; simplify the pattern"
            known.refused = ("PatternRefused", text)
        elif isinstance(error, Forbidden):
            text = f"cannot read the log: {error}; allow the operator to get pods/log"
            known.trouble = ("LogForbidden", text)
        elif isinstance(error, (KubeError, TimeoutError)):
            log.debug("%s: cannot read the log: %s", known.follow.pod, error)
            if known.failures >= _TROUBLES and not isinstance(error, NotFound):
                known.trouble = ("LogUnreadable", f"cannot read the log: {error or 'no answer'}")
        else:  # the logs of other runs are not affected
            log.exception("%s: reading its reports failed", known.follow.pod)


def read_task(follow: LogFollow, part: LogPart, state: ReportState, *, every: bool) -> ReadReports:
    """How the reports of a part of a log are found."""
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
        state=state,
        every=every,
    )


class _Log:
    """One log and what was found in it. ``files``: where all of its reports are kept."""

    def __init__(self, follow: LogFollow, due: float, interval: float, files: ReportFiles | None) -> None:
        self.follow, self.due, self.files = follow, due, files
        self.interval = interval if follow.silence is None else min(interval, max(1.0, follow.silence / 2))
        self.position, self.state = follow.position, ReportState()
        self.behind = False
        """Whether the log is read from its beginning, and its end has not been reached. The end of a run does not wait
        for that."""
        self._parts = 0
        if files is not None and not files.whole(follow.uid):
            files.begin(follow.uid)
            self.position, self.behind = "", not follow.last
        self.points: tuple[Point, ...] = ()
        self.latest: Point | None = None
        self.busy = self.complete = False
        self.failures = 0
        self.problem: tuple[str, str] | None = None
        self.trouble: tuple[str, str] | None = None
        self.refused: tuple[str, str] | None = None
        self.reading: LogProgress | None = None
        self._end: str | None = None
        self._changed = self._heard = 0.0

    @property
    def rank(self) -> int:
        """What is read first of what is due."""
        return 0 if self.follow.last else 2 if self.behind else 1

    def catch_up(self, part: LogPart) -> None:
        """Note whether a part has reached the end of the log."""
        self._parts += 1
        stuck = part.position == self.position and part.more
        if self.behind and (stuck or not part.more or self._parts == CATCH_UP_PARTS):
            self.behind = False
            if part.more and self.files is not None:
                self.files.lose(self.follow.uid)

    def heard(self, end: str, now: float, wall: float) -> None:
        """Note the end of the log. Output that was there at the first look may be new."""
        if self._end is None:
            self._changed = now if end else now - max(0.0, wall - self.follow.started.timestamp())
        elif end != self._end:
            self._changed = now
        self._end, self._heard = end, now

    def published(self, now: float, wall: float) -> LogProgress:
        """What decisions need to know."""
        problem = self.refused or self.trouble or self.problem
        waited = wall - self.follow.started.timestamp()
        latest = None if self.behind else self.latest  # what is read again is not the newest
        expected = self.follow.reports and not self.behind and waited >= NO_REPORTS_SECONDS
        if problem is None and expected and latest is None:
            what = "a SWEEP_REPORT or matches reports.pattern" if self.follow.pattern else "a SWEEP_REPORT"
            problem = (
                "NoReports",
                f"no report within {NO_REPORTS_SECONDS / 60:g} minutes: no line of the log is {what}",
            )
        silence = self.follow.silence
        silent = silence is not None and self._end is not None and self._heard - self._changed >= silence
        return LogProgress(self.points, latest, self.position, problem, silent=silent, complete=self.complete)
