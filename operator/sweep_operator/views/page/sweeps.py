"""One sweep: its row in the list, and its page without and with the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from protein.searchspace import parameters as searchspace
from sweep_operator.api import status
from sweep_operator.api.meta import find_condition
from sweep_operator.api.names import run_object_name
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.patch import patch_usage
from sweep_operator.decide.summary import rank_key
from sweep_operator.domain.times import parse_time, time_text
from sweep_operator.views.best_params import patch_of, searched_overrides, yaml_of
from sweep_operator.views.figures import finite
from sweep_operator.views.labels import short_labels
from sweep_operator.views.page.models import (
    Best,
    BestParams,
    Calibration,
    Calibrations,
    Counts,
    Limits,
    Objective,
    Parameter,
    SweepHead,
    SweepPage,
    SweepRow,
)
from sweep_operator.views.page.money import money_of
from sweep_operator.views.page.rows import run_row
from sweep_operator.views.page.run_models import RunRow
from sweep_operator.views.page.times import page_conditions
from sweep_operator.views.progress import RunTime, new_runs, seconds_left
from sweep_operator.views.tables import sweep_state
from sweep_operator.views.training_command import Templates, takes_overrides, training_command

_KINDS: Mapping[str, str] = {"float": "number", "integer": "integer", "choice": "category"}


def sweep_row(sweep: Sweep, rows: Sequence[RunRow] = (), now: datetime | None = None) -> SweepRow:
    """The row of the list, from the sweep's status. ``rows`` and ``now``: to estimate the time that is left better."""
    spec, state, conditions = sweep.spec, sweep.status, sweep.status.conditions
    succeeded = find_condition(conditions, "Succeeded")
    interrupted = find_condition(conditions, "Interrupted") is not None
    ended = succeeded is not None and succeeded.status != "Unknown"
    shown = "Interrupted" if interrupted else "Succeeded" if succeeded is not None else "Accepted"
    cause, created = find_condition(conditions, shown), sweep.metadata.creation_timestamp
    still = ended or interrupted or spec.suspend
    left = None if still else _left(sweep) if now is None else seconds_left(sweep, list(_times(rows)), now)
    return SweepRow(
        namespace=sweep.metadata.namespace,
        name=sweep.name,
        display_name=sweep.display_name,
        state=sweep_state({"status": {"conditions": [c.to_json() for c in conditions]}}),
        message="" if cause is None else cause.message,
        ended=ended,
        suspended=spec.suspend,
        interrupted=interrupted,
        goal=spec.goal,
        metric=spec.metric or "score",
        best=_best(sweep),
        counts=_counts(sweep, interrupted=interrupted),
        spent=state.cost.spent,
        budget=spec.limits.total_cost,
        cost_unit=state.cost.unit,
        eta_seconds=None if left is None else finite(left),
        created="" if created is None else time_text(created),
        completed=time_text(succeeded.last_transition_time) if ended and succeeded is not None else None,
    )


def sweep_head(
    sweep: Sweep, rows: Sequence[RunRow], best: SweepRun | None, templates: Templates, now: datetime
) -> SweepHead:
    """The page without its runs. ``best``: the first of ``status.best``. ``templates``: that runs used, by hash."""
    spec = sweep.spec
    rule = spec.early_stopping.active if spec.early_stopping is not None else None
    return SweepHead(
        row=sweep_row(sweep, rows, now),
        parameters=_parameters(sweep),
        fixed=spec.fixed,
        objectives=[Objective(metric=o.metric or "score", goal=o.goal, threshold=o.threshold) for o in spec.objectives],
        target=spec.target,
        method=spec.method,
        early_stopping=rule or "none",
        limits=Limits(
            max_runs=spec.limits.max_runs,
            max_parallel_runs=spec.limits.max_parallel_runs,
            total_cost=spec.limits.total_cost,
            deadline_seconds=spec.limits.active_deadline_seconds,
        ),
        conditions=page_conditions(sweep.status.conditions),
        front=[point.run for point in sweep.status.pareto],
        ranking=_ranking(sweep, rows),
        calibration=Calibrations(
            score=_calibration(sweep.status.optimizer.score_calibration, "scores"),
            cost=_calibration(sweep.status.optimizer.cost_calibration, "costs"),
        ),
        money=money_of(sweep, rows),
        best_params=None if best is None else best_params(sweep, best, templates),
    )


def sweep_page(sweep: Sweep, runs: Sequence[SweepRun], templates: Templates, now: datetime) -> SweepPage:
    """The page with its runs, in the order of ``runs``."""
    rows = [run_row(sweep, run) for run in runs]
    first = sweep.status.best[0].run if sweep.status.best else None
    head = sweep_head(sweep, rows, next((r for r in runs if r.name == first), None), templates, now)
    return SweepPage(**dict(head), runs=rows)


def best_params(sweep: Sweep, best: SweepRun, templates: Templates) -> BestParams:
    """The best parameters in every form in which they are used."""
    again = training_command(sweep, best, templates, f"{sweep.display_name}_best")
    hydra = takes_overrides(again.template.train)
    return BestParams(
        yaml=yaml_of(again),
        overrides=searched_overrides(again),
        patch=patch_of(again, patch_usage(again.name)) if hydra else None,
        command=again.text,
        notes=again.notes,
    )


def _best(sweep: Sweep) -> Best | None:
    if not sweep.status.best:
        return None
    best, prefix = sweep.status.best[0], run_object_name(sweep.name, 0)[:-1]
    tail = best.run.removeprefix(prefix)
    label = f"{sweep.display_name}.r.{tail}" if tail != best.run and tail.isdecimal() else best.run
    return Best(run=best.run, label=label, score=best.score, cost=best.cost)


def _counts(sweep: Sweep, *, interrupted: bool) -> Counts:
    runs = sweep.status.runs
    running = runs.running + runs.evaluating
    return Counts(
        finished=runs.succeeded + runs.failed + runs.pruned,
        succeeded=runs.succeeded,
        failed=runs.failed,
        pruned=runs.pruned,
        running=0 if interrupted else running,
        waiting=runs.pending + (running if interrupted else 0),
        max_runs=sweep.spec.limits.max_runs,
    )


def _left(sweep: Sweep) -> float | None:
    """Estimated seconds until the sweep ends, if its runs cost the seconds that they take; else unknown."""
    counts, cost = _counts(sweep, interrupted=False), sweep.status.cost
    if cost.unit != "seconds" or not counts.finished or cost.spent <= 0:
        return None
    live = counts.running + counts.waiting
    runs = new_runs(sweep, counts.finished, live) + live / 2
    return runs * (cost.spent / counts.finished) / max(1, sweep.spec.limits.max_parallel_runs)


def _times(rows: Sequence[RunRow]) -> Iterator[RunTime]:
    for row in rows:
        if row.index is not None:
            started = next((p.start for p in reversed(row.phases) if p.phase == "training"), None)
            yield RunTime(row.ended is not None, row.seconds, parse_time(started))


def _parameters(sweep: Sweep) -> list[Parameter]:
    labels = short_labels(list(sweep.spec.parameters))
    return [page_parameter(spec.parameter(path), labels) for path, spec in sweep.spec.parameters.items()]


def page_parameter(known: searchspace.Parameter, labels: Mapping[str, str]) -> Parameter:
    """One parameter. ``labels``: short names by path."""
    when = None
    if known.when is not None:
        values = ", ".join(map(str, known.when.values))
        when = f"{labels.get(known.when.parameter, known.when.parameter)}: {values}"
    return Parameter.model_validate(
        {
            "path": known.path,
            "label": labels[known.path],
            "kind": _KINDS[known.row.kind],
            "axis": known.row.axis,
            "min": known.min,
            "max": known.max,
            "values": None if known.values is None else list(known.values),
            "mean": known.center,
            "when": when,
        }
    )


def _ranking(sweep: Sweep, rows: Sequence[RunRow]) -> list[str]:
    """Runs that reach the thresholds of spec.objectives rank before all others."""
    goal = sweep.spec.goal
    scored = [
        (not row.within, rank_key(goal, row.score, row.cost, (-1 if row.index is None else row.index, row.name)))
        for row in rows
        if row.score is not None
    ]
    return [key[-1][1] for _, key in sorted(scored)]


def _calibration(found: status.Calibration | None, what: str) -> Calibration | None:
    if found is None:
        return None
    runs = "1 run" if found.runs == 1 else f"{found.runs} runs"
    return Calibration(
        count=found.runs,
        within=round(found.coverage80 * found.runs),
        share=found.coverage80,
        text=f"The 80% intervals contain {found.coverage80:.0%} of the {what} of {runs}.",
    )
