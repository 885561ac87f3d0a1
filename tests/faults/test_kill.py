"""kill -9 of the process that runs a sweep: at random moments, and at every single write. Real processes throughout."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.kube.protocol import Kind
from sweep_operator.kube.state_file import read_objects
from tests.builders import sweep_body

PATIENCE = 700.0
DRIVER = Path(__file__).with_name("driver.py")
# Each stage writes a line at its start and at its end, which shows work that was done twice.
TRAIN = """echo started >> "$SWEEP_RUN_DIR/train.txt"; sleep 0.2; echo finished >> "$SWEEP_RUN_DIR/train.txt" """
EVAL = """echo finished >> "$SWEEP_RUN_DIR/eval.txt"
printf '{"metrics": {"reward": %s}}' "$SWEEP_PARAM_X" > "$SWEEP_RESULTS_FILE" """


def manifest(runs: int, parallel: int, stages: int = 2) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "method": "random",
        "seed": 3,
        "limits": {"maxRuns": runs, "maxParallelRuns": parallel},
        "perRun": {"retries": {"backoffSeconds": 0, "onPreemption": 100}},
        "train": {"command": ["sh", "-c", TRAIN if stages == 2 else EVAL]},
    }
    if stages == 2:
        spec["eval"] = {"command": ["sh", "-c", EVAL]}
    return sweep_body(**spec)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    env = {**os.environ, "SWEEP_TEST": str(folder)}
    command = [sys.executable, str(DRIVER), str(folder), str(folder / "manifest.json"), *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def left_behind(folder: Path) -> list[str]:
    """Processes that still belong to this test's sweep."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SWEEP_TEST") == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.cmdline()}")
        except psutil.Error:
            continue
    return found


def assert_nothing_left(folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while left := left_behind(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def assert_each_once(folder: Path, runs: int, stages: int = 2) -> None:
    state = folder / "s" / "state.db"
    found = [SweepRun.model_validate(o) for o in read_objects(state, (Kind.SWEEP_RUN,))]
    pods = read_objects(state, (Kind.POD,))
    indices = [r.spec.index for r in found]
    assert len(set(indices)) == len(indices) == runs, "an index is reserved first, so a kill can leave a gap"
    assert all(r.succeeded for r in found), [r.status.failure for r in found]
    assert all(r.status.score == r.spec.parameters["x"] for r in found), "the written score is recorded"
    assert all(not p["metadata"].get("finalizers") for p in pods)
    for run in found if stages == 2 else []:
        place = folder / "s" / "runs" / run.name
        assert (place / "train.txt").read_text().count("finished") == 1, "a finished training is not run again"
        assert (place / "eval.txt").read_text().count("finished") >= 1


def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest(runs=10, parallel=3)))
    rng = random.Random(0)
    for _ in range(20):
        process = start(tmp_path)
        try:
            process.wait(timeout=0.35 + 1.2 * rng.random())
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        assert_nothing_left(tmp_path)
    out, err = (last := start(tmp_path)).communicate(timeout=PATIENCE)
    assert last.returncode == 0, out + err
    assert_each_once(tmp_path, 10)
    assert_nothing_left(tmp_path)


@pytest.mark.slow
def test_killed_at_every_write(tmp_path: Path) -> None:
    body = json.dumps(manifest(runs=2, parallel=2, stages=1))
    (tmp_path / "manifest.json").write_text(body)
    out, err = (clean := start(tmp_path)).communicate(timeout=PATIENCE)
    assert clean.returncode == 0, err
    commits = int(out)
    assert commits > 20
    for n in range(1, commits + 1):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "manifest.json").write_text(body)
        killed = start(folder, str(n), "before" if n % 2 else "after")
        killed.communicate(timeout=PATIENCE)
        assert killed.returncode in (-signal.SIGKILL, 0), "the number of commits varies a little from run to run"
        out, err = (last := start(folder)).communicate(timeout=PATIENCE)
        assert last.returncode == 0, f"write {n}: {out}{err}"
        assert_each_once(folder, 2, stages=1)
        assert_nothing_left(folder)
