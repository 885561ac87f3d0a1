"""Cleanup of a run: Jobs, pods and Services of recorded attempts, and what an earlier run with its name left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweeprun import SweepRunStatus
from sweep_operator.decide.context import RunContext
from sweep_operator.decide.deadlines import lost_after
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.outcome import newest_by_rank
from sweep_operator.decide.plan import Cleanup, DeleteJob, DeleteService, ReleasePod, RemovePod
from sweep_operator.domain.pods import ENDED


def run_cleanup(status: SweepRunStatus, ctx: RunContext, *, ended: bool) -> tuple[Cleanup, ...]:
    """The actions that are due. ``ended``: the run has ended or is being deleted."""
    actions: list[Cleanup] = []
    for job in ctx.jobs:
        due = deletion_due(status, job, ctx)
        recorded = ended or status.attempt_recorded(job.stage, job.attempt)
        unfinished = recorded and not job.finished and not finishes_by_itself(job, ctx.pods)
        if not job.deleting and (unfinished or (due is not None and ctx.snap.now >= due)):
            actions.append(DeleteJob(job.name, job.uid, stops=unfinished))
    # The garbage collector deletes the Jobs of a deleted run, unless its owner references were removed.
    orphans = (job for job in ctx.old_jobs if job.owner_uid is None and job.run_uid is not None)
    actions += [DeleteJob(job.name, job.uid) for job in orphans if not job.deleting]
    recorded_pods = (pod for pod in ctx.pods if ended or status.attempt_recorded(pod.stage, pod.attempt))
    for pod in (*ctx.old_pods, *recorded_pods):
        if pod.holds_result:
            actions.append(ReleasePod(pod.name, pod.uid))
        lost = pod.lost_at(lost_after(ctx.snap.config))
        if lost is not None and ctx.snap.now >= lost and not pod.force_deleted:
            actions.append(RemovePod(pod.name, pod.uid))
    # Each Service counts in the quota of the namespace, so it does not wait for the deletion of the Job.
    services = (s for s in ctx.services if ended or status.attempt_recorded(s.stage, s.attempt))
    return (*actions, *(DeleteService(s.name, s.uid) for s in services))


def next_cleanup(status: SweepRunStatus, ctx: RunContext) -> datetime | None:
    """When the next Job is due, or a pod counts as lost. No event would trigger a pass then."""
    times = [pod.lost_at(lost_after(ctx.snap.config)) for pod in (*ctx.pods, *ctx.old_pods)]
    times += [deletion_due(status, job, ctx) for job in ctx.jobs if not job.deleting]
    return min((at for at in times if at is not None and at > ctx.snap.now), default=None)


def deletion_due(status: SweepRunStatus, job: JobView, ctx: RunContext) -> datetime | None:
    """When a Job is deleted with its pods: some time after its result was recorded, so that its logs can be read.

    The Jobs of failed attempts are kept until the run ends. The Job's own TTL begins at its end and would delete
    results and logs while no operator runs, so it is used only if the user has set it.
    """
    ended = find_condition(status.conditions, "Succeeded")
    if job.stage == "train" and (ended is None or ended.status == "Unknown"):
        ended = find_condition(status.conditions, "TrainSucceeded")
    if ended is None or ended.status == "Unknown":
        return None
    ttl = ctx.snap.sweep.spec.ttl_seconds_after_finished
    return ended.last_transition_time + timedelta(seconds=ctx.snap.config.finished_job_seconds if ttl is None else ttl)


def finishes_by_itself(job: JobView, pods: Sequence[PodView]) -> bool:
    """Whether the pods have ended, so the Job is about to finish. Deleting it now would delete their logs."""
    own = newest_by_rank([p for p in pods if (p.stage, p.attempt) == (job.stage, job.attempt)])
    ended = all(p.phase in ENDED or p.containers_ended for p in own)
    return bool(own) and ended and not job.suspended and all(p.deletion_requested is None for p in own)
