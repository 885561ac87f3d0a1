"""One run: its step, and letting go of what is recorded."""

from __future__ import annotations

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import (
    Stage,
    SweepRun,
    SweepRunStatus,
)
from sweep_operator.decide import cost
from sweep_operator.decide.context import RunContext
from sweep_operator.decide.plan import Adopt, DeleteJob, EnsureRevision, ReleasePod, RunPlan
from sweep_operator.decide.step import Step


def decide_run(run: SweepRun, ctx: RunContext) -> RunPlan:
    """The plan of one run's pass."""
    before: list[EnsureRevision | Adopt] = []
    if run.metadata.deletion_timestamp is not None:
        return RunPlan(run, run.status, cleanup=_cleanup(run, run.status, ctx, over=True))
    if run.spec.index is None and run.metadata.controller_uid() != ctx.sweep.metadata.uid:
        before.append(Adopt(run.name))
    if run.terminal:
        return RunPlan(run, run.status, before=tuple(before), cleanup=_cleanup(run, run.status, ctx, over=True))
    step = Step(run, ctx)
    step.advance()
    terminal = run.with_(status=step.status).terminal
    cleanup = _cleanup(run, step.status, ctx, over=terminal)
    return RunPlan(
        run,
        step.status,
        before=(*before, *step.before),
        after=tuple(step.after),
        cleanup=cleanup,
        logs=tuple(step.logs),
        events=tuple(step.events),
        wake=step.wake,
    )


def _cleanup(
    run: SweepRun, status: SweepRunStatus, ctx: RunContext, *, over: bool
) -> tuple[DeleteJob | ReleasePod, ...]:
    """Jobs and pods whose attempt is over in the record: end what still runs, let go of what is read."""
    actions: list[DeleteJob | ReleasePod] = []
    for job in ctx.jobs:
        if not job.finished and not job.deleting and (over or _attempt_over(status, job.stage, job.attempt)):
            actions.append(DeleteJob(job.name, job.uid))
    for pod in ctx.pods:
        if pod.holds_result and (over or _attempt_over(status, pod.stage, pod.attempt)):
            actions.append(ReleasePod(pod.name, pod.uid))
    return tuple(actions)


def _attempt_over(status: SweepRunStatus, stage: Stage, attempt: int) -> bool:
    return cost.recorded(status.train if stage == "train" else status.eval, attempt)


def is_parked(run: SweepRun) -> bool:
    """Started, but holding nothing: its last attempt was stopped by a suspension and it waits like a new run."""
    if run.terminal or run.status.train.attempt == 0:
        return False
    stage = run.status.eval if run.status.eval.attempt else run.status.train
    last = stage.attempts[-1] if stage.attempts else None
    return last is not None and last.class_ == "stopped" and last.n == stage.attempt


def belongs(run: SweepRun, sweep: Sweep) -> bool:
    """Whether a run is the sweep's: its own by owner, or a manual one by name."""
    owner = run.metadata.controller_uid()
    if owner is not None:
        return owner == sweep.metadata.uid
    return run.spec.sweep_name == sweep.name and run.metadata.namespace == sweep.metadata.namespace
