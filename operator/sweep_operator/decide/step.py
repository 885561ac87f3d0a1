"""The next step of a run that has not ended, from its status and its Jobs and pods."""

from __future__ import annotations

from datetime import datetime, timedelta

from sweep_operator.api.failures import FAILURES
from sweep_operator.api.meta import find_condition
from sweep_operator.api.names import job_name
from sweep_operator.api.sweeprun import ImportedObservation, Stage, SweepRun
from sweep_operator.decide import cost
from sweep_operator.decide.context import RunContext, effective_parameters
from sweep_operator.decide.deadlines import attempt_policy, may_retry, retry_at, stage_deadline
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.outcome import (
    Absent,
    Ended,
    LogRequest,
    NeedsLog,
    Running,
    Waiting,
    attempt_state,
)
from sweep_operator.decide.plan import EnsureRevision, EnsureStage, Event
from sweep_operator.decide.record import Record
from sweep_operator.decide.refusal import PROBE_AFTER, Probe, Refusal
from sweep_operator.domain.revisions import RunTemplate

# Unschedulable: so is every pod whose claim is being provisioned
_ORDINARY_WAITS = ("NoPod", "Scheduling", "Unschedulable", "ContainerCreating", "PodInitializing")
_ORDINARY_PATIENCE = timedelta(seconds=10)
"""Every pod waits this long; a status write is not worth it."""
_START_PATIENCE: dict[Stage, timedelta] = {"train": timedelta(seconds=10), "eval": timedelta(seconds=60)}
"""The start of main is written after this time, so a shorter stage is written only once, at its end."""
_AT_WORK: dict[Stage, str] = {"train": "Training", "eval": "Evaluating"}


class Step:
    """One pass over one run that is not terminal. Collects actions; performs none."""

    def __init__(self, run: SweepRun, ctx: RunContext) -> None:
        self.run, self.ctx, self.record = run, ctx, Record(run, ctx)
        self.before: list[EnsureRevision] = []
        self.after: list[EnsureStage] = []
        self.logs: list[LogRequest] = []
        self.probes: list[Probe] = []
        self.wake: datetime | None = None

    def advance(self) -> None:
        ctx = self.ctx
        if self.run.spec.observation is not None:
            self._import(self.run.spec.observation)
            return
        if self.run.spec.stop or ctx.end is not None:
            if self._has_ended_attempt() and ctx.template is not None:
                self._stage(ctx.template)  # what has been measured counts, however late it is read
            if not self.record.updated.terminal and not self.logs:
                self.record.run_stopped(ctx.end or "Stopped")
            return
        if self.record.status.train.attempt == 0:
            self._begin()
            return
        template = ctx.template
        if template is None:
            if self.record.status.template_hash != ctx.current.hash:
                missing = f"ControllerRevision of template {self.record.status.template_hash}"
                message = f"{missing} no longer exists, and the spec has changed"
                self.record.run_failed(None, "infrastructure", "TemplateLost", message)
                return
            template = ctx.current
            self.before.append(EnsureRevision(template))
        self._stage(template)

    def _import(self, observation: ImportedObservation) -> None:
        """Record an imported run, whatever the state of the sweep."""
        try:
            parameters = effective_parameters(self.run, self.ctx.sweep, self.ctx.center)
        except ValueError as error:
            self.record.run_failed(None, "parameters", "InvalidParameters", str(error))
            return
        self.record.imported(observation, parameters)

    # -- starting ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        ctx = self.ctx
        try:
            parameters = effective_parameters(self.run, ctx.sweep, ctx.center)
        except ValueError as error:
            self.record.run_failed(None, "parameters", "InvalidParameters", str(error))
            return
        if not ctx.may_start:
            self.record.unsettled(ctx.waiting_reason, "")
            return
        if ctx.leftover is not None:
            self.record.unsettled("Terminating", f"{ctx.leftover} of an earlier run with this name still exists")
            return
        manual = self.run.spec.index is None
        self.before.append(EnsureRevision(ctx.current))
        self.record.status = self.record.status.with_(
            run_name=ctx.run_name,
            seed=ctx.seed,
            fixed=dict(ctx.current.fixed),
            parameters=parameters if manual else None,
            template_hash=ctx.current.hash,
        )
        self._attempt("train", ctx.current)

    def _attempt(self, stage: Stage, template: RunTemplate) -> None:
        """Raise the stage's attempt; its Job is created once that is written."""
        status = self.record.stage(stage)
        n = status.attempt + 1
        name = job_name(self.run.name, stage, n)
        self.record.put(stage, status.with_(attempt=n, job_name=name, start_time=None, completion_time=None))
        self.record.unsettled(_AT_WORK[stage], "starting")
        self.after.append(self._ensure(stage, n, template))

    def _ensure(self, stage: Stage, n: int, template: RunTemplate) -> EnsureStage:
        deadline = stage_deadline(self.run, self.record.status, stage, template)
        return EnsureStage(stage, n, template, None if deadline is None else max(1, int(deadline.total_seconds())))

    # -- the life of a stage ----------------------------------------------------------------------------------------

    def _stage(self, template: RunTemplate) -> None:
        stage: Stage = "eval" if self.record.holds("TrainSucceeded") else "train"
        status = self.record.stage(stage)
        if status.attempt == 0 or cost.recorded(status, status.attempt):
            self._between_attempts(stage, template)
            return
        if status.job_name in self.ctx.foreign_jobs:
            message = f"a Job named {status.job_name} already exists and belongs to another owner"
            self.record.run_failed(stage, "infrastructure", "NameConflict", message)
            return
        pods = tuple(p for p in self.ctx.pods if p.stage == stage and p.attempt == status.attempt)
        job = next((j for j in self.ctx.jobs if j.stage == stage and j.attempt == status.attempt), None)
        if self.ctx.suspend == "terminate" and not any(p.rank == 0 and p.over for p in pods):
            self.record.attempt_ended(stage, "stopped", max(pods, key=lambda p: p.created, default=None))
            self.record.unsettled("Suspended", "the sweep is suspended")
            return
        policy = attempt_policy(self.run, self.record.status, stage, template, self.ctx.sweep, self.ctx.config)
        refusal = self.ctx.refusals.get(status.job_name or "")
        state = attempt_state(job, pods, policy, self.ctx.logs, self.ctx.now, refusal)
        self.record.evicted_pods(stage, pods)
        match state:
            case Absent() if status.start_time is None and refusal is not None:
                self._refused(stage, template, refusal, policy.pending_deadline)
            case Absent() if status.start_time is None:
                self.record.unsettled(_AT_WORK[stage], "starting")
                self.after.append(self._ensure(stage, status.attempt, template))
            case Absent():
                self._apply(stage, template, Ended("preempted", "JobVanished", "the Job and its pod no longer exist"))
            case Waiting(reason, message, until):
                settled = self._settled_at(reason, job, pods)
                if settled is None or self.ctx.now >= settled:
                    self.record.unsettled(reason, message)
                self._wake(until)
                self._wake(settled if settled is not None and self.ctx.now < settled else None)
                if job is not None and not job.suspended and not pods:
                    self._ask_about_pod(job, refusal)
            case Running(pod, until):
                self._runs(stage, pod)
                self._wake(until)
            case NeedsLog(request, _):
                self.logs.append(request)
            case Ended():
                self._apply(stage, template, state)

    def _runs(self, stage: Stage, pod: PodView) -> None:
        status, at_work = self.record.stage(stage), find_condition(self.record.status.conditions, "Succeeded")
        if status.start_time is None and pod.started is not None and at_work and at_work.reason == _AT_WORK[stage]:
            settled = pod.started + _START_PATIENCE[stage]
            if self.ctx.now < settled:
                self._wake(settled)
                return
        self.record.put(stage, status.with_(start_time=pod.started, node=pod.node, image_id=pod.image_id))
        self.record.unsettled(_AT_WORK[stage], "")

    def _settled_at(self, reason: str, job: JobView | None, pods: tuple[PodView, ...]) -> datetime | None:
        """When a wait that every pod goes through is worth a status write. None: immediately."""
        if reason not in _ORDINARY_WAITS:
            return None
        begun = max((p.created for p in pods), default=job.created if job is not None else self.ctx.now)
        return begun + _ORDINARY_PATIENCE

    def _refused(self, stage: Stage, template: RunTemplate, refusal: Refusal, patience: timedelta) -> None:
        """The API server rejected the Job or the claim of this attempt."""
        status = self.record.stage(stage)
        if refusal.final or (self.ctx.now - refusal.since >= patience and not refusal.never_expires):
            self.record.attempt_ended(stage, "infrastructure", None)
            self.record.run_failed(stage, "infrastructure", refusal.reason, refusal.message)
            return
        self.record.unsettled(refusal.reason, refusal.message)
        if self.ctx.now >= refusal.again:
            self.after.append(self._ensure(stage, status.attempt, template))
        else:
            self._wake(refusal.again)

    def _ask_about_pod(self, job: JobView, refusal: Refusal | None) -> None:
        """Only an Event says why a Job has no pod; a dry run of the pod gets the same answer."""
        ask = job.created + PROBE_AFTER if refusal is None else refusal.again
        if self.ctx.now >= ask:
            self.probes.append(Probe(job.name))
        else:
            self._wake(ask)

    def _between_attempts(self, stage: Stage, template: RunTemplate) -> None:
        ctx, status = self.ctx, self.record.stage(stage)
        if ctx.suspend is not None or ctx.end is not None or self.run.spec.stop or not ctx.may_start:
            self.record.unsettled("Suspended" if ctx.suspend else ctx.waiting_reason, "")
            return
        if any(not p.over and p.attempt <= status.attempt for p in ctx.pods):
            self.record.unsettled("Terminating", "a pod of an earlier attempt is still terminating")
            return
        ready = retry_at(status, template)
        if ready is not None and ctx.now < ready:
            self.record.unsettled("BackOff", f"attempt {status.attempt + 1} starts at {ready:%H:%M:%S}")
            self._wake(ready)
            return
        self._attempt(stage, template)

    def _apply(self, stage: Stage, template: RunTemplate, end: Ended) -> None:
        self.record.attempt_ended(stage, end.class_, end.pod)
        if end.class_ == "succeeded":
            self.record.stage_succeeded(stage, template, end.result)
            if not self.record.updated.terminal:
                self._between_attempts("eval", template)
            return
        status = self.record.stage(stage)
        if not may_retry(status, end.class_, template.per_run.retries):
            self.record.run_failed(stage, end.class_, end.reason, end.message)
            return
        self.record.events.append(
            Event(
                "Preempted" if FAILURES[end.class_].counter == "preemptions" else "AttemptFailed",
                f"{stage} attempt {status.attempt}: {end.reason}: {end.message}"[:1000],
                self.run.name,
                "Warning",
            )
        )
        self._between_attempts(stage, template)

    # -- small parts ------------------------------------------------------------------------------------------------

    def _has_ended_attempt(self) -> bool:
        stage: Stage = "eval" if self.record.holds("TrainSucceeded") else "train"
        n = self.record.stage(stage).attempt
        return n > 0 and any(p.over for p in self.ctx.pods if p.stage == stage and p.attempt == n and p.rank == 0)

    def _wake(self, at: datetime | None) -> None:
        if at is not None:
            self.wake = at if self.wake is None else min(self.wake, at)
