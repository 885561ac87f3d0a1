"""Deadlines, retries and the rules by which a stage's attempt is judged."""

from __future__ import annotations

from datetime import datetime, timedelta

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage, StageStatus, SweepRun, SweepRunStatus
from sweep_operator.api.template import StageTemplate
from sweep_operator.decide.outcome import Rules
from sweep_operator.domain.revisions import RunTemplate


def rules_for(
    run: SweepRun, status: SweepRunStatus, stage: Stage, template: RunTemplate, sweep: Sweep, config: OperatorConfig
) -> Rules:
    """What an attempt of this stage is judged by."""
    spec = stage_template(template, stage)
    reports = stage == "eval" or template.eval is None
    return Rules(
        stage=stage,
        reports=reports,
        metric=sweep.spec.metric,
        cost_required=reports and sweep.spec.cost.source == "Reported",
        value_pattern=spec.results.pattern if spec.results.source == "Log" else None,
        failure_rules=template.per_run.failure_rules,
        pending_deadline=timedelta(seconds=template.per_run.pending_deadline_seconds),
        deadline=stage_deadline(run, status, stage, template),
        lost_after=lost_after(config),
    )


def lost_after(config: OperatorConfig) -> timedelta:
    """How long a pod may outlive its deletion."""
    return timedelta(seconds=config.lost_node_seconds)


def stage_template(template: RunTemplate, stage: Stage) -> StageTemplate:
    """The stage's container."""
    return template.train if stage == "train" or template.eval is None else template.eval


def stage_deadline(run: SweepRun, status: SweepRunStatus, stage: Stage, template: RunTemplate) -> timedelta | None:
    """Of main: the stage's deadlineSeconds; for train also deadlineFactor x predicted seconds less what is used."""
    fixed = stage_template(template, stage).deadline_seconds
    limits: list[float] = [] if fixed is None else [fixed]
    predicted = run.spec.prediction.cost if run.spec.prediction else None
    if stage == "train" and template.per_run.deadline_factor is not None and predicted is not None:
        limits.append(max(1.0, template.per_run.deadline_factor * predicted - status.train.seconds))
    return timedelta(seconds=min(limits)) if limits else None


def retry_at(status: StageStatus, template: RunTemplate) -> datetime | None:
    """When the next attempt may start: backoff after failures, doubled each time; at once after anything else."""
    last = status.attempts[-1] if status.attempts else None
    if last is None or last.class_ not in ("crash", "eval") or status.completion_time is None:
        return None
    return status.completion_time + timedelta(
        seconds=template.per_run.retries.backoff_seconds * 2 ** min(10, status.failures - 1)
    )
