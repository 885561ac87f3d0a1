"""The plots. Each function returns a figure, or None if the runs have no data for it."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import plotly.graph_objects as go

from sweep_operator.api.sweep import Objective, Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.visible_text import visible_text
from sweep_operator.decide.calibration import Quantity, compared
from sweep_operator.decide.summary import ranked, totals
from sweep_operator.report.style import ACCENT, BAD, FONT, GOLD, GOOD, GRID, INK, MUTED, SOFT
from sweep_operator.views.report_series import (
    best_so_far,
    failed_runs,
    label,
    parallel_axes,
    positions,
    pruned_runs,
    scored_runs,
    short_labels,
)  # fmt: skip

_SCALE = "Viridis"
_START_UP = ("center", "random", "sobol")
"""Origins of runs that the model did not suggest."""


def score_over_runs(sweep: Sweep, runs: Sequence[SweepRun]) -> go.Figure | None:
    """Observed scores by index, the best so far as a step line, failed and pruned runs at the lower edge."""
    scored, place = scored_runs(runs), positions(runs)
    unscored = (("failed", failed_runs(runs), BAD), ("pruned", pruned_runs(runs), MUTED))
    if not scored and not any(group for _, group, _ in unscored):
        return None
    figure = _figure("run", _score_title(sweep))
    x = [place[r.name] for r in scored]
    if scored:
        best = best_so_far(sweep, runs)
        order = sorted(range(len(x)), key=lambda i: x[i])
        _steps(figure, [x[i] for i in order], [best[i] for i in order], "best so far")
        for start_up, name, color in ((True, "start-up", SOFT), (False, "suggested", ACCENT)):
            chosen = [r for r in scored if (r.spec.origin in _START_UP) == start_up]
            _dots(figure, chosen, [place[r.name] for r in chosen], [r.status.score for r in chosen], name, color)
    scores = [r.status.score or 0.0 for r in scored] or [0.0]
    floor = min(scores) - 0.06 * ((max(scores) - min(scores)) or 1.0)
    for name, group, color in unscored:
        if group:
            cross = {"symbol": "x-thin", "line": {"color": color, "width": 2}}
            _dots(figure, group, [place[r.name] for r in group], [floor] * len(group), name, color, marker=cross)
    if not scored:
        figure.update_yaxes(showticklabels=False, showgrid=False, ticks="")
    _mark_best(figure, sweep, runs, lambda run: place[run.name])
    if sweep.spec.target is not None:
        figure.add_hline(
            y=sweep.spec.target, line={"color": MUTED, "dash": "dot", "width": 1}, annotation_text="target"
        )
    return figure


def pareto(sweep: Sweep, runs: Sequence[SweepRun]) -> go.Figure | None:
    """Score against cost, with cost on a log axis. The line connects the Pareto-optimal runs."""
    costed = [r for r in scored_runs(runs) if r.status.cost is not None and r.status.cost > 0]
    if not costed:
        return None
    front = [p for p in totals(sweep, runs).pareto() if p.cost > 0]
    figure = _figure(f"cost ({sweep.status.cost.unit})", _score_title(sweep))
    figure.update_xaxes(**_log_axis([r.status.cost for r in costed if r.status.cost]))
    if len(sweep.spec.objectives) < 2:
        _steps(figure, [p.cost for p in front], [p.score for p in front], "Pareto front")
    _front_dots(figure, costed, {p.run for p in front}, lambda run: run.status.cost)
    _mark_best(figure, sweep, costed, lambda run: run.status.cost)
    return figure


def learning_curves(sweep: Sweep, runs: Sequence[SweepRun]) -> go.Figure | None:
    """The reported value by step, one line per run. The runs with the best scores are colored."""
    drawn = [r for r in runs if len(r.status.curve) > 1]
    if not drawn:
        return None
    figure = _figure("step", _score_title(sweep))
    best = {r.name: color for r, color in zip(ranked(sweep, drawn), (GOLD, GOOD, ACCENT), strict=False)}
    for run in sorted(drawn, key=lambda r: r.name in best):
        points, color = run.status.curve, best.get(run.name, SOFT)
        figure.add_scatter(
            x=[p.step for p in points], y=[p.value for p in points], mode="lines", name=_plain(label(run)),
            line={"color": color, "width": 2 if run.name in best else 1}, showlegend=run.name in best,
            text=[f"<b>{_plain(label(run))}</b><br>step {p.step:g}, {p.seconds:.4g} s" for p in points],
            hovertemplate="%{text}<br>%{y:.5g}<extra></extra>",
        )  # fmt: skip
    return figure


def objective(sweep: Sweep, runs: Sequence[SweepRun], of: Objective) -> go.Figure | None:
    """Score against another objective, with its threshold."""
    known = [r for r in scored_runs(runs) if of.metric in r.status.metrics]
    if not known:
        return None
    figure = _figure(f"{of.metric} ({of.goal})", _score_title(sweep))
    _front_dots(figure, known, {p.run for p in totals(sweep, runs).pareto()}, lambda run: run.status.metrics[of.metric])
    _mark_best(figure, sweep, known, lambda run: run.status.metrics[of.metric])
    if of.threshold is not None:
        line = {"color": MUTED, "dash": "dot", "width": 1}
        figure.add_vline(x=of.threshold, line=line, annotation_text="threshold")
    return figure


def _front_dots(
    figure: go.Figure, runs: Sequence[SweepRun], front: Set[str], x: Callable[[SweepRun], float | None]
) -> None:
    """The runs at ``x`` and their score; those of the Pareto front have a color of their own."""
    for optimal, name, color in ((False, "run", SOFT), (True, "on the front", GOOD)):
        chosen = [r for r in runs if (r.name in front) == optimal]
        _dots(figure, chosen, [x(r) for r in chosen], [r.status.score for r in chosen], name, color)


def parallel_coordinates(sweep: Sweep, runs: Sequence[SweepRun]) -> go.Figure | None:
    """Every scored run as a line through its parameters, colored by score. The brightest line is the best run."""
    # Lines are drawn in this order, so the best ones are on top.
    scored = ranked(sweep, runs)[::-1]
    if not scored:
        return None
    scores = [r.status.score or 0.0 for r in scored]
    names = short_labels(list(sweep.spec.parameters))
    dimensions = [
        {
            "label": _plain(names[axis.label]), "values": axis.values, "range": list(axis.range),
            "tickvals": [t for t, _ in axis.ticks], "ticktext": [_plain(word) for _, word in axis.ticks],
        }
        for axis in parallel_axes(sweep, scored)
    ]  # fmt: skip
    low, high = min(scores), max(scores)
    span = [low, high] if high > low else [low - 0.5, high + 0.5]
    title = _plain(sweep.spec.metric or "score")
    dimensions.append({"label": title, "values": scores, "range": span})
    line = {
        "color": scores, "colorscale": _SCALE, "cmin": span[0], "cmax": span[1], "showscale": True,
        "reversescale": sweep.spec.goal == "minimize", "colorbar": {"thickness": 12, "outlinewidth": 0, "len": 1.0},
    }  # fmt: skip
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line, labelfont={"size": 13}))
    figure.update_layout(
        height=420, margin={"l": 70, "r": 40, "t": 60, "b": 24}, font={"family": FONT, "size": 12, "color": INK}
    )
    return figure


def importance(shares: Mapping[str, float]) -> go.Figure | None:
    """Each parameter's share of the variance of the predicted score, largest first."""
    if not shares:
        return None
    items = sorted(shares.items(), key=lambda item: item[1])
    names = short_labels(list(shares))
    figure = _figure("share of the predicted score's variance", "")
    figure.add_bar(
        x=[share for _, share in items], y=[_plain(names[path]) for path, _ in items], orientation="h",
        marker={"color": ACCENT}, text=[f"{share:.0%}" for _, share in items], textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(height=max(360, 30 * len(items) + 90), showlegend=False, bargap=0.35)
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(showgrid=False, automargin=True)
    return figure


def predicted_and_observed(sweep: Sweep, runs: Sequence[SweepRun], quantity: Quantity) -> go.Figure | None:
    """Predicted against observed values, with the prediction's 80% interval as a bar.

    A bar that crosses the dotted line contains the observed value.
    """
    pairs = [(getattr(r.spec.prediction, quantity, None), getattr(r.status, quantity), r) for r in scored_runs(runs)]
    known = [
        (p, o, r) for p, o, r in pairs if p is not None and o is not None and (quantity == "score" or min(p, o) > 0)
    ]
    if not known:
        return None
    figure = _figure(f"predicted {quantity}", f"observed {quantity}")
    ends = [min(min(p, o) for p, o, _ in known), max(max(p, o) for p, o, _ in known)]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="as predicted", hoverinfo="skip",
        line={"color": MUTED, "width": 1, "dash": "dot"},
    )  # fmt: skip
    bars = {r.name: compared(r, quantity) for _, _, r in known}
    for contained, name in ((None, "run"), (True, "within its interval"), (False, "outside its interval")):
        chosen = [row for row in known if _contained(bars[row[2].name]) is contained]
        if chosen:
            marker = {"symbol": "circle-open", "line": {"color": ACCENT, "width": 1}} if contained is False else {}
            _dots(
                figure, [r for _, _, r in chosen], [p for p, _, _ in chosen], [o for _, o, _ in chosen], name, ACCENT,
                text=[_hover(r) + _expected(p, bars[r.name]) for p, _, r in chosen],
                error_x=_error_bars([(p, bars[r.name]) for p, _, r in chosen]), marker=marker,
            )  # fmt: skip
    if quantity == "cost":
        figure.update_xaxes(**_log_axis(_within_reach([p for p, _, _ in known], [b for b in bars.values() if b])))
        figure.update_yaxes(**_log_axis([o for _, o, _ in known]))
    return figure


def _contained(bar: tuple[float, float, float] | None) -> bool | None:
    return None if bar is None else bar[0] <= bar[2] <= bar[1]


def _expected(predicted: float, bar: tuple[float, float, float] | None) -> str:
    return f"<br>predicted {predicted:.4g}" + (f" ({bar[0]:.4g} to {bar[1]:.4g})" if bar else "")


def _error_bars(rows: Sequence[tuple[float, tuple[float, float, float] | None]]) -> dict[str, Any] | None:
    """From each prediction to the ends of its interval; None if no row has an interval."""
    if all(bar is None for _, bar in rows):
        return None
    return {
        "type": "data", "symmetric": False, "color": SOFT, "thickness": 1, "width": 0,
        "array": [bar[1] - p if bar else 0.0 for p, bar in rows],
        "arrayminus": [p - bar[0] if bar else 0.0 for p, bar in rows],
    }  # fmt: skip


def _within_reach(points: Sequence[float], bars: Sequence[tuple[float, float, float]]) -> list[float]:
    """Points and ends of bars, these at most a decade beyond the points: a long bar does not squeeze the points."""
    low, high = min(points) / 10, max(points) * 10
    return [*points, *(min(max(end, low), high) for bar in bars for end in bar[:2])]


def _mark_best(
    figure: go.Figure, sweep: Sweep, runs: Sequence[SweepRun], x: Callable[[SweepRun], float | None]
) -> None:
    best = next(iter(ranked(sweep, runs)), None)
    if best is not None:
        figure.add_scatter(
            x=[x(best)], y=[best.status.score], mode="markers", name="best", hoverinfo="skip",
            marker={"color": GOLD, "size": 15, "symbol": "star", "line": {"color": "white", "width": 1}},
        )  # fmt: skip


def _steps(figure: go.Figure, x: Sequence[float], y: Sequence[float], name: str) -> None:
    line = {"color": GOOD, "width": 2, "shape": "hv"}
    figure.add_scatter(x=x, y=y, mode="lines", name=name, line=line, hoverinfo="skip")


def _dots(
    figure: go.Figure, runs: Sequence[SweepRun], x: Sequence[Any], y: Sequence[Any], name: str, color: str, **more: Any
) -> None:
    """One marker per run, which shows the run's data when the pointer is on it."""
    marker = {"color": color, "size": 9, "line": {"color": "white", "width": 1}, **more.pop("marker", {})}
    text = more.pop("text", [_hover(r) for r in runs])
    figure.add_scatter(
        x=x, y=y, mode="markers", name=name, text=text, hovertemplate="%{text}<extra></extra>", marker=marker, **more
    )


def _figure(x_title: str, y_title: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=360, margin={"l": 56, "r": 16, "t": 28, "b": 48}, paper_bgcolor="white", plot_bgcolor="white",
        font={"family": FONT, "size": 12, "color": INK}, hoverlabel={"align": "left"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    axis = {"gridcolor": GRID, "zeroline": False, "linecolor": SOFT, "ticks": "outside", "tickcolor": SOFT}
    figure.update_xaxes(title=_plain(x_title), **axis)
    figure.update_yaxes(title=_plain(y_title), **axis)
    return figure


def _score_title(sweep: Sweep) -> str:
    return f"{sweep.spec.metric or 'score'} ({sweep.spec.goal})"


def _log_axis(values: Sequence[float]) -> dict[str, Any]:
    """A log axis with ticks at 1, 2 and 5 of each decade, or only at 1 over more than three decades."""
    low, high = math.log10(min(values)), math.log10(max(values))
    pad = max(0.06 * (high - low), 0.05)
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    marks = [m * 10.0**e for e in range(math.floor(low) - 1, math.ceil(high) + 1) for m in steps]
    shown = [m for m in marks if low - pad <= math.log10(m) <= high + pad]
    if len(shown) < 2:
        shown = [10 ** (low - pad + (high - low + 2 * pad) * i / 4) for i in (1, 2, 3)]
    return {
        "type": "log", "range": [low - pad, high + pad], "tickvals": shown, "ticktext": [f"{m:.4g}" for m in shown],
    }  # fmt: skip


def _hover(run: SweepRun) -> str:
    lines = [f"<b>{_plain(label(run))}</b> ({run.spec.origin})"]
    if run.status.score is not None:
        lines.append(f"score {run.status.score:.5g}")
    if run.status.cost is not None:
        lines.append(f"cost {run.status.cost:.4g}")
    if run.status.failure is not None:
        lines.append(_plain(f"{run.status.failure.class_}: {run.status.failure.reason}"))
    lines += [_plain(f"{path} = {_short(value)}") for path, value in sorted(run.parameters.items())[:16]]
    return "<br>".join(lines)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    """``text`` in a label of plotly, which interprets some HTML."""
    return html.escape(visible_text(text))
