"""The next step of a run that is not over, from what is recorded and what is there."""

from __future__ import annotations

from datetime import datetime, timedelta

from sweep_operator.api.limits import FailureClass
from sweep_operator.api.meta import Condition, find_condition, with_condition
from sweep_operator.api.names import job_name
from sweep_operator.api.revision import RunTemplate
from sweep_operator.api.sweeprun import (
    Attempt,
    Failure,
    Stage,
    StageStatus,
    SweepRun,
)
from sweep_operator.decide import cost
from sweep_operator.decide.context import RunContext, effective_parameters
from sweep_operator.decide.deadlines import retry_at, rules_for, stage_deadline
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.outcome import (
    Absent,
    Ended,
    LogRequest,
    NeedsLog,
    Running,
    Waiting,
    judge,
)
from sweep_operator.decide.plan import EnsureRevision, EnsureStage, Event
from sweep_operator.decide.refusal import PROBE_AFTER, Probe, Refusal
from sweep_operator.decide.result import Result

_LEARNED: dict[str, str] = {
    "parameters": "learned as infeasible",
    "crash": "learned as infeasible",
    "timeout": "its cost is learned as a lower bound",
}

# Unschedulable: so is every pod whose claim is being provisioned
_ORDINARY_WAITS = ("NoPod", "Scheduling", "Unschedulable", "ContainerCreating", "PodInitializing")
_ORDINARY_PATIENCE = timedelta(seconds=10)
"""Every pod waits a little: no status is written for that."""


class Step:
    """One pass over one run that is not terminal. Collects what is to be done; touches nothing."""

    def __init__(self, run: SweepRun, ctx: RunContext) -> None:
        self.run, self.ctx, self.status = run, ctx, run.status
        self.before: list[EnsureRevision] = []
        self.after: list[EnsureStage] = []
        self.logs: list[LogRequest] = []
        self.probes: list[Probe] = []
        self.events: list[Event] = []
        self.wake: datetime | None = None

    def advance(self) -> None:
        ctx = self.ctx
        if self.run.spec.stop or ctx.end is not None:
            if self._has_ended_attempt() and ctx.template is not None:
                self._stage(ctx.template)  # what has been measured counts, however late it is read
            if not self.run.with_(status=self.status).terminal and not self.logs:
                self._stop(ctx.end or "Stopped")
            return
        if self.status.train.attempt == 0:
            self._begin()
            return
        template = ctx.template
        if template is None:
            if self.status.template_hash != ctx.current.hash:
                message = f"ControllerRevision of template {self.status.template_hash} is gone and the spec has changed"
                self._fail(None, "infrastructure", "TemplateLost", message)
                return
            template = ctx.current
            self.before.append(EnsureRevision(template))
        self._stage(template)

    # -- starting ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        ctx = self.ctx
        try:
            parameters = effective_parameters(self.run, ctx.sweep, ctx.centre)
        except ValueError as error:
            self._fail(None, "parameters", "InvalidParameters", str(error))
            return
        if not ctx.may_start:
            self._unknown(ctx.waiting_reason, "")
            return
        manual = self.run.spec.index is None
        self.before.append(EnsureRevision(ctx.current))
        self.status = self.status.with_(
            run_name=ctx.run_name,
            seed=ctx.seed,
            fixed=dict(ctx.current.fixed),
            parameters=parameters if manual else None,
            template_hash=ctx.current.hash,
        )
        self._attempt("train", ctx.current)

    def _attempt(self, stage: Stage, template: RunTemplate) -> None:
        """Raise the stage's attempt; its Job is created once that is written."""
        n = self._of(stage).attempt + 1
        name = job_name(self.run.name, stage, n)
        self._set(stage, self._of(stage).with_(attempt=n, job_name=name, start_time=None, completion_time=None))
        self._unknown("Training" if stage == "train" else "Evaluating", "starting")
        self.after.append(self._ensure(stage, n, template))

    def _ensure(self, stage: Stage, n: int, template: RunTemplate) -> EnsureStage:
        deadline = stage_deadline(self.run, self.status, stage, template)
        return EnsureStage(stage, n, template, None if deadline is None else max(1, int(deadline.total_seconds())))

    # -- the life of a stage ----------------------------------------------------------------------------------------

    def _stage(self, template: RunTemplate) -> None:
        stage: Stage = "eval" if self._is("TrainSucceeded") else "train"
        status = self._of(stage)
        if status.attempt == 0 or cost.recorded(status, status.attempt):
            self._between_attempts(stage, template)
            return
        if status.job_name in self.ctx.foreign_jobs:
            self._fail(stage, "infrastructure", "NameConflict", f"another owner's Job is called {status.job_name}")
            return
        pods = tuple(p for p in self.ctx.pods if p.stage == stage and p.attempt == status.attempt)
        job = next((j for j in self.ctx.jobs if j.stage == stage and j.attempt == status.attempt), None)
        if self.ctx.suspend == "terminate" and not any(p.rank == 0 and p.over for p in pods):
            self._record(stage, "stopped", max(pods, key=lambda p: p.created, default=None))
            self._unknown("Suspended", "the sweep is suspended")
            return
        rules = rules_for(self.run, self.status, stage, template, self.ctx.sweep, self.ctx.config)
        refusal = self.ctx.refusals.get(status.job_name or "")
        state = judge(job, pods, rules, self.ctx.logs, self.ctx.now, refusal)
        self._note_evicted(stage, pods)
        match state:
            case Absent() if status.start_time is None and refusal is not None:
                self._refused(stage, template, refusal, rules.pending_deadline)
            case Absent() if status.start_time is None:
                self._unknown("Training" if stage == "train" else "Evaluating", "starting")
                self.after.append(self._ensure(stage, status.attempt, template))
            case Absent():
                self._apply(stage, template, Ended("preempted", "JobVanished", "the Job and its pod are gone"))
            case Waiting(reason, message, until):
                settled = self._settled_at(reason, job, pods)
                if settled is None or self.ctx.now >= settled:
                    self._unknown(reason, message)
                self._wake(until)
                self._wake(settled if settled is not None and self.ctx.now < settled else None)
                if job is not None and not job.suspended and not pods:
                    self._ask_about_pod(job, refusal)
            case Running(pod, until):
                self._set(stage, status.with_(start_time=pod.started, node=pod.node, image_id=pod.image_id))
                self._unknown("Training" if stage == "train" else "Evaluating", "")
                self._wake(until)
            case NeedsLog(request, _):
                self.logs.append(request)
            case Ended():
                self._apply(stage, template, state)

    def _settled_at(self, reason: str, job: JobView | None, pods: tuple[PodView, ...]) -> datetime | None:
        """From when on a wait that every pod goes through is worth a write; None: at once."""
        if reason not in _ORDINARY_WAITS:
            return None
        begun = max((p.created for p in pods), default=job.created if job is not None else self.ctx.now)
        return begun + _ORDINARY_PATIENCE

    def _refused(self, stage: Stage, template: RunTemplate, refusal: Refusal, patience: timedelta) -> None:
        """The API server would not have the Job or the claim of this attempt."""
        status = self._of(stage)
        if refusal.final or (self.ctx.now - refusal.since >= patience and not refusal.waits_for_ever):
            self._record(stage, "infrastructure", None)
            self._fail(stage, "infrastructure", refusal.reason, refusal.message)
            return
        self._unknown(refusal.reason, refusal.message)
        if self.ctx.now >= refusal.again:
            self.after.append(self._ensure(stage, status.attempt, template))
        else:
            self._wake(refusal.again)

    def _ask_about_pod(self, job: JobView, refusal: Refusal | None) -> None:
        """Only an Event tells why a Job gets no pod; a dry run of the pod gets the same answer."""
        ask = job.created + PROBE_AFTER if refusal is None else refusal.again
        if self.ctx.now >= ask:
            self.probes.append(Probe(job.name))
        else:
            self._wake(ask)

    def _note_evicted(self, stage: Stage, pods: tuple[PodView, ...]) -> None:
        """A queue may evict and resume a Job: the seconds of its earlier pods are set, keyed by their uid."""
        lead = sorted((p for p in pods if p.rank == 0), key=lambda p: (p.created, p.uid))
        for pod in lead[:-1]:
            if pod.over and pod.started is not None:
                entry = Attempt(n=pod.attempt, pod_uid=pod.uid, seconds=pod.seconds(self.ctx.now))
                self._set(stage, cost.add_attempt(self._of(stage), entry))

    def _between_attempts(self, stage: Stage, template: RunTemplate) -> None:
        ctx, status = self.ctx, self._of(stage)
        if ctx.suspend is not None or ctx.end is not None or self.run.spec.stop or not ctx.may_start:
            self._unknown("Suspended" if ctx.suspend else ctx.waiting_reason, "")
            return
        if any(not p.over and p.attempt <= status.attempt for p in ctx.pods):
            self._unknown("Terminating", "a pod of an earlier attempt is still ending")
            return
        ready = retry_at(status, template)
        if ready is not None and ctx.now < ready:
            self._unknown("BackOff", f"attempt {status.attempt + 1} starts at {ready:%H:%M:%S}")
            self._wake(ready)
            return
        self._attempt(stage, template)

    def _apply(self, stage: Stage, template: RunTemplate, end: Ended) -> None:
        self._record(stage, end.class_, end.pod)
        if end.class_ == "succeeded":
            self._succeed(stage, template, end.result)
            return
        status, retries = self._of(stage), template.per_run.retries
        budget = {"crash": retries.on_failure, "eval": retries.on_eval_failure, "preempted": retries.on_preemption}
        used = status.preemptions if end.class_ == "preempted" else status.failures
        if end.class_ not in budget or used > budget[end.class_]:
            self._fail(stage, end.class_, end.reason, end.message)
            return
        self.events.append(
            Event(
                "Preempted" if end.class_ == "preempted" else "AttemptFailed",
                f"{stage} attempt {status.attempt}: {end.reason}: {end.message}"[:1000],
                self.run.name,
                "Warning",
            )
        )
        self._between_attempts(stage, template)

    def _record(self, stage: Stage, class_: FailureClass | str, pod: PodView | None) -> None:
        """The attempt's outcome, before anything is done about it."""
        status = self._of(stage)
        entry = Attempt.model_validate(
            {
                "n": status.attempt,
                "pod_uid": pod.uid if pod else None,
                "seconds": pod.seconds(self.ctx.now) if pod else 0.0,
                "class": class_,
            }
        )
        status = cost.add_attempt(status, entry).with_(
            start_time=(pod.started if pod else None) or status.start_time,
            completion_time=(pod.finished if pod else None) or self.ctx.now,
            exit_code=pod.exit_code if pod else None,
            node=pod.node if pod else status.node,
            image_id=pod.image_id if pod else status.image_id,
            preemptions=status.preemptions + (class_ == "preempted"),
            failures=status.failures + (class_ in ("crash", "eval")),
        )
        self._set(stage, status)

    # -- ends -------------------------------------------------------------------------------------------------------

    def _succeed(self, stage: Stage, template: RunTemplate, result: Result) -> None:
        metrics = {**self.status.metrics, **result.metrics}
        checkpoint = result.checkpoint or self.status.checkpoint
        self.status = self.status.with_(metrics=metrics, checkpoint=checkpoint)
        self._condition("TrainSucceeded" if stage == "train" else "EvalSucceeded", "True", "Completed", "")
        if stage == "train" and template.eval is not None:
            self._between_attempts("eval", template)
            return
        updated = self.run.with_(status=self.status)
        cost_ = cost.run_cost(self.ctx.sweep, updated, template, self.ctx.config, result.cost)
        self.status = self.status.with_(score=result.score, cost=cost_)
        self._condition("Succeeded", "True", "Completed", "")
        self._condition("Observed", "True", "Learned", "the optimizer learns from it")
        self.events.append(Event("RunCompleted", f"score {result.score!r}, cost {cost_!r}", self.run.name))

    def _fail(self, stage: Stage | None, class_: FailureClass, reason: str, message: str) -> None:
        failure = Failure.model_validate({"stage": stage, "class": class_, "reason": reason, "message": message[:1024]})
        updated = self.run.with_(status=self.status)
        spent = cost.spent(self.ctx.sweep, updated, self.ctx.template, self.ctx.config)
        self.status = self.status.with_(failure=failure, cost=spent if spent > 0 else None)
        if stage == "train" or (stage is None and not self._is("TrainSucceeded")):
            self._condition("TrainSucceeded", "False", reason, message)
        elif stage == "eval":
            self._condition("EvalSucceeded", "False", reason, message)
        self._condition("Succeeded", "False", reason, message)
        learned = _LEARNED.get(class_) if reason != "InvalidParameters" else None
        self._condition("Observed", "True" if learned else "False", class_.capitalize(), learned or "not learned")
        self.events.append(Event("RunFailed", f"{class_}: {reason}: {message}"[:1000], self.run.name, "Warning"))

    def _stop(self, reason: str) -> None:
        for stage in ("train", "eval"):
            status = self._of(stage)
            if status.attempt and not cost.recorded(status, status.attempt):
                pods = (p for p in self.ctx.pods if p.stage == stage and p.attempt == status.attempt and p.rank == 0)
                self._record(stage, "stopped", max(pods, key=lambda p: p.created, default=None))
        self._fail(None, "stopped", reason, "ended by spec.stop" if reason == "Stopped" else "the sweep has ended")

    # -- small parts ------------------------------------------------------------------------------------------------

    def _has_ended_attempt(self) -> bool:
        stage: Stage = "eval" if self._is("TrainSucceeded") else "train"
        n = self._of(stage).attempt
        return n > 0 and any(p.over for p in self.ctx.pods if p.stage == stage and p.attempt == n and p.rank == 0)

    def _of(self, stage: Stage) -> StageStatus:
        return self.status.train if stage == "train" else self.status.eval

    def _set(self, stage: Stage, status: StageStatus) -> None:
        self.status = self.status.with_(**{stage: status})

    def _is(self, type_: str) -> bool:
        condition = find_condition(self.status.conditions, type_)
        return condition is not None and condition.status == "True"

    def _unknown(self, reason: str, message: str) -> None:
        self._condition("Succeeded", "Unknown", reason, message)

    def _condition(self, type_: str, status: str, reason: str, message: str) -> None:
        new = Condition.model_validate(
            {
                "type": type_,
                "status": status,
                "reason": reason,
                "message": message[:1024],
                "last_transition_time": self.ctx.now,
            }
        )
        self.status = self.status.with_(conditions=with_condition(self.status.conditions, new))

    def _wake(self, at: datetime | None) -> None:
        if at is not None:
            self.wake = at if self.wake is None else min(self.wake, at)
