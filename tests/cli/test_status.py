"""`sweep status` and `sweep list` read local directories, also while another process writes them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from sweep_operator.cli.main import cli
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.views.tables import calibration_line, sweep_state
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


def test_a_table_for_each_terminal(tmp_path: Path) -> None:
    """What a person sees: columns that fit, parameters where there is room, and the same for a pipe of any width."""
    store(tmp_path, manifest(), [timed(0.99912), timed(0.99934), finished(None)], STATUS)
    seen = {width: on_terminal(width, "status", "my_sweep", "--runs-dir", str(tmp_path)) for width in (40, 80, 120)}
    heads = {width: next(line for line in text if "SCORE" in line).split() for width, text in seen.items()}
    columns = ["NAME", "STATUS", "SCORE", "COST", "ORIGIN", "TIME"]
    assert heads[40] == columns[:3]
    assert heads[80] == [*columns, "learning_rate"]
    assert "3 more parameters with -o wide" in seen[80]
    assert heads[120] == [*columns, "learning_rate", "batch_size", "vf_coef", "activation"]
    for width, text in seen.items():
        assert all(len(line) <= width for line in text if "my_sweep" in line and "/" not in line)
    (run,) = (line.split() for line in seen[120] if line.startswith("my_sweep.r.1"))
    assert run == ["my_sweep.r.1", "Completed", "0.99934", "10", "model", "5m", "0.000731", "128", "1", "tanh"]
    wide = sweep("status", "my_sweep", "-o", "wide", "--runs-dir", str(tmp_path)).stdout.splitlines()
    assert next(line for line in wide if "SCORE" in line).split() == heads[120]
    piped = sweep("status", "my_sweep", "--runs-dir", str(tmp_path)).stdout.splitlines()
    assert next(line for line in piped if "SCORE" in line).split() == columns


def timed(score: float) -> dict[str, Any]:
    run = finished(score)
    return {**run, "status": {**run["status"], "train": {"seconds": 250.0}, "eval": {"seconds": 50.0}}}


def on_terminal(width: int, *arguments: str) -> list[str]:
    """The lines that `sweep` writes to a pseudo-terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    command = [sys.executable, "-m", "sweep_operator.cli.main", *arguments]
    with subprocess.Popen(command, stdout=theirs, env=environment) as process:
        os.close(theirs)
        text = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while piece := os.read(ours, 65536):
                text += piece
        os.close(ours)
    assert process.returncode == 0
    return text.decode().splitlines()


def shown(runs_dir: Path, *options: str) -> list[str]:
    """The names of the runs in the table."""
    result = sweep("status", "my_sweep", *options, "--runs-dir", str(runs_dir))
    assert result.exit_code == 0, result.stderr
    return re.findall(r"^my_sweep\.r\.(\d+) {3}", result.stdout, re.MULTILINE)


def test_the_runs_that_a_user_asks_for(tmp_path: Path) -> None:
    scores = [0.5, None, 3.0, 1.0, None, 2.0]
    runs = [finished(score, cost=10.0 - index) for index, score in enumerate(scores)]
    runs[3]["status"] = {}
    best = {"run": "my-sweep.r.2", "score": 3.0, "cost": 8.0}
    store(tmp_path, manifest(), runs, {**STATUS, "best": [best]})
    assert shown(tmp_path) == list("012345")
    assert shown(tmp_path, "--limit", "3") == list("235"), "the best, the active and the newest"
    assert shown(tmp_path, "--sort", "score") == list("250134")
    assert shown(tmp_path, "--sort", "cost", "--limit", "2") == list("52")
    assert shown(tmp_path, "--failed") == list("14")
    assert shown(tmp_path, "--failed", "--limit", "1") == ["4"]
    text = sweep("status", "my_sweep", "--failed", "--limit", "1", "--runs-dir", str(tmp_path)).stdout
    assert "1 of 2 failed runs; to see all, omit --limit" in text
    assert text.count("BadParameters: gamma is 2") == 1
    stored = sweep("status", "my_sweep", "--sort", "score", "--limit", "1", "-o", "json", "--runs-dir", str(tmp_path))
    assert [i["metadata"]["name"] for i in json.loads(stored.stdout)["items"]] == ["my-sweep", "my-sweep.r.2"]
    refused = sweep("status", "--failed", "--runs-dir", str(tmp_path))
    assert refused.exit_code == 2
    assert "--failed select runs of one sweep; add its NAME" in refused.stderr


def test_the_lowest_score_is_the_best_of_a_sweep_that_minimizes(tmp_path: Path) -> None:
    store(tmp_path, manifest(goal="minimize"), [finished(2.0), finished(None), finished(1.0)])
    assert shown(tmp_path, "--sort", "score") == list("201")


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


def test_the_weights_of_the_sources_of_a_warm_start(tmp_path: Path) -> None:
    sources = [{"source": "Sweep old", "weight": 0.8}, {"source": "file a.csv", "weight": 0.05}]
    store(tmp_path, manifest(), [finished(1.0)], {**STATUS, "optimizer": {"sources": sources}})
    text = sweep("status", "my_sweep", "--runs-dir", str(tmp_path)).stdout
    assert "Warm start: Sweep old 80%, file a.csv 5%, results of this sweep alone 15%" in text


def test_states_before_the_first_pass() -> None:
    assert sweep_state({"spec": {}}) == "Pending"
    refused = {"status": {"conditions": [{"type": "Accepted", "status": "False"}]}}
    assert sweep_state(refused) == "Invalid"


def test_objectives_have_columns_and_the_best_run_shows_them(tmp_path: Path) -> None:
    objectives = [{"metric": "loss", "goal": "minimize"}, {"metric": "latency", "goal": "minimize"}]
    fast, slow, other = finished(0.5), finished(0.25), finished(0.75)
    fast["status"]["metrics"], slow["status"]["metrics"] = {"latency": 12}, {"latency": 80}
    status = STATUS | {"best": [{"run": "my-sweep.r.1", "score": 0.25, "cost": 10.0, "metrics": {"latency": 80.0}}]}
    store(tmp_path, manifest(metric=None, objectives=objectives), [fast, slow, other], status)
    text = sweep("status", "my_sweep", "--runs-dir", str(tmp_path), "--sort", "score").stdout
    assert "Best: my_sweep.r.1, score 0.25, cost 10, latency 80" in text
    rows = [line.split() for line in text.splitlines() if "my_sweep.r." in line or "SCORE" in line]
    assert rows[0] == ["NAME", "STATUS", "SCORE", "COST", "ORIGIN", "latency", "TIME"]
    assert [row[0] for row in rows[1:4]] == ["my_sweep.r.1", "my_sweep.r.0", "my_sweep.r.2"], "lower is better"
    assert [row[5] for row in rows[1:3]] == ["80", "12"]
