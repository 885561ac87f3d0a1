"""What a report from one machine says of runs besides their objects: Events, and the ends of logs."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.machine import run_records
from sweep_operator.machine.run_records import events_by_run, log_ends
from sweep_operator.machine.stored import StoredSweep, stored_sweep
from sweep_operator.manifests.event import build_event
from sweep_operator.report.data import RunRecords, report_data
from tests.page_samples import big_sweep
from tests.report.sample_sweep import T0
from tests.ui.browser import stored

FAILED, SUCCEEDED, ACTIVE = "my-sweep.r.8", "my-sweep.r.1", "my-sweep.r.19"


@pytest.fixture
def sweep(tmp_path: Path) -> StoredSweep:
    stored(tmp_path, *big_sweep(20))
    return stored_sweep(tmp_path, "my_sweep")


def write_log(sweep: StoredSweep, run: str, text: str, attempt: int = 1) -> None:
    folder = sweep.directory / "runs" / run.replace("my-sweep", "my_sweep") / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"train-{attempt}.log").write_text(text)


def test_a_log_ends_as_a_terminal_would_show_it(sweep: StoredSweep) -> None:
    write_log(sweep, FAILED, "of the first attempt\n")
    write_log(sweep, FAILED, "".join(f"line {i}\n" for i in range(200)) + "10%\r20%\r\n\x1b[31mred\x1b[0m\u202e", 2)
    write_log(sweep, SUCCEEDED, "one\ntwo\n")
    ends = log_ends(sweep)
    assert ends.keys() == {FAILED, SUCCEEDED}
    end = ends[FAILED]
    assert (end.stage, end.attempt, end.cut) == ("train", 2, True)
    assert end.text.split("\n") == [*(f"line {i}" for i in range(162, 200)), "20%", "red\\u202e"]
    assert (ends[SUCCEEDED].text, ends[SUCCEEDED].cut) == ("one\ntwo", False)


def test_logs_without_line_ends_are_short_too_and_the_important_ones_come_first(
    sweep: StoredSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in (SUCCEEDED, FAILED, ACTIVE):
        write_log(sweep, run, "x" * 1_000_000)
    ends = log_ends(sweep)
    assert {len(end.text) for end in ends.values()} == {2500}
    assert all(end.cut for end in ends.values())
    monkeypatch.setattr(run_records, "_TOTAL", 5000)
    assert log_ends(sweep).keys() == {FAILED, ACTIVE}


def test_a_report_has_the_newest_events_of_each_run(sweep: StoredSweep) -> None:
    failed = next(run for run in sweep.runs if run["metadata"]["name"] == FAILED)
    asyncio.run(write_events(sweep, failed, 25))
    records = RunRecords(events_by_run(sweep), {})
    report = report_data(*sweep.parsed(), {}, T0, {}, "sweep", records)
    assert [event.message for event in report.runs[FAILED].events] == [f"attempt {i}" for i in range(5, 25)]
    assert report.runs[SUCCEEDED].events == []


async def write_events(sweep: StoredSweep, about: dict[str, Any], count: int) -> None:
    with closing(EmbeddedKube(sweep.directory / "state.db", clock=lambda: T0)) as kube:
        for i in range(count):
            times = (T0.replace(minute=i), T0.replace(minute=i))
            body = build_event(about, "Warning", "Retrying", f"attempt {i}", f"e{i}", times=times, count=1)
            await kube.create(Kind.EVENT, body)
