"""The page around the figures."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from sweep_operator.api.meta import find_condition
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.config.patch import command, fixed_of, overrides, patch_text, typed_parameters
from sweep_operator.decide.calibration import Quantity, calibration
from sweep_operator.decide.summary import ranked
from sweep_operator.report import figures
from sweep_operator.report.style import CSS, SORT_SCRIPT
from sweep_operator.views.report_series import failed_runs, label, scored_runs, short_labels
from sweep_operator.views.tables import number

_CONFIG = {"displayModeBar": False, "responsive": True}  # drag zooms, double click zooms back


def report_page(
    sweep: Sweep, runs: Sequence[SweepRun], importance: Mapping[str, float], importance_note: str, now: datetime
) -> str:
    """The whole document. ``importance`` is empty where it cannot be told; the note then says why."""
    scored = scored_runs(runs)
    sections = [
        _plot("Score over runs", "Each dot is a run; the line is the best score so far.",
              figures.score_over_runs(sweep, runs), "No run has ended yet.", "score", wide=True),
        _plot("Score against cost", "The line joins the runs than which none is better and cheaper.",
              figures.pareto(sweep, runs), "No run has a score and a cost yet.", "pareto"),
        _plot("What matters", importance_note, figures.importance(importance) if importance else None,
              importance_note, "importance"),
        _plot("Parameters", "A line per run, colored by score. Drag along an axis to select, a title to reorder.",
              figures.parallel_coordinates(sweep, runs), "No run has a score yet.", "parameters", wide=True),
        _plot("Predicted and observed score",
              _fit(runs, "score") or "On the dotted line: exactly as the model expected.",
              figures.predicted_and_observed(sweep, runs, "score"), "No run was predicted yet.", "calibration-score"),
        _plot("Predicted and observed cost",
              _fit(runs, "cost") or "The model bids for runs by what it expects them to cost.",
              figures.predicted_and_observed(sweep, runs, "cost"), "No run was predicted yet.", "calibration-cost"),
        _best(sweep, runs),
        _runs_table(sweep, runs),
        _failures(runs),
    ]  # fmt: skip
    title = html.escape(sweep.display_name)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title} · sweep report</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Said to the browser too: this page fetches nothing.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline' 'unsafe-eval'; img-src data: blob:; font-src data:\">\n"
        f"<style>{CSS}</style><script>{get_plotlyjs()}</script></head>\n<body><main>\n"
        f"{_header(sweep, now)}{_tiles(sweep, runs, scored)}"
        f'<div class="grid">{"".join(s for s in sections if s)}</div>\n'
        f"<footer>Written {now:%Y-%m-%d %H:%M} UTC by sweep report.</footer>\n"
        f"</main><script>{SORT_SCRIPT}</script></body></html>\n"
    )


def _header(sweep: Sweep, now: datetime) -> str:
    condition = find_condition(sweep.status.conditions, "Succeeded")
    reason, status = (condition.reason, condition.status) if condition else ("Pending", "Unknown")
    message = f" {html.escape(condition.message)}" if condition and condition.message else ""
    created = sweep.metadata.creation_timestamp
    since = f"Created {created:%Y-%m-%d %H:%M} UTC." if created else ""
    objective = html.escape(
        f"{sweep.spec.goal} {sweep.spec.metric or 'score'}, {len(sweep.spec.parameters)} parameters"
    )
    return (
        f"<header><h1>{html.escape(sweep.display_name)}"
        f'<span class="status {status.lower()}">{html.escape(reason)}</span></h1>'
        f"<p>{objective}. {since}{message}</p></header>\n"
    )


def _tiles(sweep: Sweep, runs: Sequence[SweepRun], scored: Sequence[SweepRun]) -> str:
    failed, best = failed_runs(runs), next(iter(ranked(sweep, runs)), None)
    cost = sweep.status.cost
    tiles = [
        (str(len(runs)), f"runs of {sweep.spec.limits.max_runs}"),
        (str(len(scored)), "succeeded"),
        (str(len(failed)), "failed"),
        (number(best.status.score) if best else "–", f"best, {label(best)}" if best else "best"),
        (number(best.status.cost) if best and best.status.cost is not None else "–", f"its cost in {cost.unit}"),
        (number(cost.spent), f"spent in {cost.unit}"),
    ]
    cells = "".join(f'<div class="tile"><b>{html.escape(v)}</b><span>{html.escape(t)}</span></div>' for v, t in tiles)
    return f'<div class="tiles">{cells}</div>\n'


def _plot(title: str, note: str, figure: go.Figure | None, empty: str, id_: str, *, wide: bool = False) -> str:
    if figure is None:
        body = f'<p class="empty">{html.escape(empty)}</p>'
        note = ""
    else:
        body = figure.to_html(full_html=False, include_plotlyjs=False, config=_CONFIG, div_id=f"plot-{id_}")
    return _section(title, note, body, wide=wide)


def _fit(runs: Sequence[SweepRun], quantity: Quantity) -> str:
    """The calibration in words; empty where no run says an interval."""
    found = calibration(runs, quantity)
    if found is None:
        return ""
    return (
        f"Bars are 80% intervals: they hold {found.coverage80:.0%} of {found.runs} observed {quantity}s. A bar that "
        f"crosses the dotted line holds its run. Mean log score {number(found.mean_log_score)}; higher is better."
    )


def _best(sweep: Sweep, runs: Sequence[SweepRun]) -> str:
    best = next(iter(ranked(sweep, runs)), None)
    if best is None:
        return ""
    name = f"{sweep.display_name}_best"
    searched, fixed = typed_parameters(sweep, best.parameters), fixed_of(sweep, best)
    text = patch_text(name, label(best), best.status.score or 0.0, searched, fixed, cost=best.status.cost)
    train = command(sweep, [f"run={name}", *overrides({**fixed, **searched})])
    body = f"<pre>{html.escape(text)}</pre><p class=note></p><pre>{html.escape(train)}</pre>"
    note = f"Of {label(best)}. Written as a patch by: sweep best-params sweep_run={sweep.display_name}"
    return _section("Best parameters", note, body, wide=True)


def _runs_table(sweep: Sweep, runs: Sequence[SweepRun]) -> str:
    if not runs:
        return ""
    paths = list(sweep.spec.parameters)
    best = next((r.name for r in ranked(sweep, runs)), None)
    head = [("run", ""), ("status", ""), ("score", "number"), ("cost", "number"), ("origin", "")]
    names = short_labels(paths)
    head += [(names[path], "number") for path in paths]
    rows = []
    for run in runs:
        cells = [
            _cell(label(run)), _cell(_state(run)), _number_cell(run.status.score), _number_cell(run.status.cost),
            _cell(run.spec.origin), *(_number_cell(run.parameters.get(p)) for p in paths),
        ]  # fmt: skip
        kind = "best" if run.name == best else "failed" if run.failed else ""
        rows.append(f'<tr class="{kind}">{"".join(cells)}</tr>')
    return _section("Runs", "Click a column to sort.", _table(head, rows), wide=True)


def _failures(runs: Sequence[SweepRun]) -> str:
    failed = [(r, r.status.failure) for r in failed_runs(runs)]
    if not failed:
        return ""
    rows = [
        "<tr>" + _cell(label(r)) + _cell((f.stage or "") if f else "") + _cell(f.class_ if f else "")
        + _cell(f.reason if f else "") + f'<td class="text">{html.escape(f.message if f else "")}</td></tr>'
        for r, f in failed
    ]  # fmt: skip
    head = [("run", ""), ("stage", ""), ("class", ""), ("reason", ""), ("message", "")]
    return _section("Failures", f"{len(failed)} runs ended without a score.", _table(head, rows), wide=True)


def _section(title: str, note: str, body: str, *, wide: bool) -> str:
    said = f'<p class="note">{html.escape(note)}</p>' if note else ""
    return f"<section{' class=wide' if wide else ''}><h2>{html.escape(title)}</h2>{said}{body}</section>\n"


def _table(head: Sequence[tuple[str, str]], rows: Sequence[str]) -> str:
    cells = "".join(f'<th class="{kind}">{html.escape(name)}</th>' for name, kind in head)
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    return f"<td>{html.escape(text)}</td>"


def _number_cell(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'<td class="number" data-value="{value!r}">{html.escape(number(value))}</td>'
    return f'<td class="number">{"" if value is None else html.escape(str(value))}</td>'


def _state(run: SweepRun) -> str:
    if run.failed:
        return run.status.failure.reason if run.status.failure else "Failed"
    condition = find_condition(run.status.conditions, "Succeeded")
    return condition.reason if condition else "Pending"
