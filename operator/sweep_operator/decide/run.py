"""The decision about one run: its stage transitions, and the cleanup of recorded attempts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sweep_operator.api.sweeprun import SweepRun, SweepRunStatus
from sweep_operator.decide.context import RunContext
from sweep_operator.decide.deadlines import lost_after
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.outcome import newest_by_rank
from sweep_operator.decide.plan import Adopt, DeleteJob, ReleasePod, RemovePod, RunPlan
from sweep_operator.decide.stages import StageTransitions


def decide_run(run: SweepRun, ctx: RunContext) -> RunPlan:
    """The plan of one run's pass."""
    deleting = run.metadata.deletion_timestamp is not None
    adopt = run.spec.index is None and run.metadata.controller_uid() != ctx.snap.sweep.metadata.uid and not deleting
    before = (Adopt(run.name),) if adopt else ()
    if deleting or run.terminal:
        cleanup = _cleanup(run.status, ctx, ended=True)
        return RunPlan(run, run.status, before=before, cleanup=cleanup, wake=_next_loss(ctx))
    stages = StageTransitions(run, ctx)
    stages.advance()
    return RunPlan(
        run,
        stages.record.status,
        before=(*before, *stages.before),
        after=tuple(stages.after),
        cleanup=_cleanup(stages.record.status, ctx, ended=stages.record.updated.terminal),
        logs=tuple(stages.logs),
        probes=tuple(stages.probes),
        looks=tuple(stages.looks),
        events=tuple(stages.record.events),
        wake=min((at for at in (stages.wake, _next_loss(ctx)) if at is not None), default=None),
    )


def _cleanup(status: SweepRunStatus, ctx: RunContext, *, ended: bool) -> tuple[DeleteJob | ReleasePod | RemovePod, ...]:
    """Delete the Jobs whose attempts are recorded, and release their pods. ``ended``: the run is over or deleted."""
    actions: list[DeleteJob | ReleasePod | RemovePod] = []
    for job in ctx.jobs:
        done = ended or status.attempt_recorded(job.stage, job.attempt)
        if done and not job.finished and not job.deleting and not _finishes_by_itself(job, ctx.pods):
            actions.append(DeleteJob(job.name, job.uid))
    # The garbage collector deletes the Jobs of a deleted run, unless its owner references were removed.
    orphans = (job for job in ctx.old_jobs if job.owner_uid is None and job.run_uid is not None)
    actions += [DeleteJob(job.name, job.uid) for job in orphans if not job.deleting]
    recorded = (pod for pod in ctx.pods if ended or status.attempt_recorded(pod.stage, pod.attempt))
    for pod in (*ctx.old_pods, *recorded):
        if pod.holds_result:
            actions.append(ReleasePod(pod.name, pod.uid))
        lost = pod.lost_at(lost_after(ctx.snap.config))
        if lost is not None and ctx.snap.now >= lost:
            actions.append(RemovePod(pod.name, pod.uid))
    return tuple(actions)


def _finishes_by_itself(job: JobView, pods: Sequence[PodView]) -> bool:
    """Whether the pods have ended, so the Job is about to finish. Deleting it now would delete their logs."""
    own = newest_by_rank([p for p in pods if (p.stage, p.attempt) == (job.stage, job.attempt)])
    ended = all(p.phase in ("Succeeded", "Failed") or p.containers_ended for p in own)
    return bool(own) and ended and not job.suspended and all(p.deletion_requested is None for p in own)


def _next_loss(ctx: RunContext) -> datetime | None:
    """When the next pod that is being deleted counts as lost. No event would trigger a pass then."""
    times = (pod.lost_at(lost_after(ctx.snap.config)) for pod in (*ctx.pods, *ctx.old_pods))
    return min((at for at in times if at is not None and at > ctx.snap.now), default=None)
