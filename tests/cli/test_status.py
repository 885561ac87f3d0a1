"""`sweep status` and `sweep list` read local directories, also while another process writes them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from sweep_operator.cli.main import cli
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.views.tables import age, calibration_line, duration, number, sweep_state
from tests.cli.stored_sweeps import T0, finished, manifest, store

STATUS: dict[str, Any] = {
    "runs": {"created": 3, "succeeded": 2, "failed": 1},
    "cost": {"spent": 31.5, "unit": "seconds"},
    "best": [{"run": "my-sweep.r.1", "score": 487.31, "cost": 20.0, "parameters": {"trainer.batch_size": 128}}],
    "conditions": [
        {"type": "Succeeded", "status": "True", "reason": "MaxRunsReached", "message": "3 runs made",
         "lastTransitionTime": T0.isoformat()},
    ],
}  # fmt: skip


def sweep(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_columns_are_those_of_kubectl(tmp_path: Path) -> None:
    store(tmp_path, manifest(), [finished(1.0), finished(487.31, 20.0), finished(None)], STATUS)
    lines = sweep("list", "--runs-dir", str(tmp_path)).stdout.splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "RUNS", "OK", "FAIL", "BEST", "SPENT", "AGE"]
    assert lines[1].split()[:7] == ["my_sweep", "MaxRunsReached", "3", "2", "1", "487.3", "31.5"]
    text = sweep("status", "my_sweep", "--runs-dir", str(tmp_path)).stdout
    assert "NAME" in text
    for part in (
        "my_sweep.r.1   Completed",
        "487.3",
        "BadParameters: gamma is 2",
        "3 runs made",
        "trainer.batch_size = 128",
    ):
        assert part in text


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_json_and_yaml(form: str, read: Any, tmp_path: Path) -> None:
    store(tmp_path, manifest(), [finished(0.1 + 0.2)], STATUS)
    document = read(sweep("status", "my_sweep", "-o", form, "--runs-dir", str(tmp_path)).stdout)
    assert [item["kind"] for item in document["items"]] == ["Sweep", "SweepRun"]
    assert document["items"][1]["status"]["score"] == 0.1 + 0.2
    assert len(read(sweep("list", "-o", form, "--runs-dir", str(tmp_path)).stdout)["items"]) == 1


def test_status_while_the_sweep_is_running(tmp_path: Path) -> None:
    directory = store(tmp_path, manifest(), [finished(1.0)])
    writer = EmbeddedKube(directory / "state.db", clock=lambda: T0)
    try:
        body = asyncio.run(writer.get(Kind.SWEEP, "default", "my-sweep"))
        asyncio.run(writer.update_status(Kind.SWEEP, {**body, "status": STATUS}))
        result = sweep("status", "my_sweep", "--runs-dir", str(tmp_path))
        assert result.exit_code == 0, result.stderr
        assert "MaxRunsReached" in result.stdout
    finally:
        writer.close()


def test_an_empty_directory_is_not_an_error(tmp_path: Path) -> None:
    result = sweep("status", "--runs-dir", str(tmp_path / "none"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No sweeps found in" in result.stderr
    assert json.loads(sweep("list", "-o", "json", "--runs-dir", str(tmp_path)).stdout)["items"] == []


def test_an_unknown_name_suggests_the_closest(tmp_path: Path) -> None:
    store(tmp_path, manifest())
    result = sweep("status", "my_swepe", "--runs-dir", str(tmp_path))
    assert result.exit_code == 2
    assert "did you mean my_sweep?" in result.stderr


def test_an_unreadable_state_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "state.db").write_bytes(b"no database " * 100)
    result = sweep("list", "--runs-dir", str(tmp_path))
    assert result.exit_code == 2
    assert str(tmp_path / "bad" / "state.db") in result.stderr
    assert "Traceback" not in result.stderr


SCORES, COSTS = ({"runs": 40, "coverage80": share, "meanLogScore": -1.2} for share in (0.775, 0.83))


@pytest.mark.parametrize(
    ("optimizer", "line"),
    [
        ({"scoreCalibration": SCORES, "costCalibration": COSTS},
         "80% interval covers 78% of scores, 83% of costs (40 runs)"),
        ({"scoreCalibration": SCORES, "costCalibration": {**COSTS, "runs": 38}},
         "80% interval covers 78% of scores, 83% of costs (40 and 38 runs)"),
        ({"scoreCalibration": {**SCORES, "runs": 1, "coverage80": 1}}, "80% interval covers 100% of scores (1 run)"),
        ({"observations": 3}, ""),
        (None, ""),
    ],
)  # fmt: skip
def test_calibration_in_one_line(optimizer: dict[str, Any] | None, line: str, tmp_path: Path) -> None:
    status = {**STATUS, **({"optimizer": optimizer} if optimizer else {})}
    assert calibration_line({"status": status}) == line
    store(tmp_path, manifest(), [finished(1.0)], status)
    text = sweep("status", "my_sweep", "--runs-dir", str(tmp_path)).stdout
    assert [said for said in text.splitlines() if said.startswith("Calibration: ")] == (
        [f"Calibration: {line}"] if line else []
    )


def test_states_before_the_first_pass() -> None:
    assert sweep_state({"spec": {}}) == "Pending"
    refused = {"status": {"conditions": [{"type": "Accepted", "status": "False"}]}}
    assert sweep_state(refused) == "Invalid"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0, "0"), (-0.0, "0"), (487.31, "487.3"), (12561.7, "12561.7"), (3e-7, "3e-07"), (-80.125, "-80.12"),
     (2.5e7, "2.5e+07"), (True, "")],
)  # fmt: skip
def test_numbers(value: Any, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7800, "2h10m"),
        (86400, "24h"),
        (3 * 86400, "3d"),
        (-5, "0s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_ages_accept_both_forms_of_utc() -> None:
    now = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
    assert age("2026-03-01T09:00:00Z", now) == age("2026-03-01T09:00:00+00:00", now) == "5m"
    assert age(None, now) == ""
