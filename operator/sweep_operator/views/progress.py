"""What the live view says about a sweep: pure functions of the Sweep, its runs and the time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.tracking import wandb_of
from sweep_operator.views.tables import age, number

_STAGES = {"Training": "train", "Evaluating": "eval"}


def stage(run: SweepRun) -> str:
    """Where a run is: train, eval, done, why it waits or why it failed; the attempt where it is not the first."""
    status = run.status
    if run.succeeded:
        return "done"
    condition = find_condition(status.conditions, "Succeeded")
    if run.failed:
        return status.failure.reason if status.failure else "failed"
    reason = condition.reason if condition is not None else "waiting"
    attempt = status.eval.attempt or status.train.attempt
    return _STAGES.get(reason, reason) + (f" (attempt {attempt})" if attempt > 1 else "")


def versus(predicted: float | None, actual: float | None) -> str:
    """``480 → 487.3``: what was expected and what came; one of them alone while the other is missing."""
    if predicted is None:
        return number(actual)
    return f"{number(predicted)} → {number(actual)}".rstrip() if actual is not None else f"{number(predicted)} →"


def run_cells(run: SweepRun, best: str | None, front: frozenset[str], now: datetime) -> tuple[str, ...]:
    """index, stage, score, cost, origin, age; the best is marked ★, the rest of the Pareto front ◆."""
    mark = "★" if run.name == best else "◆" if run.name in front else ""
    prediction = run.spec.prediction
    index = run.name if run.spec.index is None else str(run.spec.index)
    created = run.metadata.creation_timestamp
    return (
        mark,
        index,
        stage(run),
        versus(prediction.score if prediction else None, run.status.score),
        versus(prediction.cost if prediction else None, run.status.cost),
        run.spec.origin,
        age(created.isoformat(), now) if created else "",
    )


def shown_runs(runs: Sequence[SweepRun], best: str | None, room: int) -> list[SweepRun]:
    """What fits into ``room`` lines: the best, everything that is not over, then the newest; in their own order."""
    if len(runs) <= room:
        return list(runs)
    wanted = [r for r in runs if r.name == best] + [r for r in runs if not r.terminal] + list(reversed(runs))
    chosen: dict[str, SweepRun] = {}
    for run in wanted:
        if len(chosen) >= room:
            break
        chosen.setdefault(run.name, run)
    return [r for r in runs if r.name in chosen]


def seconds_of(run: SweepRun) -> float:
    """Seconds of both stages, all attempts."""
    return run.status.train.seconds + run.status.eval.seconds


def eta_seconds(sweep: Sweep, runs: Sequence[SweepRun], now: datetime) -> float | None:
    """Seconds until the limit of runs is reached at the present pace; None before a run is over, or when all are."""
    own = [r for r in runs if r.spec.index is not None]
    took = [seconds_of(r) for r in own if r.terminal and seconds_of(r) > 0]
    limits = sweep.spec.limits
    if not took:
        return None
    mean = sum(took) / len(took)
    live = [r for r in own if not r.terminal]
    to_come = max(0, limits.max_runs - len(own)) * mean
    for run in live:
        start = run.status.train.start_time
        to_come += mean if start is None else max(0.0, mean - (now - start).total_seconds())
    return to_come / max(1, limits.max_parallel_runs) if to_come or live else None


def stop_reason(sweep: Sweep) -> str:
    """Why the sweep ended, in a sentence; empty while it goes on."""
    condition = find_condition(sweep.status.conditions, "Succeeded")
    if condition is None or condition.status == "Unknown":
        return ""
    return condition.reason + (f": {condition.message}" if condition.message else "")


def tracking_lines(sweep: Sweep, runs: Sequence[SweepRun], where: str = "") -> list[str]:
    """Where the tracker shows the sweep, and what it does not have yet; nothing without one.

    ``where``: the options by which commands find the sweep.
    """
    wandb, shown = wandb_of(sweep), sweep.status.tracking
    if wandb is None:
        return []
    lines = [shown.url] if shown is not None and shown.url else []
    missing = sum(r.terminal and not r.imported and not r.delivered for r in runs)
    if missing:
        condition = find_condition(sweep.status.conditions, "TrackingSynced")
        why = f" ({condition.message})" if condition is not None and condition.status == "False" else ""
        noun = "run is" if missing == 1 else "runs are"
        lines.append(f"{missing} finished {noun} not there yet{why}: sweep sync {sweep.display_name}{where}")
    return lines


def trouble(sweep: Sweep) -> list[str]:
    """Conditions that stand in the way: refused spec, an optimizer that fails, a tracker that has nothing."""
    bad = []
    for type_ in ("Accepted", "OptimizerHealthy", "TrackingSynced"):
        condition = find_condition(sweep.status.conditions, type_)
        if condition is not None and condition.status == "False":
            bad.append(f"{condition.reason}: {condition.message}")
    return bad
