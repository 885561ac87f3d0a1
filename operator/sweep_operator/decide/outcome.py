"""The state of one attempt: waiting, running, or ended with a failure class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sweep_operator.api.names import PEAK_MEMORY
from sweep_operator.decide.attempt import (
    Absent,
    AttemptPolicy,
    Ended,
    LogReading,
    LogRequest,
    NeedsLog,
    Running,
    State,
    Waiting,
)
from sweep_operator.decide.disruption import disruption_of, finished_before_disruption, was_evicted
from sweep_operator.decide.observed import JobView, PodView
from sweep_operator.decide.refusal import Refusal
from sweep_operator.decide.result import (
    BadResult,
    Result,
    read_log_value,
    read_message,
    read_optional,
    stated_error,
)
from sweep_operator.decide.start_failure import start_failure

EXIT_BAD_PARAMETERS = 65
"""EX_DATAERR: the program reports that these parameters cannot work."""
MESSAGE_LIMIT = 1024
_TOO_LONG = "ran longer than its deadline"
_NEVER_STARTED = (
    "ProgramNotFound", "StartError", "ContainerCannotRun", "CreateContainerError", "CreateContainerConfigError",
)  # fmt: skip


def attempt_state(
    job: JobView | None,
    pods: Sequence[PodView],
    policy: AttemptPolicy,
    logs: Mapping[str, LogReading],
    now: datetime,
    refusal: Refusal | None = None,
) -> State:
    """The state of one attempt from its Job and its pods (of this attempt, any rank).

    ``refusal``: why the API server rejected the attempt's Job or pod, if it did.
    """
    done = next((p for p in pods if p.rank == 0 and _ended_well(p, policy)), None)
    pods = newest_by_rank(pods)
    if done is not None and done not in pods:  # a queue replaced it before its end was known
        pods = [done]
    evicted = [p for p in pods if was_evicted(p) and p is not done] if job is not None and _may_resume(job) else []
    pods = [p for p in pods if p not in evicted]
    lead = next((p for p in pods if p.rank == 0), None)
    idle = lead is None or lead.started is None or (lead.over and lead is not done)
    if job is not None and job.suspended and not job.finished and idle:  # a pod that has ended well counts: events lag
        return Waiting("Queued", "the Job waits in its queue", None)
    if lead is None:  # after an eviction, the queue resumes the Job with other pods, or the Job is about to fail
        return _without_pod(job, pods, policy, now, refusal, evicted)
    failed_peer = next((p for p in pods if p is not lead and p.over and p.exit_code != 0), None)
    if lead.over or failed_peer:
        judged = lead if (lead.over and lead.exit_code != 0) or failed_peer is None else failed_peer
        others_run = job is not None and not job.finished and any(not p.over for p in pods)
        until = _earliest(_lost_at(pods, policy), _deadline_at(lead, policy), _start_due(pods, policy))
        if judged.exit_code == 0 and others_run and (until is None or now < until):
            return Running(lead, until)  # rank 0 has ended, other ranks have not
        return _ended(judged, policy, logs)
    return _active(lead, pods, policy, now)


def _active(lead: PodView, pods: Sequence[PodView], policy: AttemptPolicy, now: datetime) -> State:
    """No container has ended: the pods wait or run, unless a node is lost or the deadline has passed."""
    lost, until = _lost_at(pods, policy), _deadline_at(lead, policy)
    if lost is not None and now >= lost:
        message = f"the pod has been terminating on node {lead.node} for longer than lostNodeSeconds"
        return Ended("preempted", "NodeLost", message, lead)
    if lead.started is None:
        return _pending(lead, policy, now, lost)
    if until is not None and now >= until:
        return Ended("timeout", "DeadlineExceeded", f"ran longer than {_seconds(policy.deadline)} s", lead)
    start_due = _start_due(pods, policy)
    if start_due is not None and now >= start_due:
        return _pending(min(filter(_starts, pods), key=lambda p: p.created), policy, now, lost)
    return Running(lead, _earliest(until, lost, start_due))


def _lost_at(pods: Sequence[PodView], policy: AttemptPolicy) -> datetime | None:
    """When the first node of the attempt counts as lost."""
    return _earliest(*(p.lost_at(policy.lost_after) for p in pods))


def _deadline_at(lead: PodView, policy: AttemptPolicy) -> datetime | None:
    return None if policy.deadline is None or lead.started is None else lead.started + policy.deadline


def _start_due(pods: Sequence[PodView], policy: AttemptPolicy) -> datetime | None:
    """When the first pod that has not started fails the attempt."""
    return _earliest(*(p.created + policy.pending_deadline for p in pods if _starts(p)))


def _starts(pod: PodView) -> bool:
    return pod.started is None and not pod.over and pod.deletion_requested is None


def _earliest(*times: datetime | None) -> datetime | None:
    return min((at for at in times if at is not None), default=None)


def newest_by_rank(pods: Sequence[PodView]) -> list[PodView]:
    """The newest pod of each rank: a queue can evict the pods of a Job and resume the Job with other pods."""
    newest: dict[int, PodView] = {}
    for pod in sorted(pods, key=lambda p: (p.created, p.uid)):
        newest[pod.rank] = pod
    return list(newest.values())


def _may_resume(job: JobView) -> bool:
    """Whether a queue may resume the Job: then the end of its pods does not end the attempt."""
    return job.queued and not job.finished and not job.deleting


def _without_pod(
    job: JobView | None,
    pods: Sequence[PodView],
    policy: AttemptPolicy,
    now: datetime,
    refusal: Refusal | None,
    evicted: Sequence[PodView],
) -> State:
    vanished = Ended("preempted", "PodVanished", "the pod was deleted before its result was recorded")
    if job is None:
        lost = _lost_at(pods, policy)
        if any(not p.over for p in pods) and (lost is None or now < lost):
            return Waiting("Terminating", "other pods of the attempt are terminating", lost)
        return vanished if pods else Absent()
    if job.finished == "Failed" and job.finished_reason == "DeadlineExceeded":
        return Ended("timeout", "DeadlineExceeded", job.finished_message or _TOO_LONG)
    if job.finished == "Complete" and not policy.reports:  # the Job says that all pods have succeeded
        return Ended("succeeded", "Completed", seconds=job.seconds)
    if job.finished or job.deleting:
        return vanished
    ends = [p.finished or p.deletion_requested or p.created for p in evicted]
    until = max(job.created, job.resumed or job.created, *ends) + policy.pending_deadline
    if refusal is not None and refusal.never_expires:
        return Waiting(refusal.reason, refusal.message, None)
    if now >= until:
        reason, why = (refusal.reason, f": {refusal.message}") if refusal else ("NoPod", "")
        return Ended("infrastructure", reason, f"the Job had no pod for {_seconds(policy.pending_deadline)} s{why}")
    if refusal is not None:
        return Waiting(refusal.reason, refusal.message, until)
    return Waiting("NoPod", "the Job has no pod yet", until)


def _pending(pod: PodView, policy: AttemptPolicy, now: datetime, lost: datetime | None) -> State:
    if pod.deletion_requested is not None:
        return Waiting("Terminating", "the pod is being deleted before it started", lost)
    reason, message = pod.waiting_reason or "Scheduling", pod.waiting_message or "the pod has not started yet"
    if pod.unschedulable is not None:
        reason, message = "Unschedulable", pod.unschedulable or "no node fits the pod"
    until = pod.created + policy.pending_deadline
    if now >= until:
        return Ended(
            "infrastructure", reason, f"not started after {_seconds(policy.pending_deadline)} s: {message}", pod
        )
    return Waiting(reason, message, until)


def _ended(pod: PodView, policy: AttemptPolicy, logs: Mapping[str, LogReading]) -> State:
    disruption = disruption_of(pod)
    if disruption is not None and not finished_before_disruption(pod):
        kept = _kept_result(pod, policy)
        if kept is not None:
            return Ended("succeeded", "Completed", "", pod, kept)
        return Ended("preempted", disruption, pod.message or "the pod was preempted, evicted or deleted", pod)
    if pod.exit_code is None or pod.terminated_reason in _NEVER_STARTED:
        return _never_ran(pod)
    if (wanted := _log_wanted(pod, policy)) is not None and pod.uid not in logs:
        return NeedsLog(wanted)
    if pod.exit_code != 0:
        return _failed(pod, policy, logs)
    reading = logs.get(pod.uid)
    if policy.reports and policy.value_pattern is not None and reading is not None and reading.error is not None:
        if disruption is not None:
            return Ended("preempted", disruption, reading.error, pod)
        return Ended("infrastructure", "LogUnreadable", reading.error, pod)
    result = _result(pod, policy, logs)
    if isinstance(result, Result):
        return Ended("succeeded", "Completed", "", pod, result)
    if disruption is not None and result.reason == "ResultMissing":
        return Ended("preempted", disruption, result.message, pod)
    if result.reason == "NonFiniteScore":
        return Ended("parameters", result.reason, result.message, pod)
    return Ended("eval" if policy.stage == "eval" else "crash", result.reason, result.message, pod)


def _ended_well(pod: PodView, policy: AttemptPolicy) -> bool:
    return (pod.exit_code == 0 and not was_evicted(pod)) or _kept_result(pod, policy) is not None


def _kept_result(pod: PodView, policy: AttemptPolicy) -> Result | None:
    """The score that a pod wrote before a disruption ended it. A log does not say that its last value is final."""
    if not (was_evicted(pod) and policy.reports and policy.value_pattern is None):
        return None
    result = read_message(pod.termination_message, policy.metric, cost_required=policy.cost_required)
    return result if isinstance(result, Result) else None


def _never_ran(pod: PodView) -> Ended:
    if pod.reason == "DeadlineExceeded" and pod.started is not None:
        return Ended("timeout", "DeadlineExceeded", pod.message or _TOO_LONG, pod)
    if pod.init_exit_code is not None:
        return Ended("infrastructure", "InitContainerFailed", _short(pod.init_message), pod)
    reason = pod.terminated_reason or pod.waiting_reason or pod.reason or "NotStarted"
    message = pod.termination_message or pod.waiting_message or pod.message or "main did not start"
    return Ended("infrastructure", reason, _short(message), pod)


def _log_wanted(pod: PodView, policy: AttemptPolicy) -> LogRequest | None:
    value = policy.value_pattern if policy.reports and pod.exit_code == 0 else None
    patterns: tuple[str, ...] = ()
    if pod.exit_code != 0:
        patterns = tuple(
            r.log_pattern
            for r in policy.failure_rules
            if r.log_pattern is not None and (r.exit_codes is None or pod.exit_code in r.exit_codes)
        )
    return LogRequest(pod.name, pod.uid, value, patterns) if value or patterns else None


def _failed(pod: PodView, policy: AttemptPolicy, logs: Mapping[str, LogReading]) -> Ended:
    reading = logs.get(pod.uid) or LogReading()
    message = _short(stated_error(pod.termination_message) or pod.termination_message or f"exit code {pod.exit_code}")
    for number, rule in enumerate(policy.failure_rules):
        if rule.exit_codes is not None and pod.exit_code not in rule.exit_codes:
            continue
        if rule.log_pattern is not None and rule.log_pattern not in reading.matched:
            continue
        return Ended(rule.class_, f"FailureRule{number}", message, pod)
    if pod.reason == "DeadlineExceeded":
        return Ended("timeout", "DeadlineExceeded", pod.message or message, pod)
    if pod.exit_code == EXIT_BAD_PARAMETERS:
        return Ended("parameters", "BadParameters", message, pod)
    if not policy.proven and (reason := start_failure(pod.exit_code or 0, pod.termination_message)) is not None:
        return Ended("infrastructure", reason, message, pod)
    if policy.stage == "eval":
        return Ended("eval", pod.terminated_reason or "Error", message, pod)
    if pod.terminated_reason == "OOMKilled":
        return Ended("parameters", "OOMKilled", f"out of memory; {message}", pod)
    return Ended("crash", pod.terminated_reason or "Error", message, pod)


def _result(pod: PodView, policy: AttemptPolicy, logs: Mapping[str, LogReading]) -> Result | BadResult:
    """What the program reports, and its peak memory if that was measured and the program does not report it."""
    found = _reported(pod, policy, logs)
    if isinstance(found, BadResult) or pod.peak_memory is None:
        return found
    return replace(found, metrics={PEAK_MEMORY: pod.peak_memory, **found.metrics})


def _reported(pod: PodView, policy: AttemptPolicy, logs: Mapping[str, LogReading]) -> Result | BadResult:
    if not policy.reports:
        return read_optional(pod.termination_message)
    if policy.value_pattern is not None:
        reading = logs.get(pod.uid) or LogReading()
        return read_log_value(reading.value, reading.metrics, policy.metric, cost_required=policy.cost_required)
    return read_message(pod.termination_message, policy.metric, cost_required=policy.cost_required)


def _seconds(duration: timedelta | None) -> str:
    return f"{duration.total_seconds():g}" if duration is not None else "?"


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MESSAGE_LIMIT else "..." + text[-MESSAGE_LIMIT:]
