"""The decision about one run: its stage transitions, and the cleanup of recorded attempts."""

from __future__ import annotations

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.decide.cleanup import next_cleanup, run_cleanup
from sweep_operator.decide.conditions import with_finished
from sweep_operator.decide.context import RunContext
from sweep_operator.decide.plan import Adopt, RunPlan
from sweep_operator.decide.stages import StageTransitions


def decide_run(run: SweepRun, ctx: RunContext) -> RunPlan:
    """The plan of one run's pass."""
    deleting = run.metadata.deletion_timestamp is not None
    before = (Adopt(run.name),) if run.metadata.controller_uid() is None and not deleting else ()
    if deleting or run.terminal:
        cleanup = run_cleanup(run.status, ctx, ended=True)
        # Runs that ended under a version without the condition Finished get it now.
        status = run.status.with_(conditions=with_finished(run.status.conditions))
        return RunPlan(run, status, before=before, cleanup=cleanup, wake=next_cleanup(status, ctx))
    stages = StageTransitions(run, ctx)
    stages.advance()
    status = stages.record.status
    if stages.record.updated.terminal and status.progress is not None:
        status = status.with_(progress=status.progress.with_(eta_seconds=None))
    return RunPlan(
        run,
        status,
        before=(*before, *stages.before),
        after=tuple(stages.after),
        cleanup=run_cleanup(status, ctx, ended=stages.record.updated.terminal),
        logs=tuple(stages.logs),
        probes=tuple(stages.probes),
        looks=tuple(stages.looks),
        follow=stages.follow,
        events=tuple(stages.record.events),
        wake=min((at for at in (stages.wake, next_cleanup(status, ctx)) if at is not None), default=None),
    )
