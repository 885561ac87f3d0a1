"""Find the reports of a program in lines of its log: SWEEP_REPORT lines, and matches of the user's pattern."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from sweep_operator.api.model import Model
from sweep_operator.api.progress import MAX_POINTS
from sweep_operator.api.template import STEP
from sweep_operator.api.user_json import parse_user_json
from sweep_operator.decide.accept import compiled
from sweep_operator.domain.curve import Point, fold

MARK = "SWEEP_REPORT"
MAX_LINE = 64 * 1024
"""A longer line of a log (a progress bar without newlines) is matched in pieces."""
_DIGITS = 7
"""Significant digits of values that are kept."""
_QUOTED = 100


class ReportState(Model):
    """What the next part of the log continues from."""

    pending: dict[str, str] = {}
    """Text of the groups of a report that is not complete yet."""
    highest: float | None = None
    """Highest step so far."""


class ReadReports(Model):
    """Find the reports in a part of a log."""

    kind: Literal["readReports"] = "readReports"
    text: str
    stamped: bool
    """Whether each line begins with its time."""
    time: float
    """Unix time of lines without one."""
    pattern: str | None = None
    """A regular expression."""
    metric: str
    needed: str
    """The metric that each report should contain."""
    others: list[str] = []
    """Further metrics to keep."""
    started: float
    """Unix time when the container started."""
    earlier: float
    """Seconds of earlier attempts."""
    attempt: int
    state: ReportState = ReportState()
    every: bool = False
    """Whether all reports are wanted, not only those that are a learning curve."""


class FoundReports(Model):
    """The reports of a part of a log."""

    points: list[Point] = Field(default=[], max_length=MAX_POINTS)
    """The part of the learning curve."""
    every: list[Point] = []
    """All reports, if they are wanted: one for each step."""
    latest: Point | None = None
    """The last report."""
    problem: tuple[str, str] | None = None
    """Reason and message of what is wrong with the first invalid report."""
    state: ReportState = ReportState()


class Reader:
    """Reads one part."""

    def __init__(self, task: ReadReports) -> None:
        self._task = task
        self._pattern = compiled(task.pattern) if task.pattern is not None else None
        self._pending = dict(task.state.pending)
        self._highest = -1.0 if task.state.highest is None else task.state.highest
        self._found: dict[float, Point] = {}
        """By step. Lines of one progress bar have the same time: the last one counts."""
        self._latest: Point | None = None
        self._problem: tuple[str, str] | None = None

    def read(self) -> FoundReports:
        """Read all lines."""
        for line, seconds in self._lines():
            at = line.find(MARK)
            if at >= 0:
                self._read_mark(line[at + len(MARK) :], seconds)
            elif self._pattern is not None:
                self._read_match(line, seconds)
        return FoundReports(
            points=fold([], self._found.values(), MAX_POINTS),
            every=list(self._found.values()) if self._task.every else [],
            latest=self._latest,
            problem=self._problem,
            state=ReportState(pending=self._pending, highest=None if self._highest < 0 else self._highest),
        )

    def _lines(self) -> Iterator[tuple[str, float]]:
        """Pieces of lines, and the seconds that the stage had run by then."""
        for line in self._task.text.split("\n"):
            stamp, _, rest = line.partition(" ") if self._task.stamped else ("", "", line)
            seconds = max(0.0, (_unix(stamp) or self._task.time) - self._task.started) + self._task.earlier
            for piece in rest.split("\r"):
                for start in range(0, len(piece), MAX_LINE):
                    yield piece[start : start + MAX_LINE], round(seconds, 2)

    def _read_mark(self, text: str, seconds: float) -> None:
        try:
            body = parse_user_json(text.strip())
        except ValueError:
            body = None
        step = _number(body.get(STEP)) if isinstance(body, dict) else None
        if not isinstance(body, dict) or step is None:
            shown = text.strip()[:_QUOTED]
            self._complain("InvalidReport", f'{MARK} {shown!r} must be a JSON object with a number "step"')
            return
        metrics = body.pop("metrics", None)
        values = {**body, **metrics} if isinstance(metrics, dict) else body
        if values.get(self._task.needed) is None:
            known = sorted(name for name in values if name != STEP)[:16]
            self._complain("MetricMissing", f"reports do not contain {self._task.needed!r}; they contain {known}")
        self._note(step, values, seconds)

    def _read_match(self, line: str, seconds: float) -> None:
        """The group that comes first in the pattern begins a report, the other one completes it."""
        assert self._pattern is not None
        groups = self._pattern.groupindex
        score = "value" if "value" in groups else self._task.metric
        for match in self._pattern.finditer(line):
            given = {name: text for name, text in match.groupdict().items() if text is not None}
            if groups[STEP] < groups[score]:
                self._step_first(given, score, seconds)
            else:
                self._value_first(given, score, seconds)

    def _step_first(self, given: Mapping[str, str], score: str, seconds: float) -> None:
        self._pending = {**({} if STEP in given else self._pending), **given}
        if score in given and STEP in self._pending:
            self._complete(score, seconds)

    def _value_first(self, given: Mapping[str, str], score: str, seconds: float) -> None:
        self._pending = {**({} if score in given else self._pending), **given}
        if STEP in given:
            self._complete(score, seconds)
            self._pending = {}

    def _complete(self, score: str, seconds: float) -> None:
        step = self._pending[STEP]
        number = _number(step)
        if number is None:
            self._complain("InvalidReport", f"reports.pattern found the step {step[:_QUOTED]!r}, which is not a number")
            return
        values: dict[str, object] = dict(self._pending)
        values.setdefault(self._task.metric, values.get(score))
        self._note(number, values, seconds)

    def _note(self, step: float, values: Mapping[str, object], seconds: float) -> None:
        if not 0 <= step < math.inf:
            self._complain("InvalidReport", f"the step {step:g} is not a finite number of at least 0")
            return
        if step < self._highest:
            text = f"the step went back from {self._highest:g} to {step:g} within an attempt; report a step that grows"
            self._complain("StepWentBack", text)
        self._highest = max(self._highest, step)
        metric, attempt = self._task.metric, self._task.attempt
        known = self._found.get(step, Point(step, None, seconds, attempt))
        others = {name: kept for name in self._task.others if (kept := _kept(values.get(name))) is not None}
        scored = values.get(metric) is not None
        value = _kept(values[metric]) if scored else known.value
        merged = tuple(sorted({**dict(known.metrics), **others}.items()))
        self._latest = Point(step, value, seconds, attempt, merged)
        if scored or others:
            self._found[step] = self._latest

    def _complain(self, reason: str, message: str) -> None:
        self._problem = self._problem or (reason, message)


def _kept(value: object) -> float | None:
    """A finite number, rounded; None for anything else."""
    number = _number(value)
    return None if number is None or not math.isfinite(number) else float(f"{number:.{_DIGITS}g}")


def _number(value: object) -> float | None:
    """None for what is not a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _unix(stamp: str) -> float | None:
    """The time at the beginning of a line, in the form of Kubernetes."""
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None
