"""The live view: runs, best run, Pareto front, cost and estimated time remaining."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.views.live import LineView, TableView, dashboard, event_line
from sweep_operator.views.progress import eta_seconds, shown_runs, stage, stop_reason, versus
from tests.cli.stored_sweeps import T0, manifest

NOW = T0 + timedelta(seconds=300)


def condition(type_: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    return {
        "type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": T0.isoformat(),
    }  # fmt: skip


def run(index: int, reason: str = "Completed", status: str = "True", **fields: Any) -> SweepRun:
    prediction = fields.pop("prediction", None)
    spec: dict[str, Any] = {"sweepName": "s", "index": index, "origin": "model", "parameters": {"x": 1.0}}
    if prediction:
        spec["prediction"] = prediction
    body = {
        "metadata": {"name": f"s.r.{index}", "creationTimestamp": T0.isoformat()},
        "spec": spec,
        "status": {"conditions": [condition("Succeeded", status, reason)], **fields},
    }
    return parse(SweepRun, body)


def sweep(status: dict[str, Any] | None = None, **spec: Any) -> Sweep:
    return parse(Sweep, {**manifest("s", **spec), "status": status or {}})


def text(renderable: Any, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, height=40, force_terminal=False)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (run(0, score=1.0), "done"),
        (run(0, "Training", "Unknown", train={"attempt": 1}), "train"),
        (run(0, "Training", "Unknown", train={"attempt": 2}), "train (attempt 2)"),
        (run(0, "Evaluating", "Unknown", train={"attempt": 3}, eval={"attempt": 1}), "eval"),
        (run(0, "WaitingForSlot", "Unknown"), "WaitingForSlot"),
        (run(0, "X", "False", failure={"class": "crash", "reason": "ExitCode1"}), "ExitCode1"),
    ],
)
def test_stages(made: SweepRun, said: str) -> None:
    assert stage(made) == said


def test_predicted_and_actual() -> None:
    assert versus(480.0, 487.31) == "480 → 487.3"
    assert versus(480.0, None) == "480 →"
    assert versus(None, 487.31) == "487.3"
    assert versus(None, None) == ""


def test_the_dashboard_has_everything() -> None:
    status = {
        "runs": {"created": 3, "succeeded": 2, "running": 1},
        "cost": {"spent": 65.0, "wasted": 5.0, "unit": "seconds"},
        "best": [{"run": "s.r.1", "score": 487.31, "cost": 40.0}],
        "pareto": [{"run": "s.r.0", "score": 300.0, "cost": 20.0}, {"run": "s.r.1", "score": 487.31, "cost": 40.0}],
    }
    runs = [
        run(0, score=300.0, cost=20.0, train={"seconds": 20.0}),
        run(1, score=487.31, cost=40.0, prediction={"score": 450.0, "cost": 35.0}, train={"seconds": 40.0}),
        run(2, "Training", "Unknown", prediction={"score": 490.0, "cost": 30.0}, train={"attempt": 1}),
    ]
    shown = text(dashboard(sweep(status, limits={"maxRuns": 12, "maxParallelRuns": 2}), runs, NOW, 20, 120))
    for part in (
        "2 of 12 runs", "RUN", "STAGE", "SCORE", "COST", "ORIGIN", "TIME", "★", "◆", "450.0 → 487.3", "490.0 →",
        "Best    s.r.1  score 487.3  cost 40", "Front   300.0 at 20 · 487.3 at 40", "Spent   65 seconds (5 wasted)",
        "train", "about 2m remaining", "model", "5m", "40s",
    ):  # fmt: skip
        assert part in shown


@pytest.mark.parametrize(
    ("width", "columns"),
    [(24, "RUN STAGE SCORE"), (36, "RUN STAGE SCORE COST TIME"), (80, "RUN STAGE SCORE COST ORIGIN TIME lr width")],
)
def test_the_table_has_the_columns_that_fit(width: int, columns: str) -> None:
    parameters = {
        "net.lr": {"distribution": "uniform", "min": 0, "max": 1},
        "net.width": {"distribution": "uniform_pow2", "min": 16, "max": 1024},
    }
    runs = [run(n, score=0.9991 + n / 1e4, cost=20.0, parameters={"net.lr": 0.1, "net.width": 64}) for n in range(3)]
    lines = text(dashboard(sweep(parameters=parameters), runs, NOW, 20, width), width).splitlines()
    (head,) = (line for line in lines if "RUN" in line)
    assert head.split() == columns.split()
    assert not [line for line in lines if "…" in line], "nothing is cut"


def test_the_end_and_problems_are_shown() -> None:
    ended = {"conditions": [condition("Succeeded", "False", "TooManyConsecutiveFailures", "3 in a row")]}
    assert stop_reason(sweep(ended)) == "TooManyConsecutiveFailures: 3 in a row"
    assert "Ended   TooManyConsecutiveFailures: 3 in a row" in text(dashboard(sweep(ended), [], NOW, 20, 120))
    sick = {"conditions": [condition("OptimizerHealthy", "False", "Fallback", "no fit")]}
    assert "Fallback: no fit" in text(dashboard(sweep(sick), [], NOW, 20, 120))
    assert stop_reason(sweep({"conditions": [condition("Succeeded", "Unknown", "Running")]})) == ""


def test_a_small_window_shows_the_best_the_active_and_the_newest_runs() -> None:
    runs = [run(i, score=float(i == 3)) for i in range(30)]
    runs[10] = run(10, "Training", "Unknown")
    assert [r.spec.index for r in shown_runs(runs, "s.r.3", 5)] == [3, 10, 27, 28, 29]
    assert "… and 25 earlier runs" in text(dashboard(sweep(), runs, NOW, 5, 120))
    assert shown_runs(runs[:5], None, 5) == runs[:5]


def test_estimated_time_remaining() -> None:
    limits = {"maxRuns": 6, "maxParallelRuns": 2}
    took = [run(i, score=1.0, train={"seconds": 60.0}, eval={"seconds": 40.0}) for i in range(2)]
    assert eta_seconds(sweep(limits=limits), took, NOW) == 200.0
    half = run(2, "Training", "Unknown", train={"attempt": 1, "startTime": (NOW - timedelta(seconds=50)).isoformat()})
    assert eta_seconds(sweep(limits=limits), [*took, half], NOW) == 175.0
    assert eta_seconds(sweep(limits=limits), [], NOW) is None
    assert eta_seconds(sweep(limits={"maxRuns": 2}), took, NOW) is None
    spent = {"cost": {"spent": 200.0, "wasted": 0.0, "unit": "seconds"}}
    assert eta_seconds(sweep(spent, limits={**limits, "totalCost": 350}), took, NOW) == 75.0, "for one and a half runs"


EVENT = {
    "type": "Warning", "reason": "RunFailed", "message": "crash: ExitCode1", "involvedObject": {"name": "s.r.1"},
    "lastTimestamp": "2026-03-01T09:12:13Z",
}  # fmt: skip


def test_line_view_writes_one_line_per_event() -> None:
    assert event_line(EVENT) == "09:12:13 s.r.1 RunFailed: crash: ExitCode1"
    lines: list[str] = []
    view = LineView(lines.append)
    view.show(sweep(), [], [EVENT])
    view.show(sweep(), [], [])
    view.say("stopping")
    assert lines == ["09:12:13 s.r.1 RunFailed: crash: ExitCode1", "stopping"]


def test_table_view_keeps_warnings_and_the_last_table() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, height=30, force_terminal=True, legacy_windows=False)
    clock: list[datetime] = [NOW]
    view = TableView(console, lambda: clock[0])
    view.show(sweep(), [run(0, "Training", "Unknown")], [EVENT])
    view.show(sweep(), [run(0, score=2.5)], [])
    view.say("Stopping")
    view.close()
    shown = out.getvalue()
    assert shown.count("RunFailed") == 1
    assert shown.rindex("done") > shown.rindex("train")
    assert "Stopping" in shown


CURVE = [{"step": step, "value": value, "seconds": step} for step, value in ((1, 0.0), (2, 7.0), (4, None), (8, 3.5))]
PROGRESS = {
    "stage": "train", "attempt": 1, "summary": "8%", "step": 8.0, "fraction": 0.08, "value": 3.5, "seconds": 8.0,
    "etaSeconds": 400, "updateTime": NOW.isoformat(),
}  # fmt: skip


def test_running_runs_show_progress_and_a_curve() -> None:
    curve = [{k: v for k, v in point.items() if v is not None} for point in CURVE]
    running = run(0, "Training", "Unknown", train={"attempt": 1}, progress=PROGRESS, curve=curve)
    over = run(1, score=1.0, progress={**PROGRESS, "summary": "100%"}, curve=curve)
    out = text(dashboard(sweep(), [running, over, run(2, score=2.0)], NOW + timedelta(seconds=100), 10, 120))
    header, first, second, third = out.splitlines()[1:5]
    assert "PROGRESS" in header
    assert "ETA" in header
    assert "8% ▁█ ▅" in first
    assert "5m" in first, "400 s less 100 s"
    assert "▁█ ▅" in second
    assert "100%" not in second
    assert "▁" not in third
    assert "PROGRESS" not in text(dashboard(sweep(), [run(2, score=2.0)], NOW, 10, 120))
