"""A full disk: said once, work pauses, one Ctrl-C ends it, and with space nothing is lost and nothing done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import IO

import pytest
from click.testing import CliRunner

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.cli.main import cli
from sweep_operator.kube.protocol import Kind
from sweep_operator.kube.state_file import read_objects
from tests.builders import sweep_body
from tests.cli.stored_sweeps import finished, manifest, store
from tests.faults.disk import Disk, small_disk

SWEEP = str(Path(sys.executable).with_name("sweep"))
PATIENCE = 300.0
# Waits for the test before it writes its result.
PROGRAM = """set -e
until [ -e "$TEST_FOLDER/go" ]; do sleep 0.05; done
printf '{"metrics": {"reward": %s}}' "$SWEEP_PARAM_X" > "$SWEEP_RESULTS_FILE"
"""


class Running:
    """`sweep run` on a disk."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self.disk, self.folder = disk, folder
        body = sweep_body("s", method="random", limits={"maxRuns": 2}, train={"command": ["sh", "-c", PROGRAM]})
        (folder / "s.json").write_text(json.dumps(body))
        self._lines: list[bytes] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [SWEEP, "run", "s.json", "--runs-dir", str(self.disk.folder)],
            cwd=self.folder, stdout=output or subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "TEST_FOLDER": str(self.folder)},
        )  # fmt: skip
        self._lines = []
        if process.stdout is not None:  # a pipe: no limit of the size of files applies to it
            self._reader = Thread(target=self._lines.extend, args=(process.stdout,), daemon=True)
            self._reader.start()
        self.processes.append(process)
        self.disk.processes.append(process.pid)
        return process

    def code(self, process: subprocess.Popen[bytes]) -> int:
        """The exit code, when everything that it said is known."""
        code = process.wait(PATIENCE)
        if process.stdout is not None:
            self._reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def output(self) -> list[str]:
        return [line.decode() for line in self._lines]

    def said(self, text: str) -> list[str]:
        return [line for line in self.output() if text in line]

    def fill_during_the_first_run(self) -> subprocess.Popen[bytes]:
        process = self.start()
        until(lambda: (self.disk.folder / "s/runs/s.r.0/logs/train-1.log").exists())
        self.disk.fill()
        (self.folder / "go").touch()
        until(lambda: self.said("Paused: "))
        return process

    def runs(self) -> list[SweepRun]:
        found = read_objects(self.disk.folder / "s/state.db", (Kind.SWEEP_RUN,))
        return [SweepRun.model_validate(o) for o in found]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with small_disk(tmp_path / "disk") as disk:
        started = Running(disk, tmp_path)
        yield started
        started.kill()


def assert_each_once(running: Running) -> None:
    runs = running.runs()
    assert sorted(r.spec.index or 0 for r in runs) == [0, 1]
    assert all(r.succeeded and r.status.score == r.spec.parameters["x"] for r in runs)
    assert all(r.status.train.failures == 0 for r in runs), "no run is to blame for the disk"


def test_work_pauses_and_continues_when_there_is_space(running: Running) -> None:
    process = running.fill_during_the_first_run()
    (paused,) = running.said("Paused: ")
    assert f"{running.disk.folder}/s: " in paused
    assert "free space on this disk. Press Ctrl-C to exit." in paused
    running.disk.free()
    assert running.code(process) == 0, running.output()
    assert_each_once(running)
    completed = [line.split()[1] for line in running.said("RunCompleted")]
    assert sorted(completed) == ["s.r.0", "s.r.1"]
    assert not running.said("warning")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_it_and_the_same_command_resumes(running: Running, number: signal.Signals) -> None:
    process = running.fill_during_the_first_run()
    process.send_signal(number)
    assert running.code(process) == 130, running.output()
    assert running.said("Interrupted. To resume, run: ")
    assert not running.said("Traceback")
    running.disk.free()
    assert running.code(running.start()) == 0, running.output()
    assert_each_once(running)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("status my_sweep", 0, ""),
        ("export my_sweep", 0, ""),
        ("export my_sweep -o {disk}/runs.csv", 2, "error: --output {disk}/runs.csv: cannot be written: {why}"),
        (
            "report my_sweep --no-model", 2,
            "error: --output {disk}/my_sweep/report.html: cannot be written: {why}",
        ),
        (
            "best-params my_sweep --output-dir {disk}/patch", 2,
            "error: --output-dir {disk}/patch: cannot be written: {why}; use --no-patch",
        ),
        ("run {sweep}", 1, "error: {disk}/new/resume.txt: {why}"),
    ],
)  # fmt: skip
def test_commands_on_a_full_disk(tmp_path: Path, command: str, code: int, said: str) -> None:
    sweep = tmp_path / "new.json"
    sweep.write_text(json.dumps(sweep_body("new")))
    with small_disk(tmp_path / "disk") as disk:
        store(disk.folder, manifest(), [finished(1.0)])
        disk.processes.append(os.getpid())
        disk.fill()
        words = command.format(disk=disk.folder, sweep=sweep).split()
        result = CliRunner().invoke(cli, [*words, "--runs-dir", str(disk.folder)])
        disk.free()
        left = [path.name for path in disk.folder.rglob("*") if path.name.endswith(".tmp") or path.suffix == ".yaml"]
    assert result.exit_code == code, result.output
    assert result.stderr.strip() == said.format(disk=disk.folder, why=disk.error)
    assert left == [], "no part of a file"


def test_a_full_disk_behind_standard_output_does_not_end_the_sweep(running: Running) -> None:
    (running.folder / "go").touch()
    with open("/dev/full", "wb") as full:
        assert running.code(running.start(full)) == 0
    assert CliRunner().invoke(cli, ["list", "--runs-dir", str(running.disk.folder)]).output.count("MaxRunsReached") == 1
