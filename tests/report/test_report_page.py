"""The report: complete for many, one, no and only failed runs. It loads nothing and escapes all markup."""

from __future__ import annotations

import html
import re

import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.progress import CurvePoint
from sweep_operator.api.sweeprun import Prediction, SweepRun
from sweep_operator.decide.calibration import Quantity, calibration
from sweep_operator.decide.summary import ranked
from sweep_operator.report import figures
from sweep_operator.report.page import report_page
from sweep_operator.views.report_data import parameter_shares
from sweep_operator.views.report_series import best_so_far, label, parallel_axes, positions, short_labels
from tests.report.sample_sweep import T0, run_json, sample, sweep_json, with_status

SHARES = {"trainer.optimizer.learning_rate": 0.75, "trainer.batch_size": 0.25}


def plots(page: str) -> set[str]:
    return set(re.findall(r'<div id="plot-([a-z-]+)"', page))


def own_markup(page: str) -> str:
    """The page without plotly's own code, which names addresses that it fetches only for maps."""
    return re.sub(r"<script>/\*\*.*?</script>", "", page, count=1, flags=re.DOTALL)


def test_every_plot_and_every_run_is_there() -> None:
    sweep, runs = sample()
    page = report_page(sweep, runs, SHARES, "note", T0, {})
    assert plots(page) == {"score", "pareto", "importance", "parameters", "calibration-score", "calibration-cost"}
    assert all(f"<td>{run.status.run_name}</td>" in page for run in runs)
    assert page.count("<td>BadParameters</td>") == 2 * sum(r.failed for r in runs), "in both tables"
    assert "batch_size &gt; rollout" in page


def test_the_best_parameters_are_shown_in_the_form_that_the_program_takes() -> None:
    body = sweep_json()
    runs = [parse(SweepRun, run_json(body, 0, 1.0, 2.0, {"trainer.gamma": 0.97}))]
    page = html.unescape(report_page(*with_status(body, runs), SHARES, "note", T0, {}))
    assert "# @package _global_" in page
    assert "images/trainer/train.py +hardware=cpu trainer.total_timesteps=20000 trainer.gamma=0.97</pre>" in page
    template = {"command": ["python", "own.py", "$(args)"], "env": [{"name": "T", "valueFrom": {"secretKeyRef": {}}}]}
    sweep, _ = with_status(sweep_json(train=template), runs)
    page = html.unescape(report_page(sweep, runs, SHARES, "note", T0, {}))
    assert "@package" not in page
    assert "Export T first" in page
    assert "python own.py --trainer.total_timesteps=20000 --trainer.gamma=0.97</pre>" in page


@pytest.mark.parametrize("kind", ["none", "one", "failed", "one without a cost"])
def test_a_page_for_few_runs(kind: str) -> None:
    _, many = sample()
    chosen = {"none": [], "one": many[:1], "failed": [r for r in many if r.failed]}
    sweep, runs = with_status(sweep_json(), chosen.get(kind, many[:1]))
    if kind == "one without a cost":
        runs = [runs[0].with_(status=runs[0].status.with_(cost=None))]
    page = report_page(sweep, runs, *parameter_shares(sweep, runs), T0, {})
    assert page.endswith("</html>\n")
    assert "importance requires 7" in page
    expected = {"none": set(), "failed": {"score"}, "one": {"score", "pareto", "parameters"}}
    assert plots(page) == expected.get(kind, {"score", "parameters"})


def test_the_page_loads_nothing() -> None:
    sweep, runs = sample()
    page = report_page(sweep, runs, SHARES, "note", T0, {})
    assert not re.search(r"<(link|img|iframe|script)[^>]*(src|href)=", page)
    assert "http" not in own_markup(page).replace("http-equiv", "")
    assert "default-src 'none'" in page


def test_names_and_messages_are_escaped() -> None:
    hostile = "<img src=x onerror=alert(1)></script>"
    body = sweep_json(metric=hostile)
    failure = {"class": "crash", "reason": "Error", "message": hostile}
    runs = [
        parse(SweepRun, run_json(body, 0, 1.0, 2.0, {"trainer.optimizer.name": hostile})),
        parse(SweepRun, run_json(body, 1, None, None, {"trainer.optimizer.name": "adam"}, failure=failure)),
    ]
    page = own_markup(report_page(*with_status(body, runs), {}, hostile, T0, {}))
    assert "<img" not in page
    assert page.count("</script>") == page.count("<script")


def test_best_so_far_follows_the_goal() -> None:
    for goal, better in (("maximize", max), ("minimize", min)):
        sweep, runs = sample(goal=goal)
        line = best_so_far(sweep, runs)
        scores = [r.status.score for r in runs if r.status.score is not None]
        assert line == [better(scores[: i + 1]) for i in range(len(scores))]


def test_the_plotted_front_is_that_of_the_status() -> None:
    sweep, runs = sample()
    figure = figures.pareto(sweep, runs)
    assert figure is not None
    assert list(figure.data[0].x) == [p.cost for p in sweep.status.pareto]
    assert list(figure.data[0].y) == [p.score for p in sweep.status.pareto]


@pytest.mark.parametrize("quantity", ["score", "cost"])
def test_intervals_are_bars_and_the_note_counts_them(quantity: Quantity) -> None:
    sweep, runs = sample()
    figure = figures.predicted_and_observed(sweep, runs, quantity)
    assert figure is not None
    drawn = {trace.name: trace for trace in figure.data}
    held, missed = drawn["within its interval"], drawn["outside its interval"]
    for trace in (held, missed):
        inside = [
            x - minus <= y <= x + plus
            for x, y, minus, plus in zip(trace.x, trace.y, trace.error_x.arrayminus, trace.error_x.array, strict=True)
        ]
        assert set(inside) == {trace is held}
    compared = sum(r.succeeded and r.spec.origin == "model" for r in runs)
    assert len(held.x) + len(missed.x) == compared > 10
    found = calibration(runs, quantity)
    assert found is not None
    assert found.coverage80 == pytest.approx(len(held.x) / compared, abs=5e-4)
    page = report_page(sweep, runs, SHARES, "note", T0, {})
    assert f"They contain {found.coverage80:.0%} of {compared} observed {quantity}s" in page


def test_predictions_without_an_interval_are_dots() -> None:
    sweep, runs = sample()
    bare = [r.with_(spec=r.spec.with_(prediction=Prediction(score=1.0, cost=2.0))) for r in runs]
    figure = figures.predicted_and_observed(sweep, bare, "cost")
    assert figure is not None
    assert [trace.name for trace in figure.data] == ["as predicted", "run"]
    assert figure.data[1].error_x.array is None
    assert "80% intervals" not in report_page(sweep, bare, SHARES, "note", T0, {})


def test_a_huge_interval_does_not_squeeze_the_plot() -> None:
    sweep, runs = sample()
    wide = Prediction(cost=100.0, cost_low=1e-300, cost_high=1e300)
    runs = [runs[0].with_(spec=runs[0].spec.with_(prediction=wide, origin="model")), *runs[1:]]
    figure = figures.predicted_and_observed(sweep, runs, "cost")
    assert figure is not None
    low, high = figure.layout.xaxis.range
    assert high - low < 6, "decades"


def test_an_absent_parameter_has_its_own_position() -> None:
    sweep, runs = sample()
    axis = {a.label: a for a in parallel_axes(sweep, runs)}["trainer.optimizer.momentum"]
    place, word = axis.ticks[0]
    assert word == "absent"
    absent = ["trainer.optimizer.momentum" not in r.parameters for r in runs]
    assert [v == place for v in axis.values] == absent
    assert any(absent)


def test_manual_runs_come_after_the_others() -> None:
    _, runs = sample(3)
    manual = runs[0].with_(
        metadata=runs[0].metadata.with_(name="mine"), spec=runs[0].spec.with_(index=None, origin="manual")
    )
    assert positions([manual, *runs]) == {"mine": 3, "my-sweep.r.0": 0, "my-sweep.r.1": 1, "my-sweep.r.2": 2}


def test_labels_are_as_short_as_possible() -> None:
    assert short_labels(["trainer.lr", "trainer.optimizer.name", "model.name", "lr_end"]) == {
        "trainer.lr": "lr",
        "trainer.optimizer.name": "optimizer.name",
        "model.name": "model.name",
        "lr_end": "lr_end",
    }


def test_learning_curves_are_drawn_with_the_best_runs_on_top() -> None:
    sweep, runs = sample()
    assert figures.learning_curves(sweep, runs) is None
    points = [CurvePoint(step=float(n), value=None if n == 2 else n / 8, seconds=float(n)) for n in range(1, 5)]
    curved = [r.with_(status=r.status.with_(curve=points)) for r in runs]
    figure = figures.learning_curves(sweep, curved)
    assert figure is not None
    assert len(figure.data) == len(runs)
    assert list(figure.data[0].y) == [0.125, None, 0.375, 0.5]
    best = [label(r) for r in ranked(sweep, runs)[:3]]
    assert {trace.name for trace in figure.data[-3:]} == set(best)


def test_each_further_objective_has_a_plot_and_a_column() -> None:
    body = sweep_json(metric=None, objectives=[{"metric": "reward"}, {"metric": "<latency>", "threshold": 3}])
    runs = [parse(SweepRun, run_json(body, index, float(index), 2.0 + index, {})) for index in range(3)]
    runs = [r.with_(status=r.status.with_(metrics={"<latency>": 5.0 - r.status.score})) for r in runs[:2]] + runs[2:]
    sweep, runs = with_status(body, runs)
    page = report_page(sweep, runs, SHARES, "note", T0, {})
    assert "objective-" in "".join(re.findall(r'id="plot-([a-z0-9-]+)"', page))
    assert "<h2>Score against &lt;latency&gt;</h2>" in page
    assert '<th class="number">&lt;latency&gt;</th>' in page
    figure = figures.objective(sweep, runs, sweep.spec.objectives[1])
    assert figure is not None
    points = {trace.name: list(trace.x) for trace in figure.data}
    assert points == {"run": [], "on the front": [5.0, 4.0], "best": [4.0]}
    assert [shape.x0 for shape in figure.layout.shapes] == [3]
    assert figures.objective(sweep, runs[2:], sweep.spec.objectives[1]) is None
