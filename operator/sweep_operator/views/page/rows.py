"""One run as a row, and its learning curve: what changes with the run alone."""

from __future__ import annotations

from sweep_operator.api import early_stopping
from sweep_operator.api.failures import FAILURES, FailureTable
from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import STAGES, SweepRun
from sweep_operator.decide.curves import last_step
from sweep_operator.decide.facts import objective_values, within_thresholds
from sweep_operator.decide.verdicts import evidence
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.domain.times import time_text
from sweep_operator.views.figures import finite
from sweep_operator.views.labels import label
from sweep_operator.views.page.phases import phases_of
from sweep_operator.views.page.run_models import (
    Curve,
    Failure,
    Forecast,
    Group,
    Prediction,
    Progress,
    RunRow,
    Verdict,
)
from sweep_operator.views.progress import run_state


def run_row(sweep: Sweep, run: SweepRun) -> RunRow:
    """The row. It depends on the run and on the sweep's spec."""
    status, group = run.status, group_of(run)
    score, cost = (status.score, status.cost) if run.succeeded else (None, status.cost if run.terminal else None)
    return RunRow(
        name=run.name,
        label=label(run),
        index=run.spec.index,
        origin=run.spec.origin,
        manual=run.spec.origin == "manual",
        imported=run.imported,
        state=run_state(run),
        group=group,
        failure=_failure(run) if run.failed else None,
        score=score,
        cost=cost,
        within=run.succeeded and within_thresholds(run, sweep),
        seconds=finite(status.train.seconds + status.eval.seconds),
        lost_seconds=_lost_seconds(run),
        metrics=objective_values(sweep, status.metrics.get) or {},
        parameters=[run.parameters.get(path) for path in sweep.spec.parameters],
        predicted=_prediction(run),
        created="" if run.metadata.creation_timestamp is None else time_text(run.metadata.creation_timestamp),
        ended=_ended(run),
        progress=None if run.terminal or status.progress is None else _progress(sweep, run),
        phases=phases_of(run),
        verdict=None if status.early_stopping is None else _verdict(sweep, status.early_stopping),
        has_curve=len(status.curve) > 1,
    )


def curve_of(run: SweepRun) -> Curve | None:
    """The learning curve; None for a run with less than two reports."""
    points = run.status.curve
    if len(points) < 2:
        return None
    return Curve(
        step=[p.step for p in points],
        value=[None if p.value is None else _drawn(p.value) for p in points],
        seconds=[_drawn(p.seconds) for p in points],
    )


def _drawn(value: float) -> float:
    """As precise as a plot can show, in half the text."""
    return float(f"{value:.6g}")


def group_of(run: SweepRun, table: FailureTable = FAILURES) -> Group:
    """What has become of the run, by which the page colors it."""
    if run.succeeded:
        return "succeeded"
    if not run.failed:
        return "running" if run.holds_slot and not is_interrupted(run) else "waiting"
    if run.pruned:
        return "pruned"
    failure = run.status.failure
    return "stopped" if failure is not None and table[failure.class_].deliberate else "failed"


def is_interrupted(run: SweepRun) -> bool:
    """Whether no process runs the sweep of a run that has not ended."""
    return find_condition(run.status.conditions, "Interrupted") is not None


def _failure(run: SweepRun, table: FailureTable = FAILURES) -> Failure | None:
    failure = run.status.failure
    if failure is None:
        return None
    return Failure(
        class_=failure.class_,
        reason=failure.reason,
        message=failure.message,
        stage=failure.stage or "",
        consequence=table[failure.class_].consequence,
    )


def _lost_seconds(run: SweepRun, table: FailureTable = FAILURES) -> dict[str, float]:
    lost: dict[str, float] = {}
    for stage in STAGES:
        for attempt in run.status.stage(stage).attempts:
            name = attempt.class_ or "preempted"  # without a class, the queue evicted its pod
            if name in table and attempt.seconds > 0:
                lost[name] = finite(lost.get(name, 0.0) + attempt.seconds)
    return lost


def _prediction(run: SweepRun) -> Prediction | None:
    found = run.spec.prediction
    if found is None:
        return None
    return Prediction(
        score=found.score, score_low=found.score_low, score_high=found.score_high,
        cost=found.cost, cost_low=found.cost_low, cost_high=found.cost_high,
    )  # fmt: skip


def _ended(run: SweepRun) -> str | None:
    """When its programs ended; of a run without programs, when that was recorded."""
    if not run.terminal:
        return None
    times = [t for s in (run.status.eval, run.status.train) if (t := s.completion_time) is not None]
    condition = find_condition(run.status.conditions, "Succeeded")
    time = times[0] if times else None if condition is None else condition.last_transition_time
    return None if time is None else time_text(time)


def _progress(sweep: Sweep, run: SweepRun) -> Progress | None:
    found, verdict = run.status.progress, run.status.early_stopping
    if found is None:
        return None
    forecast = None
    if verdict is not None and verdict.low is not None and verdict.high is not None:
        forecast = Forecast(
            score=verdict.value, low=verdict.low, high=verdict.high, probability=verdict.probability or 0.0
        )
    return Progress(
        step=found.step,
        max_step=last_step(run, run.status, found.stage, RunTemplate.of(sweep)),
        value=found.value,
        eta_seconds=found.eta_seconds,
        updated=time_text(found.update_time),
        forecast=forecast,
    )


def _verdict(sweep: Sweep, found: early_stopping.Verdict) -> Verdict:
    return Verdict(
        policy=found.rule, text=evidence(found, sweep.spec), step=found.step, value=found.value, low=found.low,
        high=found.high, threshold=found.threshold, probability=found.probability, runs=found.runs,
        saved_cost=found.saved_cost, shadow=found.shadow,
    )  # fmt: skip
