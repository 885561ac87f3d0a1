"""The report: one HTML page around the figures, rendered by a template that escapes everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.patch import command, fixed_of, overrides, patch_text, typed_parameters
from sweep_operator.decide.calibration import Quantity, calibration
from sweep_operator.decide.summary import ranked
from sweep_operator.report import figures
from sweep_operator.views.report_series import failed_runs, label, scored_runs, short_labels
from sweep_operator.views.tables import number

_CONFIG = {"displayModeBar": False, "responsive": True}  # drag zooms, double click resets the zoom
_TEMPLATES = Environment(
    loader=PackageLoader("sweep_operator.report"),
    autoescape=True,
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class _Plot:
    title: str
    note: str
    figure: Markup | None
    empty: str
    """Shown where there is no figure."""
    wide: bool = False


@dataclass(frozen=True)
class _Cell:
    text: str
    kind: str = ""
    value: str | None = None
    """What the column sorts by, where that is not the text."""


@dataclass(frozen=True)
class _Row:
    cells: Sequence[_Cell]
    kind: str = ""


@dataclass(frozen=True)
class _Table:
    title: str
    note: str
    head: Sequence[tuple[str, str]]
    rows: Sequence[_Row]


@dataclass(frozen=True)
class _State:
    reason: str = "Pending"
    status: str = "Unknown"
    message: str = ""


@dataclass(frozen=True)
class _Best:
    run: str
    patch: str
    command: str


def report_page(
    sweep: Sweep, runs: Sequence[SweepRun], importance: Mapping[str, float], importance_note: str, now: datetime
) -> str:
    """The HTML document. ``importance`` is empty where it is unknown; the note then says why."""
    condition = find_condition(sweep.status.conditions, "Succeeded")
    created = sweep.metadata.creation_timestamp
    return _TEMPLATES.get_template("page.html").render(
        title=sweep.display_name,
        plotly_js=Markup(get_plotlyjs()),
        state=_State(condition.reason, condition.status, condition.message) if condition else _State(),
        objective=f"{sweep.spec.goal} {sweep.spec.metric or 'score'}, {len(sweep.spec.parameters)} parameters",
        created=f"{created:%Y-%m-%d %H:%M}" if created else "",
        tiles=_tiles(sweep, runs),
        plots=list(_plots(sweep, runs, importance, importance_note)),
        best=_best(sweep, runs),
        tables=list(_tables(sweep, runs)),
        written=f"{now:%Y-%m-%d %H:%M}",
    )


def _plots(
    sweep: Sweep, runs: Sequence[SweepRun], importance: Mapping[str, float], importance_note: str
) -> Iterator[_Plot]:
    yield _Plot(
        "Score over runs",
        "Each dot is a run. The line is the best score so far.",
        _html(figures.score_over_runs(sweep, runs), "score"),
        "No run has ended yet.",
        wide=True,
    )
    yield _Plot(
        "Score against cost",
        "The line connects the Pareto-optimal runs.",
        _html(figures.pareto(sweep, runs), "pareto"),
        "No run has a score and a cost yet.",
    )
    yield _Plot(
        "What matters",
        importance_note,
        _html(figures.importance(importance) if importance else None, "importance"),
        importance_note,
    )
    yield _Plot(
        "Parameters",
        "One line per run, colored by score. Drag along an axis to select runs, drag a title to reorder the axes.",
        _html(figures.parallel_coordinates(sweep, runs), "parameters"),
        "No run has a score yet.",
        wide=True,
    )
    for quantity, without_intervals in _PREDICTED.items():
        yield _Plot(
            f"Predicted and observed {quantity}",
            _fit(runs, quantity) or without_intervals,
            _html(figures.predicted_and_observed(sweep, runs, quantity), f"calibration-{quantity}"),
            "No run was predicted yet.",
        )


_PREDICTED: Mapping[Quantity, str] = {
    "score": "A run on the dotted line scored exactly as predicted.",
    "cost": "The model chooses runs by their predicted cost.",
}
"""The note below each figure where no run has a predicted interval."""


def _html(figure: go.Figure | None, name: str) -> Markup | None:
    if figure is None:
        return None
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, config=_CONFIG, div_id=f"plot-{name}"))


def _fit(runs: Sequence[SweepRun], quantity: Quantity) -> str:
    """The calibration in words; empty where no run has a predicted interval."""
    found = calibration(runs, quantity)
    if found is None:
        return ""
    return (
        f"Bars are 80% intervals. They contain {found.coverage80:.0%} of {found.runs} observed {quantity}s. A bar that "
        f"crosses the dotted line contains its run. Mean log score {number(found.mean_log_score)}; higher is better."
    )


def _tiles(sweep: Sweep, runs: Sequence[SweepRun]) -> list[tuple[str, str]]:
    best, cost = next(iter(ranked(sweep, runs)), None), sweep.status.cost
    return [
        (str(len(runs)), f"runs of {sweep.spec.limits.max_runs}"),
        (str(len(scored_runs(runs))), "succeeded"),
        (str(len(failed_runs(runs))), "failed"),
        (number(best.status.score) if best else "–", f"best, {label(best)}" if best else "best"),
        (number(best.status.cost) if best and best.status.cost is not None else "–", f"its cost in {cost.unit}"),
        (number(cost.spent), f"spent in {cost.unit}"),
    ]


def _best(sweep: Sweep, runs: Sequence[SweepRun]) -> _Best | None:
    best = next(iter(ranked(sweep, runs)), None)
    if best is None:
        return None
    name = f"{sweep.display_name}_best"
    searched, fixed = typed_parameters(sweep, best.parameters), fixed_of(sweep, best)
    patch = patch_text(name, label(best), best.status.score or 0.0, searched, fixed, cost=best.status.cost)
    return _Best(label(best), patch, command(sweep, [f"run={name}", *overrides({**fixed, **searched})]))


def _tables(sweep: Sweep, runs: Sequence[SweepRun]) -> Iterator[_Table]:
    if runs:
        paths = list(sweep.spec.parameters)
        best = next((r.name for r in ranked(sweep, runs)), None)
        names = short_labels(paths)
        head = [("run", ""), ("status", ""), ("score", "number"), ("cost", "number"), ("origin", "")]
        head += [(names[path], "number") for path in paths]
        yield _Table("Runs", "Click a column to sort.", head, [_run_row(run, paths, best) for run in runs])
    failed = failed_runs(runs)
    if failed:
        head = [("run", ""), ("stage", ""), ("class", ""), ("reason", ""), ("message", "")]
        yield _Table("Failures", f"{len(failed)} runs ended without a score.", head, [_failure_row(r) for r in failed])


def _run_row(run: SweepRun, paths: Sequence[str], best: str | None) -> _Row:
    cells = [
        _Cell(label(run)),
        _Cell(_reason(run)),
        _number_cell(run.status.score),
        _number_cell(run.status.cost),
        _Cell(run.spec.origin),
        *(_number_cell(run.parameters.get(path)) for path in paths),
    ]
    return _Row(cells, "best" if run.name == best else "failed" if run.failed else "")


def _failure_row(run: SweepRun) -> _Row:
    failure = run.status.failure
    said = (failure.stage or "", failure.class_, failure.reason) if failure else ("", "", "")
    return _Row([_Cell(label(run)), *map(_Cell, said), _Cell(failure.message if failure else "", "text")])


def _number_cell(value: object) -> _Cell:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _Cell(number(value), "number", repr(value))
    return _Cell("" if value is None else str(value), "number")


def _reason(run: SweepRun) -> str:
    if run.failed:
        return run.status.failure.reason if run.status.failure else "Failed"
    condition = find_condition(run.status.conditions, "Succeeded")
    return condition.reason if condition else "Pending"
