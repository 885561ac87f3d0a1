"""Progress and learning curve of a run, from the reports in the log of its program."""

from __future__ import annotations

from datetime import datetime, timedelta

from sweep_operator.api.meta import Condition, find_condition, with_condition
from sweep_operator.api.progress import MAX_POINTS, CurvePoint, Progress
from sweep_operator.api.sweep import Sweep, SweepSpec
from sweep_operator.api.sweeprun import Stage, SweepRun, SweepRunStatus
from sweep_operator.api.template import with_numbers
from sweep_operator.api.tracking import wandb_of
from sweep_operator.decide.attempt import LogFollow, LogProgress
from sweep_operator.decide.curves import last_step
from sweep_operator.decide.observed import PodView
from sweep_operator.decide.snapshot import Snapshot
from sweep_operator.decide.stopping import metric_of
from sweep_operator.domain.curve import Point, fold
from sweep_operator.domain.revisions import RunTemplate

REPORTING = "Reporting"
"""Type of the condition."""


def log_to_follow(
    status: SweepRunStatus, stage: Stage, template: RunTemplate, pod: PodView, sweep: Sweep, *, last: bool = False
) -> LogFollow | None:
    """What to read of the pod's log, if anything. ``last``: main has ended."""
    reports, silence = template.of_stage(stage).reports, template.per_run.silence_seconds
    if pod.started is None or (reports is None and (silence is None or last)):
        return None
    spec, attempts, progress = sweep.spec, status.stage(stage).attempts, status.progress
    resumes = progress is not None and (progress.stage, progress.attempt) == (stage, pod.attempt)
    return LogFollow(
        pod=pod.name,
        uid=pod.uid,
        attempt=pod.attempt,
        reports=reports is not None,
        pattern=with_numbers(reports.pattern) if reports is not None and reports.pattern is not None else None,
        metric=spec.metric or "score",
        needed=metric_of(spec) if stage == "train" else spec.metric or "score",
        others=_other_metrics(spec),
        every=float(reports.every_seconds) if reports is not None else 30.0,
        started=pod.started,
        earlier=sum(a.seconds for a in attempts if a.pod_uid != pod.uid and a.n <= pod.attempt),
        position=progress.log_position if progress is not None and resumes else "",
        silence=None if silence is None else float(silence),
        last=last,
        curve=_makes_curve(stage, template),
        tracked=wandb_of(sweep) is not None,
    )


def _makes_curve(stage: Stage, template: RunTemplate) -> bool:
    """Whether the reports of the stage are the learning curve."""
    return stage == "train" or template.train.reports is None


def _other_metrics(spec: SweepSpec) -> tuple[str, ...]:
    """Metrics of reports that are kept besides the score."""
    named = [objective.metric for objective in spec.objectives[1:]]
    compared = metric_of(spec)
    return tuple(named if compared in (spec.metric or "score", *named) else [*named, compared])


def rest_of_log(
    status: SweepRunStatus, stage: Stage, template: RunTemplate, pod: PodView | None, snap: Snapshot
) -> LogFollow | None:
    """The log of a container that has ended, if its rest must be read before the end is recorded."""
    if pod is None or pod.rank != 0 or pod.exit_code is None:
        return None
    found = snap.reports.get(pod.uid)
    done = found is not None and found.complete
    return None if done else log_to_follow(status, stage, template, pod, snap.sweep, last=True)


def is_silent(pod: PodView, snap: Snapshot) -> bool:
    """Whether the running container has written nothing for perRun.silenceSeconds."""
    found = snap.reports.get(pod.uid)
    return found is not None and found.silent and not pod.over


def with_reports(
    run: SweepRun, status: SweepRunStatus, stage: Stage, template: RunTemplate, pod: PodView, snap: Snapshot
) -> SweepRunStatus:
    """``status`` with what was found in the pod's log. The same object if nothing is new."""
    reading = snap.reports.get(pod.uid)
    if reading is None or template.of_stage(stage).reports is None:
        return status
    problem, new = reading.problem, status
    if reading.latest is not None:
        last = last_step(run, status, stage, template)
        if problem is None and last is not None and reading.latest.step > last:
            text = f"the program reports steps beyond {stage}.reports.maxStep, {last:g}; correct maxStep"
            problem = ("MaxStepExceeded", text)
        new = new.with_(progress=_progress(status, stage, reading, last, snap.now))
    if _makes_curve(stage, template):
        curve = [_stored(p) for p in fold(map(point_of, status.curve), reading.points, MAX_POINTS)]
        new = new if curve == status.curve else new.with_(curve=curve)
    known = find_condition(status.conditions, REPORTING)
    if problem is not None or (known is not None and known.status == "False"):
        reason, message = problem or ("ReportsRead", "the reports of the program are read")
        condition = Condition(
            type=REPORTING, status="False" if problem else "True", reason=reason, message=message[:1024],
            last_transition_time=snap.now,
        )  # fmt: skip
        new = new.with_(conditions=with_condition(status.conditions, condition))
    if new == status:
        return status
    return new if new.progress is None else new.with_(progress=new.progress.with_(update_time=snap.now))


def next_write(status: SweepRunStatus, pod: PodView, snap: Snapshot) -> datetime:
    """When reports may be written for their own sake: some time after the last write of them, or the start of main.

    Until then, they wait for another change of the run. So a run that ends before needs no further write.
    """
    known = [pod.started, status.progress.update_time if status.progress is not None else None]
    condition = find_condition(status.conditions, REPORTING)
    known.append(condition.last_transition_time if condition is not None else None)
    last = max((time for time in known if time is not None), default=snap.now)
    return last + timedelta(seconds=snap.report_write_seconds)


def _progress(
    status: SweepRunStatus, stage: Stage, reading: LogProgress, last: float | None, now: datetime
) -> Progress | None:
    """The newest report. The one in the status if nothing is new."""
    latest = reading.latest
    if latest is None:
        return status.progress
    fraction = None if last is None else min(1.0, round(latest.step / last, 6))
    eta = None if last is None or reading.complete else _eta(reading, last)
    progress = Progress(
        stage=stage,
        attempt=latest.attempt,
        summary=f"step {latest.step:g}" if fraction is None else f"{fraction:.0%}",
        step=latest.step,
        fraction=fraction,
        value=latest.value,
        seconds=latest.seconds,
        eta_seconds=eta,
        update_time=now,
        log_position=reading.position,
    )
    known = status.progress
    if known is not None and known == progress.with_(update_time=known.update_time, log_position=known.log_position):
        return known
    return progress


def _eta(reading: LogProgress, last: float) -> int | None:
    """Seconds until the last step, at the rate between the first and the newest report of this attempt."""
    latest, first = reading.latest, reading.points[0] if reading.points else Point(0.0, None, 0.0)
    if latest is None or latest.step >= last:
        return 0
    first = first if latest.step > first.step and latest.seconds > first.seconds else Point(0.0, None, 0.0)
    steps = latest.step - first.step
    if steps <= 0 or latest.seconds <= first.seconds:
        return None
    return round(min(1e9, (last - latest.step) * (latest.seconds - first.seconds) / steps))


def point_of(stored: CurvePoint) -> Point:
    """A point of a curve, as it was reported."""
    return Point(stored.step, stored.value, stored.seconds, stored.attempt or 1, tuple((stored.metrics or {}).items()))


def _stored(point: Point) -> CurvePoint:
    attempt = point.attempt if point.attempt > 1 else None
    metrics = dict(point.metrics) or None
    return CurvePoint(step=point.step, value=point.value, seconds=point.seconds, attempt=attempt, metrics=metrics)
