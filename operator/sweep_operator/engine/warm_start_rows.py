"""Warm-start sources. What users wrote is parsed outside this process: there may be much of it."""

from __future__ import annotations

import asyncio
import base64
import heapq
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.warm_start import WarmStart, WarmStartSource
from sweep_operator.decide.plan import NOTHING_EARLIER, EarlierObservations
from sweep_operator.engine.ports import WarmStartRows, WarmStartUnreadable
from sweep_operator.exchange.files import rows_of_bytes
from sweep_operator.exchange.learner import Learned, Learner, most_observations
from sweep_operator.exchange.row import Row, RowsInvalid
from sweep_operator.kube.protocol import Kind, Kube, KubeError, Object
from sweep_operator.sandbox.tasks import Evaluator, File, FitFiles, FitRuns, Join, Refused

FILE_SECONDS = 10.0
"""CPU time for reading the files of one ConfigMap, or the runs of one sweep."""
MAX_RUNS_BYTES = 16 * 1024 * 1024
"""Bytes that are read of another sweep's runs. The newest runs are read."""
MAX_KEYS = 100
"""Files of one ConfigMap."""
_RUNS_AT_ONCE = 100
"""Runs that are written as JSON before other work of this process goes on."""
_Age = tuple[bool, str, str]
_STATUS = ("conditions", "runName", "score", "cost", "metrics", "failure", "fixed")
"""Fields of a run's status that a row is made of."""


async def read_sources(
    sweep: Sweep,
    warm_start: WarmStart,
    read_one: Callable[[WarmStartSource, Learner], Awaitable[Learned]],
    evaluator: Evaluator,
) -> WarmStartRows:
    """Observations of all sources, newest first. An unreadable source does not block the others.

    Raises WarmStartUnreadable, with the readable observations, if any source is unreadable.
    """
    parts: list[EarlierObservations] = []
    notes: list[str] = []
    problems: list[WarmStartUnreadable] = []
    limit = most_observations(sweep, warm_start)
    for source in reversed(warm_start.from_):
        try:
            learned = await read_one(source, Learner.of(sweep, warm_start, source))
        except WarmStartUnreadable as problem:
            problems.append(problem)
            continue
        if learned.unused:
            text = f"{source.title}: none of its {learned.unused} successful runs can be used: {learned.text}"
            problems.append(WarmStartUnreadable(text, lasting=True))
            continue
        parts += [learned.observations] if learned.observations.count else []
        notes += [f"{source.title}: {learned.text}"] if learned.text else []
    observations = await _joined(evaluator, sweep.metadata.namespace, parts, limit)
    if observations.count == limit < warm_start.max_observations:
        notes.append(f"the newest {limit} observations are used, because of the number of parameters")
    if problems:
        text = "; ".join(map(str, problems))
        raise WarmStartUnreadable(text, readable=observations, lasting=all(p.lasting for p in problems))
    return WarmStartRows(observations, tuple(notes))


class NewestRuns:
    """The runs of another Sweep as JSON lines, as they are read page by page. At most MAX_RUNS_BYTES are kept."""

    def __init__(self, sweep: str) -> None:
        self._sweep = sweep
        self._kept: list[tuple[_Age, str]] = []
        """A heap: the oldest one is the first to go."""
        self._size = 0
        self.found = 0
        """Number of all runs."""

    async def add(self, runs: Iterable[Object]) -> None:
        """Take some runs, in any order."""
        for number, run in enumerate(runs):
            if (run.get("spec") or {}).get("sweepName") != self._sweep:
                continue
            self.found += 1
            line = json.dumps(_content(run))
            heapq.heappush(self._kept, (_age(run), line))
            self._size += len(line)
            while self._size > MAX_RUNS_BYTES:
                self._size -= len(heapq.heappop(self._kept)[1])
            if number % _RUNS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def lines(self) -> list[str]:
        """Newest first."""
        return [line for _, line in sorted(self._kept, reverse=True)]


async def read_runs(evaluator: Evaluator, learner: Learner, other: Object, runs: NewestRuns) -> Learned:
    """Observations of the runs of another Sweep, newest first. Raises WarmStartUnreadable."""
    where, lines = f"Sweep {other['metadata']['name']!r}", runs.lines()
    task = FitRuns(learner=learner, where=where, other=json.dumps(_content(other)), runs="\n".join(lines))
    learned = await _evaluated(evaluator, learner.sweep.metadata.namespace, task, where)
    if len(lines) < runs.found:
        learned = learned.with_(notes=[f"read its newest {len(lines)} of {runs.found} runs", *learned.notes])
    return learned


async def read_config_map(kube: Kube, evaluator: Evaluator, learner: Learner, source: WarmStartSource) -> Learned:
    """Observations of all keys of ``source.configMap``, newest first. Raises WarmStartUnreadable."""
    namespace, name = learner.sweep.metadata.namespace, source.config_map or ""
    where = f"ConfigMap {name!r}"
    try:
        obj = await kube.get(Kind.CONFIG_MAP, namespace, name)
    except KubeError as error:
        raise WarmStartUnreadable(f"{where}: {error}") from error
    contents = {key: base64.b64encode(text.encode()).decode() for key, text in (obj.get("data") or {}).items()}
    contents |= obj.get("binaryData") or {}
    if not contents:
        command = f"kubectl create configmap {name} --from-file=runs.csv"
        raise WarmStartUnreadable(f"{where}: has no data; create it with {command}")
    if len(contents) > MAX_KEYS:
        text = f"{where}: has {len(contents)} keys; the maximum is {MAX_KEYS}; join the files"
        raise WarmStartUnreadable(text, lasting=True)
    files = [File(where=f"{where}, {key}", name=key, content=content) for key, content in reversed(contents.items())]
    return await _evaluated(evaluator, namespace, FitFiles(learner=learner, files=files), where)


def read_bytes(content: bytes, where: str, name: str) -> list[Row]:
    """Rows of a file, plain or gzip, oldest first. Raises WarmStartUnreadable."""
    try:
        return rows_of_bytes(content, where, name)
    except RowsInvalid as error:
        raise WarmStartUnreadable(error.in_short()) from None


async def _joined(
    evaluator: Evaluator, owner: str, parts: Sequence[EarlierObservations], limit: int
) -> EarlierObservations:
    if len(parts) < 2:  # one source keeps to the limits by itself
        return parts[0] if parts else NOTHING_EARLIER
    task = Join(parts=[part.content for part in parts], limit=limit)
    return (await _evaluated(evaluator, owner, task, "warmStart")).observations


async def _evaluated(evaluator: Evaluator, owner: str, task: FitFiles | FitRuns | Join, where: str) -> Learned:
    try:
        answer = await evaluator.evaluate(owner, task, FILE_SECONDS)
    except Refused as error:
        raise WarmStartUnreadable(f"{where}: reading it was canceled: {error}", lasting=True) from None
    if answer.error is not None:
        raise WarmStartUnreadable(answer.error)
    return answer.learned


def _age(run: Object) -> _Age:
    """Sorts by creation; a run without a time is the newest one."""
    created = str(run["metadata"].get("creationTimestamp") or "")
    return not created, created, run["metadata"]["name"]


def _content(obj: Object) -> dict[str, Any]:
    """What is needed of a Sweep or a run: its history of attempts, for example, is not."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    return {
        "metadata": {key: metadata[key] for key in ("name", "creationTimestamp") if key in metadata},
        "spec": obj["spec"],
        "status": {key: status[key] for key in _STATUS if key in status},
    }
