"""The local cluster: the embedded API server, the Job controller and the runner."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from sweep_operator.kube.embedded.container import place_of
from sweep_operator.kube.embedded.jobs import JobController
from sweep_operator.kube.embedded.runner import Runner
from sweep_operator.kube.embedded.server import Admission, EmbeddedKube
from sweep_operator.kube.embedded.space import Space
from sweep_operator.kube.embedded.volumes import Unsupported
from sweep_operator.kube.protocol import Object


class LocalCluster:
    """``async with LocalCluster(state_db, root) as cluster``: pods of its Jobs run below ``root``.

    Entering locks the state (StoreLocked if another process holds the lock), records how the pods of an earlier process
    ended, and starts. Leaving ends every process.
    """

    def __init__(
        self,
        path: Path,
        root: Path,
        *,
        admission: Admission | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        self.space = Space(path.parent)
        self.kube = EmbeddedKube(path, clock=clock, admission=admission, space=self.space)
        self.kube.log_path = lambda pod: _log_of(pod, root)
        self._runner = Runner(self.kube, root, self.space)
        self._jobs = JobController(self.kube, clock, rng or random.Random())
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False

    async def __aenter__(self) -> Self:
        try:
            await self._runner.recover()
        except BaseException:
            self.kube.close()
            raise
        self._tasks = [asyncio.create_task(self._jobs.run()), asyncio.create_task(self._runner.run())]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop(kill=False)
        self.kube.close()

    async def stop(self, *, kill: bool) -> None:
        """End every process (SIGTERM first, unless ``kill``). Unfinished processes count as lost."""
        if self._stopped:
            return
        self._stopped = True
        self.space.be_patient(False)
        self._tasks[0].cancel()
        await self._runner.stop(kill=kill)
        self._tasks[1].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _log_of(pod: Object, root: Path) -> Path | None:
    try:
        return place_of(pod, root).log
    except Unsupported:
        return None
