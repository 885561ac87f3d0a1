"""Questions about the models of sweeps that pages show: one optimizer process, which runs while there are questions.

torch is imported in that process only.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from sweep_operator.api.stored import read
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.child_process import ChildFailed
from sweep_operator.decide.plan import NOTHING_EARLIER, EarlierObservations
from sweep_operator.domain.identity import warm_start_name
from sweep_operator.engine.warm_start import stored_sources, unpacked_sources
from sweep_operator.kube.protocol import Forbidden, Kind, NotFound, Object, Unavailable
from sweep_operator.sandbox.child import Sandbox
from sweep_operator.sandbox.tasks import Refused
from sweep_operator.suggest.explain import Explainer, NotExplainable, Prepared, prepared
from sweep_operator.ui.machine import RunsDirectory
from sweep_operator.ui.source import Key, Source, User
from sweep_operator.views.page.explanations import Ask, AskForecast, AskWhy, Explanation

MOST_WAITING = 32
"""Questions that may wait for their turn."""
_KEPT = 128
"""Answers that are kept."""
_NICE = 10
"""Training runs and pages go first."""
_NO_WARM_START = "The observations of the warm start are not included, because "


class Reader(Protocol):
    """The objects of a sweep, for its model."""

    async def sweep(self, key: Key) -> Object:
        """The Sweep. Raises NotFound."""
        ...

    async def runs(self, key: Key) -> Iterable[Object]:
        """All its SweepRuns. Read once, in a thread."""
        ...


class DirectoryReader:
    """The objects of a runs directory."""

    def __init__(self, source: RunsDirectory) -> None:
        self._source = source

    async def sweep(self, key: Key) -> Object:
        """The Sweep. Raises NotFound."""
        for obj in await self._source.related(key, Kind.SWEEP):
            if obj["metadata"]["name"] == self._source.object_name(key):
                return obj
        raise _missing(key)

    async def runs(self, key: Key) -> Iterable[Object]:
        """All its SweepRuns."""
        runs, name = await self._source.related(key, Kind.SWEEP_RUN), self._source.object_name(key)
        return (run for run in runs if run["spec"].get("sweepName") == name)


class SourceReader:
    """The objects that a source has."""

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


@dataclass(frozen=True)
class _Basis:
    """A sweep, and what the user who asks may read of it besides its runs."""

    key: Key
    sweep: Sweep
    warm_start: Object | None = None
    """The ConfigMap with the observations of the warm start."""
    note: str = ""
    """Why it is missing."""

    @property
    def state(self) -> str:
        """Changes with the spec, and with every run that is created or ends."""
        status, meta = self.sweep.status, self.sweep.metadata
        known = status.optimizer.observations, status.runs.to_json(), status.cost.spent
        return json.dumps([self.key, meta.uid, meta.generation, *known, self.note])


class Models:
    """Answers the questions of all pages, one at a time. An answer is kept until the sweep has a new result.

    Users who may not read the observations of a warm start get answers without them.
    """

    def __init__(self, reader: Reader, explainer: Explainer | None = None) -> None:
        self._reader, self._explainer = reader, explainer or Explainer(nice=_NICE)
        self._answers: OrderedDict[str, asyncio.Task[Explanation]] = OrderedDict()
        self._preparing = asyncio.Lock()
        self._latest: tuple[str, Prepared] | None = None
        self._sandbox = Sandbox(nice=_NICE)
        self._earlier: tuple[str | None, EarlierObservations] = None, NOTHING_EARLIER
        """The digest of the latest warm start, and its observations."""

    @property
    def ready(self) -> bool:
        """Whether the process runs: it takes seconds to start."""
        return self._explainer.running

    async def answer(self, key: Key, ask: Ask, user: User) -> Explanation:
        """The answer. Raises ConfigError for a question without one, KubeError."""
        basis = await _basis(key, read(Sweep, await self._reader.sweep(key)), user)
        about = f"{basis.state} {ask.model_dump_json()}"
        task = self._answers.get(about)
        if task is None:
            if sum(not one.done() for one in self._answers.values()) > MOST_WAITING:
                raise Unavailable(f"{MOST_WAITING} questions about models wait for their turn; try again later")
            task = self._answers[about] = asyncio.create_task(self._computed(basis, ask))
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
        await self._sandbox.close()
        await self._explainer.close()

    def _forget(self, about: str, ask: Ask, task: asyncio.Task[Explanation]) -> None:
        """What is not worth keeping: failures, and forecasts, which change with every report."""
        if task.cancelled() or task.exception() is not None or isinstance(ask, AskForecast):
            self._answers.pop(about, None)

    async def _computed(self, basis: _Basis, ask: Ask) -> Explanation:
        try:
            if isinstance(ask, AskWhy):
                runs = _parsed(await self._reader.runs(basis.key))
                earlier = await self._earlier_of(basis)
                answer = await self._explainer.explain(basis.sweep, runs, ask, earlier)
            else:
                about = await self._prepared(basis, new=isinstance(ask, AskForecast))
                answer = await self._explainer.answer(about, ask)
        except (NotExplainable, Refused, ChildFailed, TimeoutError) as error:
            raise Unavailable(str(error)) from None
        return answer.with_(note=f"{answer.note} {basis.note}".strip()) if basis.note else answer

    async def _prepared(self, basis: _Basis, *, new: bool) -> Prepared:
        """The sweep for questions. The latest one is kept: a page asks several questions."""
        async with self._preparing:
            if new or self._latest is None or self._latest[0] != basis.state:
                self._latest = None
                runs = _parsed(await self._reader.runs(basis.key))
                earlier = await self._earlier_of(basis)
                self._latest = basis.state, await asyncio.to_thread(prepared, basis.sweep, runs, earlier)
            return self._latest[1]

    async def _earlier_of(self, basis: _Basis) -> EarlierObservations:
        """The observations of the warm start. Raises Refused, ChildFailed, TimeoutError."""
        if basis.warm_start is None:
            return NOTHING_EARLIER
        digest = basis.sweep.status.warm_start_digest
        if self._earlier[0] != digest:
            found = await unpacked_sources(self._sandbox, basis.key.namespace, basis.warm_start)
            await self._sandbox.close()
            self._earlier = digest, found
        return self._earlier[1]


async def _basis(key: Key, sweep: Sweep, user: User) -> _Basis:
    if (digest := sweep.status.warm_start_digest) is None:
        return _Basis(key, sweep)
    try:
        found = await user.config_map(key, warm_start_name(sweep.name, digest))
        return _Basis(key, sweep, stored_sources(sweep, digest, [found]))
    except Forbidden:
        why = f"you have no permission to get ConfigMaps in namespace {key.namespace}."
    except (NotFound, LookupError):
        why = "the ConfigMap that contains them was deleted or changed."
    return _Basis(key, sweep, note=_NO_WARM_START + why)


def _parsed(objects: Iterable[Object]) -> Iterator[SweepRun]:
    """The runs one by one: there may be thousands, of each of which the answer needs a few numbers."""
    return (read(SweepRun, obj) for obj in objects)


def _missing(key: Key) -> NotFound:
    return NotFound(f"no sweep {key.name!r} in namespace {key.namespace}; it may have been deleted")
