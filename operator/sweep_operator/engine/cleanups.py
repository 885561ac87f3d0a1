"""Cleanup of what is recorded, beside the passes: no pass and no new run waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence, Set

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.plan import Cleanup, DeleteClaim, DeleteJob, DeleteJobs, DeleteService, ReleasePod, RemovePod
from sweep_operator.domain.identity import claim_name
from sweep_operator.engine.errors import OUTAGES
from sweep_operator.engine.log_keys import log_keys
from sweep_operator.engine.objects import Objects
from sweep_operator.kube.protocol import Kind, KubeError
from sweep_operator.manifests.ownership import run_labels

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Runs of one Sweep that are cleaned up at the same time. New runs and their Jobs have the other connections."""


class Cleanups:
    """The cleanups of one Sweep's runs. The actions of one run keep their order; each one can be repeated."""

    def __init__(self, objects: Objects, wake: Callable[[bool], None]) -> None:
        """``wake``: called when nothing is left to do, with whether there was an error."""
        self._objects, self._wake = objects, wake
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._errors: dict[str, Exception] = {}

    @property
    def runs(self) -> Set[str]:
        """The runs that are being cleaned up, kept current."""
        return self._tasks.keys()

    async def begin(self, sweep: Sweep, run: SweepRun, actions: Sequence[Cleanup]) -> None:
        """Stop what runs, and carry out the other actions soon.

        A run that is being cleaned up is left alone: the next pass decides again.
        """
        if run.name in self._tasks:
            return
        rest = []
        for action in actions:
            if isinstance(action, DeleteJob) and action.stops:
                await self._carry_out(sweep, run, action)
            else:
                rest.append(action)
        if rest:
            self._tasks[run.name] = asyncio.create_task(self._run(sweep, run, rest))

    def take_errors(self) -> dict[str, Exception]:
        """By run: the errors since the last call. Raises an outage."""
        errors, self._errors = self._errors, {}
        for error in errors.values():
            if isinstance(error, OUTAGES):
                raise error
        return errors

    async def drain(self) -> None:
        """Wait until nothing is left to do."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    def close(self) -> None:
        """Cancel everything. It is decided again from the objects."""
        for task in self._tasks.values():
            task.cancel()

    async def _run(self, sweep: Sweep, run: SweepRun, actions: Sequence[Cleanup]) -> None:
        try:
            async with self._limit:
                if not self._outage:  # otherwise the next pass decides again
                    with log_keys(run=run.name):
                        for action in actions:
                            await self._carry_out(sweep, run, action)
        except Exception as error:
            self._errors[run.name] = error
            if not isinstance(error, (KubeError, *OUTAGES)):
                log.exception("%s: the cleanup of this run failed", run.name)
        finally:
            del self._tasks[run.name]
        if not self._tasks:
            self._wake(bool(self._errors))

    @property
    def _outage(self) -> bool:
        return any(isinstance(error, OUTAGES) for error in self._errors.values())

    async def _carry_out(self, sweep: Sweep, run: SweepRun, action: Cleanup) -> None:
        objects, namespace = self._objects, run.metadata.namespace
        match action:
            case DeleteJob(name, uid, _):
                await objects.delete(Kind.JOB, namespace, name, uid)
            case DeleteJobs():
                await objects.delete_jobs(namespace, run_labels(sweep, run))
            case ReleasePod(name, uid):
                await objects.release_pod(namespace, name, uid)
            case RemovePod(name, uid):
                await objects.delete(Kind.POD, namespace, name, uid, grace_seconds=0)
            case DeleteService(name, uid):
                await objects.delete(Kind.SERVICE, namespace, name, uid)
            case DeleteClaim():
                await objects.delete(Kind.CLAIM, namespace, claim_name(run), None)
