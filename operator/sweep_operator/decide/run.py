"""One run: its step, and letting go of what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import (
    Stage,
    SweepRun,
    SweepRunStatus,
)
from sweep_operator.decide import cost
from sweep_operator.decide.context import RunContext
from sweep_operator.decide.deadlines import lost_after
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.outcome import newest_by_rank
from sweep_operator.decide.plan import Adopt, DeleteJob, EnsureRevision, ReleasePod, RemovePod, RunPlan
from sweep_operator.decide.step import Step


def decide_run(run: SweepRun, ctx: RunContext) -> RunPlan:
    """The plan of one run's pass."""
    before: list[EnsureRevision | Adopt] = []
    if run.metadata.deletion_timestamp is not None:
        return RunPlan(run, run.status, cleanup=_cleanup(run, run.status, ctx, over=True), wake=_next_loss(ctx))
    if run.spec.index is None and run.metadata.controller_uid() != ctx.sweep.metadata.uid:
        before.append(Adopt(run.name))
    if run.terminal:
        cleanup = _cleanup(run, run.status, ctx, over=True)
        return RunPlan(run, run.status, before=tuple(before), cleanup=cleanup, wake=_next_loss(ctx))
    step = Step(run, ctx)
    step.advance()
    terminal = step.record.updated.terminal
    cleanup = _cleanup(run, step.record.status, ctx, over=terminal)
    return RunPlan(
        run,
        step.record.status,
        before=(*before, *step.before),
        after=tuple(step.after),
        cleanup=cleanup,
        logs=tuple(step.logs),
        probes=tuple(step.probes),
        events=tuple(step.record.events),
        wake=min((at for at in (step.wake, _next_loss(ctx)) if at is not None), default=None),
    )


def _cleanup(
    run: SweepRun, status: SweepRunStatus, ctx: RunContext, *, over: bool
) -> tuple[DeleteJob | ReleasePod | RemovePod, ...]:
    """Jobs and pods whose attempt is over in the record: end what still runs, let go of what is read."""
    actions: list[DeleteJob | ReleasePod | RemovePod] = []
    for job in ctx.jobs:
        done = over or _attempt_over(status, job.stage, job.attempt)
        if done and not job.finished and not job.deleting and not _ends_by_itself(job, ctx.pods):
            actions.append(DeleteJob(job.name, job.uid))
    actions += [ReleasePod(pod.name, pod.uid) for pod in ctx.leftovers if pod.holds_result]
    for pod in ctx.pods:
        if pod.holds_result and (over or _attempt_over(status, pod.stage, pod.attempt)):
            actions.append(ReleasePod(pod.name, pod.uid))
        lost = pod.lost_at(lost_after(ctx.config))
        if lost is not None and ctx.now >= lost and (over or _attempt_over(status, pod.stage, pod.attempt)):
            actions.append(RemovePod(pod.name, pod.uid))
    return tuple(actions)


def _ends_by_itself(job: JobView, pods: Sequence[PodView]) -> bool:
    """Its pods have ended, and its controller is about to say so: deleted now, it would take their logs with it."""
    own = newest_by_rank([p for p in pods if (p.stage, p.attempt) == (job.stage, job.attempt)])
    ended = all(p.phase in ("Succeeded", "Failed") or p.containers_ended for p in own)
    return bool(own) and ended and not job.suspended and all(p.deletion_requested is None for p in own)


def _next_loss(ctx: RunContext) -> datetime | None:
    """When the next pod that is being deleted counts as lost: nothing else would wake us then."""
    times = (pod.lost_at(lost_after(ctx.config)) for pod in ctx.pods)
    return min((at for at in times if at is not None and at > ctx.now), default=None)


def _attempt_over(status: SweepRunStatus, stage: Stage, attempt: int) -> bool:
    return cost.recorded(status.stage(stage), attempt)


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
