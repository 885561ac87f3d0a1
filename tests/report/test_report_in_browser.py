"""The report in headless Chromium: every tab is drawn, and the page sends no requests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sweep_operator.api.errors import parse
from sweep_operator.api.model import JsonObject, Model
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.report.bundle import read_bundle
from sweep_operator.report.data import RunRecords, report_data
from sweep_operator.report.page import report_page
from sweep_operator.views.page.explanations import Importance, Why
from sweep_operator.views.page.run_models import LogEnd
from tests.page_samples import big_sweep, hostile_sweep
from tests.report.sample_sweep import T0, run_json, sweep_json, with_status

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"),
    reason="no Chromium here: apt-get install chromium to see the report drawn (with CI=true this is a failure)",
)


def opened(page: Path, tmp_path: Path, fragment: str = "") -> tuple[str, set[str]]:
    """The rendered document, and the initiators of requests: "not an origin" is the browser itself, never a page.

    Fails if the browser's console has a message of the page, such as a refused script.
    """
    assert CHROMIUM is not None, "CI needs Chromium: apt-get install chromium"
    log = tmp_path / "net.json"
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=10000", "--window-size=1320,3600",
        "--enable-logging=stderr", "--dump-dom", page.as_uri() + fragment,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    assert "CONSOLE" not in done.stderr, done.stderr
    document = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    return document, set(re.findall(r'"initiator":"([^"]*)"', log.read_text()))


def answer(found: Model) -> JsonObject:
    return found.model_dump(mode="json", by_alias=True)


@needs_chromium
@pytest.mark.parametrize(
    ("tab", "shown"),
    [
        ("", ["History", "Score and cost", "Best configuration", "failed: 2 parameters", 'aria-rowcount="61"']),
        ("/curves", ["Learning curves"]),
        ("/model", ["Importance of the parameters", "75%", "results lie within their 80% interval"]),
        ("/timeline", ["retrying", "training"]),
        ("/money", ["Where the cost went", "wasted: preempted"]),
        (
            "/r/my-sweep.r.3",
            ["images/trainer/train.py", "preempted", "the end &lt;b&gt;", "sweep logs my_sweep.r.3", "ErrImagePull"],
        ),
        (
            "/r/my-sweep.r.7",
            ["does not contain the log", "sweep logs my_sweep.r.7", "sweep explain my_sweep my_sweep.r.7"],
        ),
        ("/r/my-sweep.r.10", ["It is near the best run."]),
    ],
)
def test_every_tab_is_drawn_without_a_network(tab: str, shown: list[str], tmp_path: Path) -> None:
    sweep, runs = big_sweep(60)
    shares = Importance(shares={"trainer.batch_size": 0.75, "trainer.gamma": 0.25})
    why = Why(run="my-sweep.r.10", origin="model", sentences=["It is near the best run."])
    answers = {"importance": answer(shares), "why": {why.run: answer(why)}}
    pulled = {
        "type": "Warning",
        "reason": "ErrImagePull",
        "message": "no such image",
        "lastTimestamp": "2026-03-01T09:00:00Z",
    }
    end = LogEnd(stage="train", attempt=2, rank=0, text="almost\nthe end <b>", cut=True)
    records = RunRecords({"my-sweep.r.3": [pulled]}, {"my-sweep.r.3": end})
    page = tmp_path / "report.html"
    page.write_text(report_page(report_data(sweep, runs, {}, T0, answers, "sweep", records), read_bundle()))
    document, asked = opened(page, tmp_path, f"#/s/default/my-sweep{tab}")
    assert [text for text in shown if text not in document] == []
    assert asked <= {"not an origin"}


@needs_chromium
def test_each_further_objective_has_a_plot(tmp_path: Path) -> None:
    body = sweep_json(metric=None, objectives=[{"metric": "reward"}, {"metric": "<latency>", "threshold": 3}])
    made = [run_json(body, index, float(index), 2.0 + index, {}) for index in range(3)]
    for index, run in enumerate(made[:2]):
        run["status"]["metrics"] = {"<latency>": 5.0 - index}
    page = tmp_path / "report.html"
    sweep, runs = with_status(body, [parse(SweepRun, run) for run in made])
    page.write_text(report_page(report_data(sweep, runs, {}, T0, {}, "sweep"), read_bundle()))
    document, _ = opened(page, tmp_path)
    assert "Score and &lt;latency&gt;" in document
    assert "No run has reported it yet." not in document


@needs_chromium
def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    sweep, runs = hostile_sweep()
    page = tmp_path / "report.html"
    page.write_text(report_page(report_data(sweep, runs, {}, T0, {}, "sweep"), read_bundle()))
    for fragment in ("", "#/s/default/hostile/r/hostile.r.1"):
        document, asked = opened(page, tmp_path, fragment)
        assert "&lt;script&gt;alert(1)" in document
        assert asked <= {"not an origin"}


@needs_chromium
def test_a_browser_that_cannot_read_the_data_says_so(tmp_path: Path) -> None:
    sweep, runs = big_sweep(4)
    whole = report_page(report_data(sweep, runs, {}, T0, {}, "sweep"), read_bundle())
    page = tmp_path / "report.html"
    page.write_text(whole.replace('{"gzip": "', '{"gzip": "AAAA'))
    assert "This browser cannot read the report." in opened(page, tmp_path)[0]


@needs_chromium
def test_a_request_of_a_page_is_detected(tmp_path: Path) -> None:
    page = tmp_path / "other.html"
    page.write_text('<img src="http://example.invalid/x.png">')
    assert "null" in opened(page, tmp_path)[1]
