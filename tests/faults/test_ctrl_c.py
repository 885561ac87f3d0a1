"""Ctrl-C of a real ``sweep run``: the first drains, the second stops, and the same command resumes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.kube.protocol import Kind
from sweep_operator.kube.state_file import StoreUnreadable, read_objects
from tests.builders import sweep_body

PATIENCE = 300.0
SWEEP = str(Path(sys.executable).with_name("sweep"))


def write_manifest(folder: Path, script: str) -> Path:
    limits = {"maxRuns": 3, "maxParallelRuns": 1}
    body = sweep_body(method="random", limits=limits, train={"command": ["sh", "-c", script]})
    path = folder / "sweep.json"
    path.write_text(json.dumps(body))
    return path


def start(folder: Path, manifest: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SWEEP, "run", str(manifest), "--runs-dir", str(folder / "runs")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "SWEEP_TEST": str(folder)},
    )


def runs(folder: Path) -> list[SweepRun]:
    with contextlib.suppress(StoreUnreadable):
        return [SweepRun.model_validate(o) for o in read_objects(folder / "runs/s/state.db", (Kind.SWEEP_RUN,))]
    return []


async def until_one_runs(folder: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(r.status.train.start_time for r in runs(folder)):
            await asyncio.sleep(0.05)


def interrupt(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C, and wait for the answer: two signals at once would count as one."""
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert any("waiting for running jobs" in line for line in process.stdout)
    assert process.poll() is None


async def until_nothing_is_left(folder: Path) -> None:
    """What was killed takes a moment to end."""
    async with asyncio.timeout(PATIENCE):
        while processes_of(folder):
            await asyncio.sleep(0.05)


def processes_of(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SWEEP_TEST") == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(str(process.cmdline()))
        except psutil.Error:
            continue
    return found


async def test_the_first_ctrl_c_waits_for_the_running_job(tmp_path: Path) -> None:
    report = 'printf \'{"metrics": {"reward": 1}}\' > $SWEEP_RESULTS_FILE'
    manifest = write_manifest(tmp_path, f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; {report}")
    process = start(tmp_path, manifest)
    await until_one_runs(tmp_path)
    interrupt(process)
    (tmp_path / "go").touch()
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, out
    made = runs(tmp_path)
    assert all(r.succeeded for r in made if r.status.train.attempt)
    assert sum(r.succeeded for r in made) == 1
    await until_nothing_is_left(tmp_path)

    again = start(tmp_path, manifest)
    out, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, out
    made = runs(tmp_path)
    assert [r.succeeded for r in made] == [True, True, True]
    assert all(r.status.train.attempt == 1 for r in made)
    assert "Traceback" not in out


async def test_the_second_ctrl_c_stops_the_processes(tmp_path: Path) -> None:
    wait_once = (
        'if [ "$SWEEP_ATTEMPT" = 1 ] && [ "$SWEEP_RUN_INDEX" = 0 ]; then sleep 600; fi; '
        'printf \'{"metrics": {"reward": 1}}\' > $SWEEP_RESULTS_FILE'
    )
    manifest = write_manifest(tmp_path, wait_once)
    process = start(tmp_path, manifest)
    await until_one_runs(tmp_path)
    interrupt(process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, out
    await until_nothing_is_left(tmp_path)

    again = start(tmp_path, manifest)
    out, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, out
    first = next(r for r in runs(tmp_path) if r.spec.index == 0)
    assert first.succeeded
    assert (first.status.train.attempt, first.status.train.preemptions) == (2, 1)
