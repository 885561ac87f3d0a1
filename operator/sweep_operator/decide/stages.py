"""The stage transitions of a run that has not ended, from its status and its Jobs and pods."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from sweep_operator.api.failures import FAILURES
from sweep_operator.api.meta import find_condition
from sweep_operator.api.names import job_name
from sweep_operator.api.sweeprun import Stage, SweepRunStatus
from sweep_operator.api.template import ResultSource
from sweep_operator.decide.attempt import Absent, Ended, NeedsLog, Running, Waiting
from sweep_operator.decide.context import effective_parameters
from sweep_operator.decide.deadlines import attempt_policy, may_retry, retry_at, stage_deadline
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.outcome import attempt_state
from sweep_operator.decide.plan import EnsureRevision, EnsureStage, Event
from sweep_operator.decide.refusal import PROBE_AFTER, Probe, Refusal
from sweep_operator.decide.reports import is_silent, log_to_follow, next_write, rest_of_log, with_reports
from sweep_operator.decide.run_pass import RunPass
from sweep_operator.decide.verdicts import find_verdict
from sweep_operator.domain.conditions import joined
from sweep_operator.domain.identity import run_display_name, run_seed
from sweep_operator.domain.revisions import RunTemplate

# Unschedulable too: a pod whose claim is being provisioned has this reason
_ORDINARY_WAITS = ("NoPod", "Scheduling", "Unschedulable", "ContainerCreating", "PodInitializing")
_ORDINARY_PATIENCE = timedelta(seconds=10)
"""Every pod waits this long, so an ordinary wait is written to the status only after this time."""
_START_PATIENCE: dict[Stage, timedelta] = {"train": timedelta(seconds=10), "eval": timedelta(seconds=60)}
"""The start of main is written after this time at the latest, so a shorter stage is written only once, at its end."""
_ACTIVE_REASON: dict[Stage, str] = {"train": "Training", "eval": "Evaluating"}


class StageTransitions(RunPass):
    """The decisions about one run that is not terminal."""

    def advance(self) -> None:
        """Decide what the run does next."""
        if (self.run.spec.stop or self.ctx.end is not None) and not self.run.imported:
            self._stop()
        elif self.record.status.train.attempt == 0:
            self._begin()
        else:
            self._follow_own_template()

    def _follow_own_template(self) -> None:
        """Follow the template that the run started with. A lost ControllerRevision of the current spec is recreated."""
        template, wanted = self.ctx.template, self.record.status.template_hash
        if template is None and wanted == self.snap.current.hash:
            template = self.snap.current
            self.before.append(EnsureRevision(template))
        if template is not None:
            self._follow(template)
            return
        message = f"ControllerRevision of template {wanted} no longer exists, and the spec has changed"
        self.record.run_failed(None, "infrastructure", "TemplateLost", message)

    # -- start and stop ---------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        ctx, sweep, current = self.ctx, self.snap.sweep, self.snap.current
        if not self.snap.accepted:  # its parameters may be unreadable
            self.record.unsettled(ctx.waiting_reason, ctx.waiting_message)
            return
        try:
            parameters = effective_parameters(self.run, sweep, self.snap.center)
        except ValueError as error:
            self.record.run_failed(None, "parameters", "InvalidParameters", str(error))
            return
        if self.run.spec.observation is not None:
            self.record.imported(self.run.spec.observation, parameters)
        elif not ctx.may_start:
            self.record.unsettled(ctx.waiting_reason, ctx.waiting_message)
        elif ctx.leftover is not None:
            self.record.unsettled("Terminating", f"{ctx.leftover} of an earlier run with this name still exists")
        else:
            self.before.append(EnsureRevision(current))
            self.record.status = self.record.status.with_(
                run_name=run_display_name(sweep, self.run),
                seed=run_seed(sweep, self.run),
                fixed=dict(current.fixed),
                parameters=parameters if self.run.spec.index is None else None,
                template_hash=current.hash,
            )
            self._start_attempt("train", current)

    def _stop(self) -> None:
        stage = self.record.current_stage
        n = self.record.status.stage(stage).attempt
        ended = any(p.over and (p.stage, p.attempt, p.rank) == (stage, n, 0) for p in self.ctx.pods)
        if n > 0 and ended:
            self._follow_own_template()  # a result counts, however late it is read
        if self.record.updated.terminal or self.logs or (self.follow is not None and self.follow.last):
            return
        if n == 0 or self.record.status.attempt_recorded(stage, n) or self._looked(stage):
            self.record.run_stopped(self.ctx.end or "Stopped")

    def _start_attempt(self, stage: Stage, template: RunTemplate) -> None:
        """Raise the stage's attempt. Its Job is created after that has been written."""
        status = self.record.status.stage(stage)
        n = status.attempt + 1
        name = job_name(self.run.name, stage, n)
        none = dict.fromkeys(("start_time", "scheduled_time", "completion_time", "node", "pod_name"))
        self.record.put(stage, status.with_(attempt=n, job_name=name, **none))
        self._ensure(stage, n, template)

    def _ensure(self, stage: Stage, n: int, template: RunTemplate) -> None:
        deadline = stage_deadline(self.run, self.record.status, stage, template)
        seconds = None if deadline is None else max(1, int(deadline.total_seconds()))
        self.record.unsettled(_ACTIVE_REASON[stage], "starting")
        self.after.append(EnsureStage(stage, n, template, seconds))

    # -- the life of a stage ----------------------------------------------------------------------------------------

    def _follow(self, template: RunTemplate) -> None:
        """Compare the latest attempt of the current stage with its Job and pods."""
        stage = self.record.current_stage
        if template.of_stage(stage).results.source not in get_args(ResultSource):
            return  # only a newer version can read the result
        status = self.record.status.stage(stage)
        if status.attempt == 0 or self.record.status.attempt_recorded(stage, status.attempt):
            self._next_attempt(stage, template)
            return
        if status.job_name in self.snap.foreign_jobs:
            message = f"a Job named {status.job_name} already exists and belongs to another owner"
            self.record.run_failed(stage, "infrastructure", "NameConflict", message)
            return
        pods = tuple(p for p in self.ctx.pods if p.stage == stage and p.attempt == status.attempt)
        if self._ending and any(p.rank == 0 and p.over for p in pods):
            pods = tuple(p for p in pods if p.rank == 0)  # the result exists: do not wait for the other ranks
        job = next((j for j in self.ctx.jobs if j.stage == stage and j.attempt == status.attempt), None)
        if self.ctx.suspend_policy == "terminate" and not any(p.rank == 0 and p.over for p in pods):
            if not self._looked(stage):
                return
            self.record.attempt_ended(stage, "stopped", max(pods, key=lambda p: p.created, default=None))
            self.record.unsettled("Suspended", "the sweep is suspended")
            return
        policy = attempt_policy(self.run, self.record.status, stage, template, self.snap)
        refusal = self.snap.refusals.get(status.job_name or "")
        state = attempt_state(job, pods, policy, self.snap.logs, self.snap.now, refusal)
        self.record.evicted_pods(stage, pods)
        if isinstance(state, Running) and is_silent(state.pod, self.snap):
            text = f"no output for {template.per_run.silence_seconds} s (perRun.silenceSeconds)"
            state = Ended("silent", "Silent", text, state.pod)
        match state:
            case Absent():
                self._absent(stage, template, refusal, policy.pending_deadline)
            case Waiting():
                self._waiting(state, job, pods, refusal)
            case Running():
                self._running(stage, state.pod)
                self._report(stage, template, state.pod)
                self._wake(state.until)
            case NeedsLog():
                self.logs.append(state.request)
            case Ended():
                self.follow = rest_of_log(self.record.status, stage, template, state.pod, self.snap)
                if self.follow is None:
                    self._ended(stage, template, state)

    def _absent(self, stage: Stage, template: RunTemplate, refusal: Refusal | None, patience: timedelta) -> None:
        """The attempt has neither Job nor pod."""
        status = self.record.status.stage(stage)
        if status.start_time is not None:
            message = "the Job and its pod no longer exist"
            self._ended(stage, template, Ended("preempted", "JobVanished", message))
        elif refusal is None:
            if self._looked(stage):  # the Job may have been deleted before an event of its pods arrived
                self._ensure(stage, status.attempt, template)
        elif refusal.final or (self.snap.now - refusal.since >= patience and not refusal.never_expires):
            self.record.attempt_ended(stage, "infrastructure", None)
            self.record.run_failed(stage, "infrastructure", refusal.reason, refusal.message)
        else:
            if self.snap.now >= refusal.again:
                self._ensure(stage, status.attempt, template)
            self._wake(refusal.again)
            self.record.unsettled(refusal.reason, refusal.message)

    def _waiting(self, state: Waiting, job: JobView | None, pods: tuple[PodView, ...], refusal: Refusal | None) -> None:
        noteworthy = self.snap.now
        if state.reason in _ORDINARY_WAITS:
            created = job.created if job is not None else self.snap.now
            noteworthy = max((p.created for p in pods), default=created) + _ORDINARY_PATIENCE
        if self.snap.now >= noteworthy:
            self.record.unsettled(state.reason, state.message)
        self._wake(state.until)
        self._wake(noteworthy)
        if job is not None and not job.suspended and all(p.over for p in pods):
            # Only an Event says why a Job has no pod; a dry run of the pod returns the same answer.
            ask = max(job.created, job.resumed or job.created) + PROBE_AFTER if refusal is None else refusal.again
            self._wake(ask)
            if self.snap.now >= ask:
                self.probes.append(Probe(job.name))

    def _running(self, stage: Stage, pod: PodView) -> None:
        status = self.record.status.stage(stage)
        condition = find_condition(self.record.status.conditions, "Succeeded")
        known_active = condition is not None and condition.reason == _ACTIVE_REASON[stage]
        if status.start_time is None and pod.started is not None and known_active:
            between_writes = timedelta(seconds=self.snap.report_write_seconds)
            noteworthy = pod.started + min(_START_PATIENCE[stage], between_writes)
            if self.snap.now < noteworthy:
                self._wake(noteworthy)
                return
        started = {"start_time": pod.started, "scheduled_time": pod.scheduled}
        self.record.put(stage, status.with_(**started, node=pod.node, pod_name=pod.name, image_id=pod.image_id))
        self.record.unsettled(_ACTIVE_REASON[stage], "the main container is running")

    def _report(self, stage: Stage, template: RunTemplate, pod: PodView) -> None:
        """Follow the log. What was found is written with another change, or after some time."""
        self.follow = log_to_follow(self.record.status, stage, template, pod, self.snap.sweep)
        known = self.record.status
        status = with_reports(self.run, known, stage, template, pod, self.snap)
        at = next_write(known, pod, self.snap)
        self._record_reports(stage, template, pod, status, due=known != self.run.status or self.snap.now >= at)
        if status != known:
            self._wake(at)

    def _record_reports(
        self, stage: Stage, template: RunTemplate, pod: PodView, status: SweepRunStatus, *, due: bool
    ) -> None:
        """Record what was found in the log if that is due or leads to a verdict of early stopping."""
        found = None
        if stage == "train" and self.snap.accepted:
            found = find_verdict(self.run, status, template, self.snap, self.ctx.others)
        ends = found is not None and not found[0].shadow
        if ends and not self._looked(stage):
            return
        if due or found is not None:
            self.record.status = status
        if found is not None:
            self.record.judged(*found, pod)
        if ends:
            self.follow = None

    def _next_attempt(self, stage: Stage, template: RunTemplate) -> None:
        ctx, status = self.ctx, self.record.status.stage(stage)
        if ctx.suspend_policy is not None or ctx.end is not None or self.run.spec.stop or not ctx.may_start:
            self.record.unsettled(ctx.waiting_reason, ctx.waiting_message)
            return
        if self._earlier_pods_remain(stage):
            return
        ready = retry_at(status, template)
        if ready is not None and self.snap.now < ready:
            self.record.unsettled("BackOff", f"attempt {status.attempt + 1} starts at {ready:%H:%M:%S}")
            self._wake(ready)
            return
        if self._knows_last_pods(stage):
            self._start_attempt(stage, template)

    def _ended(self, stage: Stage, template: RunTemplate, end: Ended) -> None:
        without_result = end.class_ == "preempted" or end.pod is None or end.pod.exit_code is None
        n = self.record.status.stage(stage).attempt
        ranks = {p.rank for p in self.ctx.pods if (p.stage, p.attempt) == (stage, n)}
        incomplete = len(ranks) < template.of_stage(stage).nodes  # a rank that no event has reported may still run
        if (without_result or incomplete) and not self._looked(stage):
            return
        if end.pod is not None:
            self.record.status = with_reports(self.run, self.record.status, stage, template, end.pod, self.snap)
        self.record.attempt_ended(stage, end.class_, end.pod, end.seconds)
        if end.class_ == "succeeded":
            self.record.stage_succeeded(stage, template, end.result)
            if not self.record.updated.terminal:
                self._next_attempt("eval", template)
            return
        status = self.record.status.stage(stage)
        if not may_retry(status, end.class_, template.per_run.retries):
            self.record.run_failed(stage, end.class_, end.reason, end.message)
            return
        reason = "Preempted" if FAILURES[end.class_].counter == "preemptions" else "AttemptFailed"
        message = joined(f"{stage} attempt {status.attempt}", end.reason, end.message)
        self.record.events.append(Event(reason, message[:1000], self.run.name, "Warning"))
        self._next_attempt(stage, template)
