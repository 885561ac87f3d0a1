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

from sweep_operator.api.names import RUN_LABEL, SWEEP_LABEL
from sweep_operator.api.progress import MAX_POINTS
from sweep_operator.decide.attempt import LogFollow, LogProgress
from sweep_operator.decide.observed import view_pod
from sweep_operator.domain.curve import Point, fold
from sweep_operator.domain.identity import share_of
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.report_files import ReportFiles
from sweep_operator.engine.report_reader import WHOLE_BYTES, WHOLE_PARTS, ReportReader
from sweep_operator.kube.protocol import Forbidden, Kube, KubeError, LogPart, NotFound, Object
from sweep_operator.pacing import TokenBucket
from sweep_operator.sandbox.tasks import Evaluator, Refused

log = logging.getLogger(__name__)
Key = tuple[str, str]

RATE, BURST = 19.0, 4.0
"""Requests per second, and how many more in one second. Their sum is below 25, because requests that were sent in two
seconds can arrive in one."""
RESERVED = 2
"""Of those, for the logs of ended containers, because the end of a run waits for them."""
IN_FLIGHT = 25
PART_BYTES, PARTS = 64 * 1024, 4
"""Of a log that grows faster, lines are skipped."""
READ_SECONDS = 10.0
"""Time limit of one request: a node may not answer."""
FIRST_SECONDS = 8.0
"""A log is read for the first time this soon, because the first progress is written together with the start of main."""
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
            new = _Log(self._kube, self._settings.evaluator, key[0], wanted, self._files_for(wanted))
            new.plan_first(self._settings.monotonic(), self._settings.report_seconds or wanted.every)
            self._logs.setdefault(key, {})[run] = new
            self._changed.set()
        elif wanted.last and not known.follow.last:
            known.follow, known.due, known.behind = wanted, self._settings.monotonic(), False
            self._changed.set()

    def note(self, pod: Object) -> None:
        """Read the rest of a followed log if main has ended. The pass that asks for it may be late.

        A log that is still read from its beginning is left to that pass: other pods of the run may go on.
        """
        meta, labels = pod["metadata"], pod["metadata"].get("labels") or {}
        key, run = (meta.get("namespace", ""), labels.get(SWEEP_LABEL, "")), labels.get(RUN_LABEL, "")
        known = self._logs.get(key, {}).get(run)
        if known is None or known.behind or known.follow.uid != meta["uid"] or not known.follow.reports:
            return
        view = view_pod(pod)
        if view is not None and view.exit_code is not None:
            self.follow(key, run, dataclasses.replace(known.follow, last=True))

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
            known = self._logs[key][run]
            needed = 1 if known.follow.last else 1 + RESERVED
            if self._bucket.available() < needed:
                return max(0.01, self._bucket.wait(needed))
            self._bucket.take(1)
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
                parts = await self._new_parts(known)
            finally:
                self._reading -= 1
                self._changed.set()
            for part in parts:
                await known.add(part)
            known.failures, known.trouble, known.complete = 0, None, follow.last and not known.behind
        except Exception as error:
            self._fail(known, error)
            known.complete = follow.last
        known.busy = False
        now = self._settings.monotonic()
        known.plan_next(now)
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

    async def _new_parts(self, known: _Log) -> list[LogPart]:
        parts: list[LogPart] = []
        position, skip = known.position, False
        limit, count = (WHOLE_BYTES, 1) if known.behind else (PART_BYTES, PARTS)
        async with asyncio.timeout(READ_SECONDS):
            for number in range(count):
                if parts:
                    self._bucket.take(1)
                part = await known.part(position, limit, skip=skip)
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


class _Log(ReportReader):
    """A log that is followed, and what was found in it."""

    def __init__(
        self, kube: Kube, evaluator: Evaluator, namespace: str, follow: LogFollow, files: ReportFiles | None
    ) -> None:
        super().__init__(kube, evaluator, namespace, follow, files)
        self.position = follow.position
        self.behind = False
        """Whether the log is read from its beginning, and its end has not been reached. The end of a run does not wait
        for that."""
        self._parts = 0
        if files is not None and not files.whole(follow.uid):
            files.begin(follow.uid)
            self.position, self.behind = "", not follow.last
        self.due = self.interval = self._spread = 0.0
        self._points: tuple[Point, ...] = ()
        self._latest: Point | None = None
        self.busy = self.complete = False
        self.failures = 0
        self._problem: tuple[str, str] | None = None
        self.trouble: tuple[str, str] | None = None
        self.refused: tuple[str, str] | None = None
        self.reading: LogProgress | None = None
        self._end: str | None = None
        self._changed = self._heard = 0.0

    @property
    def rank(self) -> int:
        """What is read first of what is due."""
        return 0 if self.follow.last else 2 if self.behind else 1

    def plan_first(self, now: float, interval: float) -> None:
        """Set when the log is read first. The later reads of all logs are spread over the whole interval."""
        silence = self.follow.silence
        self.interval = interval if silence is None else min(interval, max(1.0, silence / 2))
        share = 0.0 if self.follow.last else share_of(self.follow.uid)
        self.due, self._spread = now + share * min(FIRST_SECONDS, self.interval), now + share * self.interval

    def plan_next(self, now: float) -> None:
        """Set when the log is read next."""
        delay = self.interval * 2.0 ** min(max(0, self.failures - _TROUBLES), 10)
        self.due = max(now, self._spread) + min(LONGEST_INTERVAL, delay)

    async def add(self, part: LogPart) -> None:
        """Add the reports of the part that follows."""
        if self.refused is not None:
            self.position = part.position
            return
        found = await self.find(part)
        self._problem = self._problem or found.problem
        self._points = tuple(fold(self._points, found.points, MAX_POINTS))
        self._latest = self._latest if found.latest is None else found.latest

    def catch_up(self, part: LogPart) -> None:
        """Note whether a part has reached the end of the log."""
        self._parts += 1
        stuck = part.position == self.position and part.more
        if self.behind and (stuck or not part.more or self._parts == WHOLE_PARTS):
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
        problem = self.refused or self.trouble or self._problem
        waited = wall - self.follow.started.timestamp()
        latest = None if self.behind else self._latest  # what is read again is not the newest
        expected = self.follow.reports and not self.behind and waited >= NO_REPORTS_SECONDS
        if problem is None and expected and latest is None:
            what = "a SWEEP_REPORT or matches reports.pattern" if self.follow.pattern else "a SWEEP_REPORT"
            problem = (
                "NoReports",
                f"no report within {NO_REPORTS_SECONDS / 60:g} minutes: no line of the log is {what}",
            )
        silence = self.follow.silence
        silent = silence is not None and self._end is not None and self._heard - self._changed >= silence
        return LogProgress(self._points, latest, self.position, problem, silent=silent, complete=self.complete)
