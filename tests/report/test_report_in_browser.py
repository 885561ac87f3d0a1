"""The report in headless Chromium: the plots are drawn, and the page sends no requests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sweep_operator.report.page import report_page
from tests.report.sample_sweep import T0, sample

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"),
    reason="no Chromium here: apt-get install chromium to see the report drawn (with CI=true this is a failure)",
)


def opened(page: Path, tmp_path: Path) -> tuple[str, set[str]]:
    """The rendered document, and the initiators of requests: "not an origin" is the browser itself, never a page."""
    assert CHROMIUM is not None, "CI needs Chromium: apt-get install chromium"
    log = tmp_path / "net.json"
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}",
        "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=10000", "--window-size=1320,3600",
        "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    document = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    return document, set(re.findall(r'"initiator":"([^"]*)"', log.read_text()))


@needs_chromium
def test_the_plots_are_drawn_without_a_network(tmp_path: Path) -> None:
    sweep, runs = sample()
    page = tmp_path / "report.html"
    page.write_text(report_page(sweep, runs, {"trainer.batch_size": 0.75, "trainer.gamma": 0.25}, "note", T0, {}))
    document, asked = opened(page, tmp_path)
    drawn = set(re.findall(r'<div id="plot-([a-z-]+)" class="plotly-graph-div[^"]*js-plotly-plot', document))
    assert drawn == {"score", "pareto", "importance", "parameters", "calibration-score", "calibration-cost"}
    scored = sum(r.succeeded for r in runs)
    assert document.count('<path class="point"') >= len(runs) - 1 + scored, "a dot per run, in two plots"
    bars = sum(r.succeeded and r.spec.origin == "model" for r in runs)
    assert document.count('class="xerror') == 2 * bars, "an interval per prediction, in two plots"
    assert document.count('class="axis-title"') == len(sweep.spec.parameters) + 1, (
        "an axis per parameter, and the score"
    )
    assert "WebGL is not supported" not in document
    assert asked <= {"not an origin"}


@needs_chromium
def test_a_request_of_a_page_is_detected(tmp_path: Path) -> None:
    page = tmp_path / "other.html"
    page.write_text('<img src="http://example.invalid/x.png">')
    assert "null" in opened(page, tmp_path)[1]
