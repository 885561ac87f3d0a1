"""The report: complete, small and inert. It loads nothing, and no text in it is markup."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from sweep_operator.config.errors import ConfigError
from sweep_operator.report.bundle import Bundle, read_bundle
from sweep_operator.report.data import RunRecords, report_data
from sweep_operator.report.page import report_page
from sweep_operator.views.page.messages import Report
from sweep_operator.views.page.run_models import LogEnd
from tests.hostile_text import hidden
from tests.page_samples import HOSTILE, big_sweep, hostile_sweep
from tests.report.sample_sweep import T0, sample, sweep_json, with_status

SCRIPT = 'document.title = "</script><!-- x";'
SMALL = Bundle(SCRIPT, "a::after { content: '</style>' }")
MOST_BYTES = 700_000


def page_of(kind: str = "sample", made_of: Bundle = SMALL) -> tuple[Report, str]:
    sweep, runs = {"sample": sample, "hostile": hostile_sweep, "none": lambda: with_status(sweep_json(), [])}[kind]()
    report = report_data(sweep, runs, {}, T0, {}, "sweep")
    return report, report_page(report, made_of)


def embedded(page: str) -> Report:
    """The data that the page contains."""
    block = re.search(r'<script type="application/json" id="data">([^<]*)</script>', page)
    assert block is not None
    return Report.model_validate_json(gzip.decompress(b64decode(json.loads(block[1])["gzip"])))


@pytest.mark.parametrize("kind", ["sample", "none", "hostile"])
def test_the_data_is_embedded_completely(kind: str) -> None:
    report, page = page_of(kind)
    assert embedded(page) == report
    names = {row.name for row in report.page.runs}
    assert set(report.runs) == names
    assert set(report.curves.items) == {row.name for row in report.page.runs if row.has_curve}
    assert report.server.mode == "report"
    assert not report.server.write


def test_the_page_loads_nothing_and_runs_its_own_script_only() -> None:
    _, page = page_of()
    assert re.findall(r"<(?:link|img|iframe|script|style)[^>]*>", page) == [
        "<style>", '<script type="application/json" id="data">', '<script type="module">',
    ]  # fmt: skip
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "unsafe" not in policy[1]
    assert policy[1].startswith("default-src 'none'; ")
    for element in ("style", 'script type="module"'):
        content = re.search(rf"<{element}>(.*?)</", page.replace("<\\/", "<\0/"), re.DOTALL)
        assert content is not None
        digest = hashlib.sha256(content[1].replace("<\0/", "<\\/").encode()).digest()
        assert f"'sha256-{b64encode(digest).decode()}'" in policy[1]


def test_nothing_in_the_data_or_the_bundle_ends_an_element() -> None:
    report, page = page_of("hostile")
    assert report.page.fixed["note"] == HOSTILE
    assert page.count("</script>") == page.count("<script") == 2
    assert page.count("</style>") == page.count("<style") == 1
    assert page.count("<!--") == 0
    assert hidden(page) == set()


def test_a_report_of_200_runs_is_small() -> None:
    sweep, runs = big_sweep(200)
    draw = random.Random(0)
    end = LogEnd(stage="train", attempt=1, rank=0, text="", cut=True)
    logs = {run.name: end.with_(text=draw.randbytes(1250).hex()) for run in runs}
    report = report_data(sweep, runs, {}, T0, {}, "sweep", RunRecords({}, logs))
    page = report_page(report, read_bundle())
    assert len(page.encode()) < MOST_BYTES


def test_without_the_bundle_the_command_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the page is not built; run `make setup`"):
        read_bundle(tmp_path)
