"""The writes of one pass: which requests go out together, and what waits for what.

A new run waits for its index to be reserved, and for the statuses of the runs whose slots are free now. It starts as
soon as it exists. The Job of an attempt waits for the status of its run. Nothing else waits, so a slow request of one
run does not delay another one, unless 100 of them are slow (`Settings.writes`).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sweep_operator.api.status import SweepTracking
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.plan import Plan, RunPlan
from sweep_operator.engine.act import Begin, Executor
from sweep_operator.engine.each import each, together
from sweep_operator.engine.errors import OUTAGES
from sweep_operator.engine.ports import Settings
from sweep_operator.engine.recorder import Recorder
from sweep_operator.engine.status_writer import StatusWriter
from sweep_operator.kube.protocol import KubeError

log = logging.getLogger(__name__)


@dataclass
class Done:
    """What was carried out of a plan so far."""

    sweep: Sweep
    """With its status as it is written."""
    tracking: SweepTracking | None = None
    """What the plan knows of W&B. It may be written after the Jobs that pass it to their pods."""
    runs: list[RunPlan] = field(default_factory=list)
    """Those whose statuses are written."""
    errors: dict[str, Exception] = field(default_factory=dict)
    """By run: why its status is not written."""
    late_errors: dict[str, Exception] = field(default_factory=dict)
    """By run: why its Jobs are not created."""
    outage: Exception | None = None
    """It stops the creation of Jobs."""
    reserved: bool = False
    """Whether the indices of the new runs are reserved."""
    unwritten: bool = False
    """Whether the status of a run could not be written, so that it counts neither for the Sweep nor for new runs."""
    counted: bool = False
    """Whether the Sweep's counters were written."""

    @property
    def known(self) -> Sweep:
        """``sweep`` with ``tracking``."""
        return self.sweep.with_(status=self.sweep.status.with_(tracking=self.tracking))

    @property
    def changed(self) -> bool:
        """Whether anything was written that may enable the next write."""
        return self.counted or any(run.changes for run in self.runs)


class Writes:
    """Carries out the plans of one Sweep."""

    def __init__(self, executor: Executor, status: StatusWriter, recorder: Recorder, settings: Settings) -> None:
        self._executor, self._status, self._recorder, self._settings = executor, status, recorder, settings

    async def carry_out(
        self,
        plan: Plan,
        done: Done,
        failures: Mapping[str, Exception],
        first_step: Callable[[SweepRun], RunPlan | None],
    ) -> None:
        """Raises an outage or a stale Sweep. ``failures``: errors from before, which are reported on the Sweep.

        ``first_step``: the plan of a run that was just created. None leaves it to the next pass, as an error does.
        """
        done.tracking = plan.status.tracking

        async def begin(run: SweepRun) -> None:
            step = first_step(run) if done.outage is None else None
            if step is not None:
                await self._each_run([step], lambda step: self._write_and_start(step, done), done.errors)

        todo = [run for run in plan.runs if not run.idle]
        ending, others = [run for run in todo if run.ends], [run for run in todo if not run.ends]
        # If the counters may be written later, the next index does not wait for the runs that they count.
        early = bool(plan.create) and self._settings.status_delay > 0
        await together(
            self._end_and_grow(ending, plan if early else None, done, begin),
            self._each_run(others, lambda run: self._write_and_start(run, done), done.errors),
        )
        done.unwritten = any(run.run.name in done.errors and run.status != run.run.status for run in plan.runs)
        status, events = (done.sweep.status, ()) if done.unwritten else (plan.status, plan.events)
        errors = {**failures, **done.errors, **done.late_errors}
        done.counted = await self._status.write(done.sweep, status, events, errors)
        if not early:
            if not done.unwritten:
                self._note_reserved(plan, done)
            ready = not done.unwritten and _ended(ending, done)
            await self._executor.create_runs(done.sweep, plan.create if ready else (), begin)
        if done.outage is not None:
            raise done.outage

    async def _end_and_grow(self, ending: Sequence[RunPlan], plan: Plan | None, done: Done, begin: Begin) -> None:
        """Write how runs have ended, and create the new runs of ``plan``, if there is one."""
        writing = self._each_run(ending, lambda run: self._write(run, done), done.errors)
        if plan is None:
            await writing
            return
        await together(writing, self._reserve(plan, done))
        if _ended(ending, done):
            await self._executor.create_runs(done.sweep, plan.create, begin)

    async def _reserve(self, plan: Plan, done: Done) -> None:
        if plan.status.next_index != done.sweep.status.next_index:
            done.sweep = await self._status.reserve(done.sweep, plan.status.next_index)
        self._note_reserved(plan, done)

    def _note_reserved(self, plan: Plan, done: Done) -> None:
        done.reserved = True
        self._executor.note_reserved(done.sweep, plan.create)
        self._recorder.record(done.sweep, plan.create_events)

    async def _write(self, run: RunPlan, done: Done) -> RunPlan:
        if run.error is not None:
            raise run.error
        done.runs.append(written := await self._executor.write(done.sweep, run))
        return written

    async def _write_and_start(self, run: RunPlan, done: Done) -> None:
        written = await self._write(run, done)
        if not written.after or done.outage is not None:
            return
        try:
            await self._each_run([written], lambda run: self._executor.start(done.known, run), done.late_errors)
        except OUTAGES as error:  # the Sweep's status is written in spite of it
            done.outage = error

    async def _each_run(
        self, runs: Sequence[RunPlan], work: Callable[[RunPlan], Awaitable[object]], errors: dict[str, Exception]
    ) -> None:
        """Work on several runs at the same time. Raises an outage; the error of one run does not stop the others."""

        async def carry_out(run: RunPlan) -> None:
            try:
                await work(run)
            except OUTAGES:
                raise
            except Exception as error:
                errors[run.run.name] = error
                if not isinstance(error, KubeError):
                    log.exception("%s: the pass over this run failed", run.run.name)

        await each(runs, carry_out, self._settings.writes)


def _ended(runs: Sequence[RunPlan], done: Done) -> bool:
    """Whether the end of all these runs is written."""
    return {run.run.name for run in runs} <= {run.run.name for run in done.runs if run.updated.terminal}
