"""Questions about the models of sweeps that pages show: one optimizer process, which runs while there are questions.

torch is imported in that process only.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.plan import NOTHING_EARLIER, EarlierObservations
from sweep_operator.domain.identity import warm_start_name
from sweep_operator.engine.warm_start import stored_observations
from sweep_operator.kube.protocol import Kind, KubeError, NotFound, Object, Unavailable
from sweep_operator.suggest.explain import Explainer, NotExplainable, Prepared, prepared
from sweep_operator.ui.machine import RunsDirectory
from sweep_operator.ui.source import Key, Source
from sweep_operator.views.page.explanations import Ask, AskForecast, AskWhy, Explanation

MOST_WAITING = 32
"""Questions that may wait for their turn."""
_KEPT = 128
"""Answers that are kept."""
_NICE = 10
"""Training runs and pages go first."""
_NO_WARM_START = "The observations of the warm start are not included, because they cannot be read here."


class Reader(Protocol):
    """The objects of a sweep, for its model."""

    async def sweep(self, key: Key) -> Object:
        """The Sweep. Raises NotFound."""
        ...

    async def runs(self, key: Key) -> Iterable[Object]:
        """All its SweepRuns. Read once, in a thread."""
        ...

    async def config_maps(self, key: Key) -> Sequence[Object]:
        """ConfigMaps, the one with the observations of the warm start among them, if they can be read."""
        ...


class DirectoryReader:
    """The objects of a runs directory."""

    def __init__(self, source: RunsDirectory) -> None:
        self._source = source

    async def sweep(self, key: Key) -> Object:
        """The Sweep. Raises NotFound."""
        for obj in await self._source.related(key, Kind.SWEEP):
            if obj["metadata"]["name"] == key.name:
                return obj
        raise _missing(key)

    async def runs(self, key: Key) -> Iterable[Object]:
        """All its SweepRuns."""
        runs = await self._source.related(key, Kind.SWEEP_RUN)
        return (run for run in runs if run["spec"].get("sweepName") == key.name)

    async def config_maps(self, key: Key) -> Sequence[Object]:
        """Those of the directory."""
        return await self._source.related(key, Kind.CONFIG_MAP)


class SourceReader:
    """The objects that a source has: no ConfigMaps."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def sweep(self, key: Key) -> Object:
        """The Sweep. Raises NotFound."""
        if (found := (await self._source.sweeps()).items.get(key)) is None:
            raise _missing(key)
        return found

    async def runs(self, key: Key) -> Iterable[Object]:
        """All its SweepRuns."""
        return (await self._source.runs(key, None)).changed

    async def config_maps(self, key: Key) -> Sequence[Object]:
        """None: the page's server must not read them."""
        return ()


class Models:
    """Answers the questions of all pages, one at a time. An answer is kept until the sweep has a new result."""

    def __init__(self, reader: Reader, explainer: Explainer | None = None) -> None:
        self._reader, self._explainer = reader, explainer or Explainer(nice=_NICE)
        self._answers: OrderedDict[str, asyncio.Task[Explanation]] = OrderedDict()
        self._preparing = asyncio.Lock()
        self._latest: tuple[str, Prepared, str] | None = None

    @property
    def ready(self) -> bool:
        """Whether the process runs: it takes seconds to start."""
        return self._explainer.running

    async def answer(self, key: Key, ask: Ask) -> Explanation:
        """The answer. Raises ConfigError for a question without one, KubeError."""
        sweep = read(Sweep, await self._reader.sweep(key))
        about = f"{_state(sweep)} {ask.model_dump_json()}"
        task = self._answers.get(about)
        if task is None:
            if sum(not one.done() for one in self._answers.values()) > MOST_WAITING:
                raise Unavailable(f"{MOST_WAITING} questions about models wait for their turn; try again later")
            task = self._answers[about] = asyncio.create_task(self._computed(key, sweep, ask))
            task.add_done_callback(lambda done: self._forget(about, ask, done))
        self._answers.move_to_end(about)
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)
        return await asyncio.shield(task)  # others may wait for the same answer

    async def close(self) -> None:
        """End the process."""
        tasks = list(self._answers.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._explainer.close()

    def _forget(self, about: str, ask: Ask, task: asyncio.Task[Explanation]) -> None:
        """What is not worth keeping: failures, and forecasts, which change with every report."""
        if task.cancelled() or task.exception() is not None or isinstance(ask, AskForecast):
            self._answers.pop(about, None)

    async def _computed(self, key: Key, sweep: Sweep, ask: Ask) -> Explanation:
        try:
            if isinstance(ask, AskWhy):
                earlier, note = await self._earlier(key, sweep)
                answer = await self._explainer.explain(sweep, _parsed(await self._reader.runs(key)), ask, earlier)
            else:
                about, note = await self._prepared(key, sweep, new=isinstance(ask, AskForecast))
                answer = await self._explainer.answer(about, ask)
        except NotExplainable as error:
            raise Unavailable(str(error)) from None
        return answer.with_(note=f"{answer.note} {note}".strip()) if note else answer

    async def _prepared(self, key: Key, sweep: Sweep, *, new: bool) -> tuple[Prepared, str]:
        """The sweep for questions, and what is missing. The latest one is kept: a page asks several questions."""
        state = _state(sweep)
        async with self._preparing:
            if new or self._latest is None or self._latest[0] != state:
                self._latest = None
                earlier, note = await self._earlier(key, sweep)
                runs = _parsed(await self._reader.runs(key))
                self._latest = state, await asyncio.to_thread(prepared, sweep, runs, earlier), note
            return self._latest[1:]

    async def _earlier(self, key: Key, sweep: Sweep) -> tuple[EarlierObservations, str]:
        """The observations of the warm start, or why they are not there."""
        if sweep.status.warm_start_digest is None:
            return NOTHING_EARLIER, ""
        name = warm_start_name(sweep.name, sweep.status.warm_start_digest)
        try:
            found = [o for o in await self._reader.config_maps(key) if o["metadata"]["name"] == name]
            return await asyncio.to_thread(stored_observations, sweep, found), ""
        except (KubeError, LookupError):
            return NOTHING_EARLIER, _NO_WARM_START


def _state(sweep: Sweep) -> str:
    """Changes with the spec and with every run that is created or ends."""
    status, meta = sweep.status, sweep.metadata
    known = status.optimizer.observations, status.runs.to_json(), status.cost.spent
    return json.dumps([meta.uid, meta.generation, *known])


def _parsed(objects: Iterable[Object]) -> Iterator[SweepRun]:
    """The runs one by one: there may be thousands, of each of which the answer needs a few numbers."""
    return (read(SweepRun, obj) for obj in objects)


def _missing(key: Key) -> NotFound:
    return NotFound(f"no sweep {key.name!r} in namespace {key.namespace}; it may have been deleted")
