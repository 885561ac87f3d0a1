"""Texts of the live view: pure functions of the Sweep, its runs and the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sweep_operator.api.meta import find_condition
from sweep_operator.api.suggestion import Prediction
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.tracking import wandb_of
from sweep_operator.domain.conditions import joined
from sweep_operator.views.columns import Column
from sweep_operator.views.figures import format_for, number
from sweep_operator.views.selection import latest
from sweep_operator.views.tables import STAGES, completed


def run_state(run: SweepRun) -> str:
    """The reason of Succeeded, for a failed run that of the failure, as in the column STATUS."""
    if find_condition(run.status.conditions, "Interrupted"):
        return "Interrupted"
    if run.failed and run.status.failure:
        return run.status.failure.reason
    condition = find_condition(run.status.conditions, "Succeeded")
    return condition.reason if condition else "Pending"


def stage(run: SweepRun) -> str:
    """train, eval, done, or the reason why the run waits or failed; with the attempt if it is not the first."""
    state, attempt = run_state(run), run.status.eval.attempt or run.status.train.attempt
    if run.terminal:
        return "done" if run.succeeded else state
    return STAGES.get(state, state) + (f" (attempt {attempt})" if attempt > 1 else "")


def versus(predicted: float | None, actual: float | None, written: Callable[[object], str] = number) -> str:
    """``480 → 487.3``: predicted and actual value; one of them alone while the other is missing."""
    return written(actual) if predicted is None else f"{written(predicted)} → {written(actual)}".rstrip()


def live_columns(sweep: Sweep, runs: Sequence[SweepRun], now: datetime) -> list[Column]:
    """A row per run, as in ``sweep status``, with predictions. ★ is the best run, ◆ the other Pareto-optimal runs."""
    best = sweep.status.best[0].run if sweep.status.best else None
    front = frozenset(p.run for p in sweep.status.pareto)
    predictions = [run.spec.prediction or Prediction() for run in runs]
    cells = {
        "": ["★" if run.name == best else "◆" if run.name in front else "" for run in runs],
        "RUN": [run.name if run.spec.index is None else str(run.spec.index) for run in runs],
        "STAGE": [stage(run) for run in runs],
        "SCORE": _comparisons([p.score for p in predictions], [run.status.score for run in runs]),
        "COST": _comparisons([p.cost for p in predictions], [run.status.cost for run in runs]),
    }
    return completed(cells, sweep.to_json(), [run.to_json() for run in runs], now, parameters=True)


def _comparisons(predicted: Sequence[float | None], actual: Sequence[float | None]) -> list[str]:
    written = format_for([*predicted, *actual])
    return [versus(before, after, written) for before, after in zip(predicted, actual, strict=True)]


def shown_runs(runs: Sequence[SweepRun], best: str | None, room: int) -> list[SweepRun]:
    """The runs that fit into ``room`` lines: the best, then active runs, then the newest; in their original order."""
    return [runs[i] for i in latest([(r.name, r.terminal) for r in runs], best, room)]


class RunTime(NamedTuple):
    """What the estimate of the remaining time needs to know of a run that the operator created."""

    ended: bool
    seconds: float
    """How long its programs ran."""
    start: datetime | None
    """When its training started."""


def eta_seconds(sweep: Sweep, runs: Sequence[SweepRun], now: datetime) -> float | None:
    """Estimated seconds until maxRuns or totalCost is reached; None before the first run ends and after the last."""
    times = [
        RunTime(r.terminal, r.status.train.seconds + r.status.eval.seconds, r.status.train.start_time)
        for r in runs
        if r.spec.index is not None
    ]
    return seconds_left(sweep, times, now)


def seconds_left(sweep: Sweep, own: Sequence[RunTime], now: datetime) -> float | None:
    """As ``eta_seconds``, from the times of the runs that the operator created."""
    took = [r.seconds for r in own if r.ended and r.seconds > 0]
    if not took:
        return None
    mean = sum(took) / len(took)
    live = [r for r in own if not r.ended]
    to_come = new_runs(sweep, len(own) - len(live), len(live)) * mean
    for run in live:
        to_come += mean if run.start is None else max(0.0, mean - (now - run.start).total_seconds())
    return to_come / max(1, sweep.spec.limits.max_parallel_runs) if to_come or live else None


def new_runs(sweep: Sweep, ended: int, live: int) -> float:
    """How many more runs maxRuns and totalCost allow, if they cost as much as those that have ended."""
    limits, spent = sweep.spec.limits, sweep.status.cost.spent
    allowed = float(max(0, limits.max_runs - ended - live))
    if limits.total_cost is None or not ended or spent <= 0:
        return allowed
    return min(allowed, max(0.0, (limits.total_cost - spent) / (spent / ended) - live))


def stop_reason(sweep: Sweep) -> str:
    """Why the sweep ended; empty while it is running."""
    condition = find_condition(sweep.status.conditions, "Succeeded")
    if condition is None or condition.status == "Unknown":
        return ""
    return joined(condition.reason, condition.message)


def tracking_lines(sweep: Sweep, runs: Sequence[SweepRun], where: str = "") -> list[str]:
    """The sweep's URL in the tracker, and the number of undelivered runs; empty without a tracker.

    ``where``: command-line options that select the sweep's directory.
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
        lines.append(f"{missing} finished {noun} not in W&B yet{why}; run: sweep sync {sweep.display_name}{where}")
    return lines


def undelivered(sweep: Sweep, runs: Sequence[SweepRun]) -> int:
    """Number of finished runs that should be in W&B and are not. In mode offline, files are what was asked for."""
    if wandb_of(sweep) is None:
        return 0
    return sum(r.terminal and not r.imported and _state(r) not in ("Delivered", "Offline") for r in runs)


def _state(run: SweepRun) -> str | None:
    return run.status.tracking.state if run.status.tracking is not None else None


_TROUBLES = ("Accepted", "OptimizerHealthy", "TrackingSynced", "EarlyStoppingEffective")


def trouble(sweep: Sweep) -> list[str]:
    """Problems: a rejected spec, a failing optimizer, a tracker out of sync, reports that cannot be compared."""
    found = (find_condition(sweep.status.conditions, type_) for type_ in _TROUBLES)
    return [joined(c.reason, c.message) for c in found if c is not None and c.status == "False"]
