"""One pass over one run: what it is decided from, and the actions that it collects."""

from __future__ import annotations

from datetime import datetime

from sweep_operator.api.names import job_name
from sweep_operator.api.sweeprun import Stage, SweepRun
from sweep_operator.decide.attempt import LogFollow, LogRequest
from sweep_operator.decide.cleanup import finishes_by_itself
from sweep_operator.decide.context import RunContext
from sweep_operator.decide.observed import JobView
from sweep_operator.decide.plan import EnsureRevision, EnsureStage, Look
from sweep_operator.decide.record import Record
from sweep_operator.decide.refusal import Probe


class RunPass:
    """Collects actions; performs none."""

    def __init__(self, run: SweepRun, ctx: RunContext) -> None:
        self.run, self.ctx, self.snap, self.record = run, ctx, ctx.snap, Record(run, ctx)
        self.before: list[EnsureRevision] = []
        self.after: list[EnsureStage] = []
        self.logs: list[LogRequest] = []
        self.probes: list[Probe] = []
        self.looks: list[Look] = []
        self.follow: LogFollow | None = None
        self.wake: datetime | None = None

    def _earlier_pods_remain(self, stage: Stage) -> bool:
        """Whether a pod of an earlier attempt has not ended, or may still be created.

        The Job of a queue replaces a pod that was deleted, even one that had ended well, until the Job is deleted.
        """
        last = self._last_job(stage)
        if last is not None and last.queued and not last.finished and not finishes_by_itself(last, self.ctx.pods):
            self.record.unsettled("Terminating", "the Job of the previous attempt is being deleted")
            return True
        if any(not p.over and p.attempt <= self._attempt(p.stage) for p in self.ctx.pods):
            self.record.unsettled("Terminating", "a pod of an earlier attempt is still terminating")
            return True
        return False

    def _knows_last_pods(self, stage: Stage) -> bool:
        """Whether no pod of the previous attempt is unreported: after the deletion of its Job, the last one may be."""
        return self._last_job(stage) is not None or self._looked(self._last_stage(stage))

    def _last_job(self, stage: Stage) -> JobView | None:
        last = self._last_stage(stage)
        return next((j for j in self.ctx.jobs if (j.stage, j.attempt) == (last, self._attempt(last))), None)

    def _last_stage(self, stage: Stage) -> Stage:
        """The stage of the previous attempt."""
        return stage if self._attempt(stage) > 0 else "train"

    def _attempt(self, stage: Stage) -> int:
        return self.record.status.stage(stage).attempt

    @property
    def _ending(self) -> bool:
        return self.run.spec.stop or self.ctx.end is not None or self.ctx.suspend_policy == "terminate"

    def _looked(self, stage: Stage) -> bool:
        """Whether the Job and the pods are as the API server has them now. If not, request to read them."""
        status = self.record.status.stage(stage)
        name = status.job_name or job_name(self.run.name, stage, status.attempt)
        if name not in self.snap.looked:
            self.looks.append(Look(name, stage, status.attempt))
        return name in self.snap.looked

    def _wake(self, at: datetime | None) -> None:
        """Wake up at ``at``, if it is in the future."""
        if at is not None and at > self.snap.now:
            self.wake = at if self.wake is None else min(self.wake, at)
