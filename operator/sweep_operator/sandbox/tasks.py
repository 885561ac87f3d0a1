"""The tasks of the sandbox, and their evaluation: pure functions of content that a user supplied."""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Protocol

from pydantic import Field

from sweep_operator.api.errors import InvalidObject
from sweep_operator.api.model import Model
from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep, SweepSpec
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.accept import check_spec, compiled
from sweep_operator.exchange.files import rows_of_bytes
from sweep_operator.exchange.learner import Learned, Learner
from sweep_operator.exchange.observation import MAX_UNPACKED, counted, pack, unpack
from sweep_operator.exchange.of_runs import rows_of
from sweep_operator.exchange.row import Row, RowsInvalid
from sweep_operator.sandbox.reports import MAX_LINE, FoundReports, Reader, ReadReports

MAX_ROWS = 100_000
"""Rows of one file."""


class Check(Model):
    """Find the errors of constraints and patterns."""

    kind: Literal["check"] = "check"
    spec: SweepSpec


class Scan(Model):
    """Find patterns in lines of a log."""

    kind: Literal["scan"] = "scan"
    text: str
    value_pattern: str | None = None
    rule_patterns: list[str] = []


class File(Model):
    """A file that a user supplies, oldest row first."""

    where: str
    name: str
    content: str
    """Base64."""


class FitFiles(Model):
    """Learn from the rows of files, the newest file first."""

    kind: Literal["fitFiles"] = "fitFiles"
    learner: Learner
    files: list[File]


class FitRuns(Model):
    """Learn from the runs of another Sweep."""

    kind: Literal["fitRuns"] = "fitRuns"
    learner: Learner
    where: str
    other: str
    """The other Sweep in JSON."""
    runs: str
    """Its runs as JSON lines, newest first."""


class Join(Model):
    """Check and count packed observations. Those of several parts are packed together, equally many of each."""

    kind: Literal["join"] = "join"
    parts: list[str]
    """Contents of EarlierObservations, the newest part first."""
    limit: int | None = None
    """Number of observations."""


Task = Check | Scan | ReadReports | FitFiles | FitRuns | Join


class Request(Model):
    """A task and its limit of CPU time."""

    task: Annotated[Task, Field(discriminator="kind")]
    seconds: float


class Problem(Model):
    """An error of one field."""

    path: str
    message: str


class Answer(Model):
    """The result of a task; each kind sets its own fields."""

    problems: list[Problem] = []
    value: str | None = None
    metrics: dict[str, str] = {}
    matched: list[str] = []
    reports: FoundReports = FoundReports()
    learned: Learned = Learned()
    error: str | None = None
    """Why the content is invalid."""
    refused: str | None = None
    """Which limit the evaluation exceeded."""
    seconds: float = 0.0
    """CPU time."""


class Refused(Exception):
    """The evaluation exceeded its limit of time or memory. The message says which."""


class Evaluator(Protocol):
    """Evaluates tasks."""

    async def evaluate(self, owner: str, task: Task, seconds: float) -> Answer:
        """Evaluate within ``seconds`` of CPU time. ``owner``: namespace of the Sweep. Raises Refused."""
        ...


class InProcess:
    """Evaluates in this process, without limits: for tests."""

    async def evaluate(self, owner: str, task: Task, seconds: float) -> Answer:
        """Evaluate."""
        return evaluate(task)


def evaluate(task: Task) -> Answer:
    """Evaluate a task."""
    began = time.process_time()
    match task:
        case Check():
            problems = check_spec(task.spec)
            answer = Answer(problems=[Problem(path=p.path, message=p.message) for p in problems])
        case Scan():
            answer = _scan(task)
        case ReadReports():
            answer = Answer(reports=Reader(task).read())
        case FitFiles():
            answer = _fit_files(task)
        case FitRuns():
            answer = _fit_runs(task)
        case Join():
            answer = _join(task)
    return answer.with_(seconds=time.process_time() - began)


def _scan(task: Scan) -> Answer:
    value_pattern = compiled(task.value_pattern) if task.value_pattern else None
    rules = {pattern: compiled(pattern) for pattern in task.rule_patterns}
    values: dict[str, str] = {}
    matched: list[str] = []
    for line in _lines(task.text):
        if value_pattern is not None:
            for match in value_pattern.finditer(line):
                values |= {name: text for name, text in match.groupdict().items() if text is not None}
        matched += [p for p, rule in rules.items() if p not in matched and rule.search(line)]
    return Answer(value=values.pop("value", None), metrics=values, matched=matched)


def _lines(text: str) -> Iterator[str]:
    for line in text.replace("\r", "\n").split("\n"):
        for start in range(0, len(line), MAX_LINE):
            yield line[start : start + MAX_LINE]


def _fit_files(task: FitFiles) -> Answer:
    try:
        return Answer(learned=task.learner.learn_parts(map(_rows_of_file, task.files)))
    except RowsInvalid as error:
        return Answer(error=error.in_short())


def _rows_of_file(file: File) -> list[Row]:
    content = base64.b64decode(file.content)
    return rows_of_bytes(content, file.where, file.name, max_bytes=MAX_UNPACKED, max_rows=MAX_ROWS)[::-1]


def _fit_runs(task: FitRuns) -> Answer:
    try:
        other = read(Sweep, json.loads(task.other))
        runs = [read(SweepRun, json.loads(line)) for line in task.runs.splitlines()]
    except InvalidObject as error:
        return Answer(error=f"{task.where} cannot be read: {error}")
    return Answer(learned=task.learner.learn(rows_of(other, runs)))


def _join(task: Join) -> Answer:
    try:
        parts = [unpack(part) for part in task.parts]
        shares = _shares([len(part) for part in parts], task.limit)
        rows = [row for part, share in zip(parts, shares, strict=True) for row in part[:share]]
        found = counted(task.parts[0], rows) if len(task.parts) == 1 else pack(rows)
        return Answer(learned=Learned(observations=found))
    except (ValueError, OSError, EOFError, zlib.error) as error:
        return Answer(error=str(error))


def _shares(counts: Sequence[int], limit: int | None) -> list[int]:
    """How many rows of each part: equally many, unless one has fewer. The first parts get the remainder."""
    left, shares = sum(counts) if limit is None else limit, [0] * len(counts)
    order = sorted(range(len(counts)), key=lambda part: (counts[part], -part))
    for waiting, part in zip(range(len(counts), 0, -1), order, strict=True):
        shares[part] = min(counts[part], left // waiting)
        left -= shares[part]
    return shares
