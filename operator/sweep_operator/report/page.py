"""The report: one HTML page around the figures, rendered by a template that escapes everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.visible_text import visible_text
from sweep_operator.config.patch import patch_usage
from sweep_operator.decide.calibration import calibration
from sweep_operator.decide.summary import ranked
from sweep_operator.report import figures
from sweep_operator.views.best_params import patch_of, yaml_of
from sweep_operator.views.figures import number
from sweep_operator.views.progress import run_state
from sweep_operator.views.report_series import failed_runs, label, pruned_runs, scored_runs, short_labels
from sweep_operator.views.tables import early_stopping_line
from sweep_operator.views.training_command import Templates, takes_overrides, training_command

_CONFIG = {"displayModeBar": False, "responsive": True}  # drag zooms, double click resets the zoom
_TEMPLATES = Environment(
    loader=PackageLoader("sweep_operator.report"),
    autoescape=True,
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    finalize=lambda value: visible_text(value) if type(value) is str else value,  # not Markup: it is the page's own
)
_TEMPLATES.globals |= {
    "number": number, "label": label, "run_state": run_state,
    "patch_of": patch_of, "patch_usage": patch_usage, "takes_overrides": takes_overrides, "yaml_of": yaml_of,
}  # fmt: skip


def report_page(
    sweep: Sweep,
    runs: Sequence[SweepRun],
    importance: Mapping[str, float],
    importance_note: str,
    now: datetime,
    templates: Templates,
) -> str:
    """The HTML document. ``importance`` is empty where it is unknown; the note then says why."""
    drawn = {
        "score": figures.score_over_runs(sweep, runs),
        "curves": figures.learning_curves(sweep, runs),
        "pareto": figures.pareto(sweep, runs),
        "importance": figures.importance(importance),
        "parameters": figures.parallel_coordinates(sweep, runs),
        "calibration-score": figures.predicted_and_observed(sweep, runs, "score"),
        "calibration-cost": figures.predicted_and_observed(sweep, runs, "cost"),
    }
    others = sweep.spec.objectives[1:]
    drawn |= {f"objective-{place}": figures.objective(sweep, runs, other) for place, other in enumerate(others)}
    best = next(iter(ranked(sweep, runs)), None)
    again = training_command(sweep, best, templates, f"{sweep.display_name}_best") if best else None
    return _TEMPLATES.get_template("page.html").render(
        sweep=sweep,
        runs=runs,
        scored=scored_runs(runs),
        failed=failed_runs(runs),
        pruned=pruned_runs(runs),
        stopped=early_stopping_line(sweep.to_json()),
        best=best,
        again=again,
        interrupted=find_condition(sweep.status.conditions, "Interrupted"),
        condition=find_condition(sweep.status.conditions, "Succeeded"),
        others=others,
        short_names=short_labels(list(sweep.spec.parameters)),
        figures={name: _html(figure, name) for name, figure in drawn.items()},
        importance_note=importance_note,
        score_calibration=calibration(runs, "score"),
        cost_calibration=calibration(runs, "cost"),
        plotly_js=Markup(get_plotlyjs()),
        now=now,
    )


def _html(figure: go.Figure | None, name: str) -> Markup | None:
    if figure is None:
        return None
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, config=_CONFIG, div_id=f"plot-{name}"))
