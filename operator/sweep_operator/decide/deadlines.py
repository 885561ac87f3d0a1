"""Deadlines and retries of a stage, and the policy that classifies its attempts."""

from __future__ import annotations

from datetime import datetime, timedelta

from sweep_operator.api.failures import FAILURES, FailureTable
from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.limits import Retries
from sweep_operator.api.suggestion import Prediction
from sweep_operator.api.sweeprun import Stage, StageStatus, SweepRun, SweepRunStatus
from sweep_operator.api.template import with_numbers
from sweep_operator.decide.attempt import AttemptPolicy
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.domain.revisions import RunTemplate


def attempt_policy(
    run: SweepRun, status: SweepRunStatus, stage: Stage, template: RunTemplate, snap: Snapshot
) -> AttemptPolicy:
    """The policy for an attempt of this stage."""
    spec = template.of_stage(stage)
    reports = stage == "eval" or template.eval is None
    return AttemptPolicy(
        stage=stage,
        reports=reports,
        metric=snap.sweep.spec.metric,
        cost_required=reports and snap.sweep.spec.cost.source == "Reported",
        value_pattern=with_numbers(spec.results.pattern) if spec.results.pattern is not None else None,
        failure_rules=template.per_run.failure_rules,
        pending_deadline=timedelta(seconds=template.per_run.pending_deadline_seconds),
        deadline=stage_deadline(run, status, stage, template),
        lost_after=lost_after(snap.config),
        proven=stage in snap.proven,
    )


def lost_after(config: OperatorConfig) -> timedelta:
    """How long after its deletion is due a pod may exist."""
    return timedelta(seconds=config.lost_node_seconds)


def stage_deadline(run: SweepRun, status: SweepRunStatus, stage: Stage, template: RunTemplate) -> timedelta | None:
    """Deadline of main: deadlineSeconds, and for train deadlineFactor x predicted seconds less the seconds used.

    The predicted seconds are the upper end of the interval. A prediction without an interval is its only value.
    """
    fixed = template.of_stage(stage).deadline_seconds
    limits: list[float] = [] if fixed is None else [fixed]
    prediction = run.spec.prediction or Prediction()
    predicted = prediction.cost if prediction.cost_high is None else prediction.cost_high
    if stage == "train" and template.per_run.deadline_factor is not None and predicted is not None:
        limits.append(max(1.0, template.per_run.deadline_factor * predicted - status.train.seconds))
    return timedelta(seconds=min(limits)) if limits else None


def retry_at(status: StageStatus, template: RunTemplate) -> datetime | None:
    """When the next attempt may start: after failures with a backoff that doubles each time. None: immediately."""
    last = status.attempts[-1] if status.attempts else None
    row = FAILURES.get(last.class_ or "") if last else None
    if row is None or row.counter != "failures" or status.completion_time is None:
        return None
    return status.completion_time + timedelta(
        seconds=template.per_run.retries.backoff_seconds * 2 ** min(10, status.failures - 1)
    )


def may_retry(status: StageStatus, class_: str, retries: Retries, table: FailureTable = FAILURES) -> bool:
    """Whether the budget of the failure class allows another attempt. ``status`` already counts this one."""
    row = table[class_]
    if row.budget is None or row.counter is None:
        return False
    used: int = getattr(status, row.counter)
    limit: int = getattr(retries, row.budget)
    return used <= limit
