"""`sweep run` that ends before its sweep: what it prints, what `sweep status` says, and how the sweep resumes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sweep_operator.cli.main import cli
from tests.builders import sweep_body
from tests.cli.stored_sweeps import T0, manifest, store
from tests.report.test_report_page import embedded

PATIENCE = 300.0
# The first attempt of each run hangs.
PROGRAM = """[ "$SWEEP_ATTEMPT" -gt 1 ] || { touch "$SWEEP_RUN_DIR/started"; exec sleep 600; }
printf '{"metrics": {"reward": 1}}' > "$SWEEP_RESULTS_FILE"
"""


def body(program: str, **limits: int) -> dict[str, Any]:
    limits = {"maxRuns": 2, "maxParallelRuns": 2, **limits}
    retries = {"retries": {"onFailure": 0, "backoffSeconds": 0}}
    return sweep_body("s", method="random", limits=limits, perRun=retries, train={"command": ["sh", "-c", program]})


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`sweep run` in its own process, with two runs in training."""
    (tmp_path / "my sweep.yaml").write_text(json.dumps(body(PROGRAM)))
    process = subprocess.Popen(
        [sys.executable, "-m", "sweep_operator.cli.main", "run", "my sweep.yaml", "--runs-dir", "runs"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    until(lambda: len(list(tmp_path.glob("runs/s/runs/*/started"))) == 2)
    until(lambda: sweep("status", "s", tmp_path).count("Training") == 2)
    yield process
    process.kill()
    process.wait()


def sweep(*arguments: str | Path) -> str:
    *words, place = map(str, arguments)
    result = CliRunner().invoke(cli, [*words, "--runs-dir", f"{place}/runs"])
    return result.output


def until(condition: object) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_sweep_without_a_process_is_interrupted(running: subprocess.Popen[str], tmp_path: Path) -> None:
    assert "Running" in sweep("list", tmp_path)
    assert "Interrupted" not in sweep("status", "s", "-o", "json", tmp_path)
    running.send_signal(signal.SIGKILL)
    running.wait()
    shown = sweep("status", "s", tmp_path)
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("s")] == ["Interrupted"] * 3
    assert "Running" not in shown + sweep("list", tmp_path)
    (command,) = re.findall("^Interrupted: no process runs this sweep; to resume it, run: (.*)$", shown, re.MULTILINE)
    assert command == f"cd {tmp_path} && sweep run 'my sweep.yaml' --runs-dir runs"
    stored = json.loads(sweep("status", "s", "-o", "json", tmp_path))["items"]
    found = [{c["type"]: c["status"] for c in item["status"]["conditions"]} for item in stored]
    assert [(c["Interrupted"], c["Succeeded"]) for c in found] == [("True", "Unknown")] * 3
    sweep("report", "s", "--no-model", tmp_path)
    page = (tmp_path / "runs/s/report.html").read_text()
    assert embedded(page).page.row.state == "Interrupted"
    resumed = command.replace("sweep run", f"{sys.executable} -m sweep_operator.cli.main run")
    subprocess.run(["sh", "-c", resumed], check=True, capture_output=True)
    assert "MaxRunsReached" in sweep("list", tmp_path)
    assert "Interrupted" not in sweep("status", "s", tmp_path)


def test_a_run_that_waits_for_its_next_attempt_is_interrupted_too(tmp_path: Path) -> None:
    """Else the page counts it as running. A run that has never started waits as before."""

    def run(attempt: int, reason: str) -> dict[str, Any]:
        status = {"train": {"attempt": attempt}, "conditions": [_unknown(reason)]}
        return {"parameters": {}, "status": status}

    state = {"conditions": [_unknown("Running")]}
    store(tmp_path / "runs", manifest("s"), [run(1, "BackOff"), run(0, "WaitingForSlot")], state)
    runs = [line.split()[:2] for line in sweep("status", "s", tmp_path).splitlines() if line.startswith("s.r.")]
    assert runs == [["s.r.0", "Interrupted"], ["s.r.1", "WaitingForSlot"]]


def _unknown(reason: str) -> dict[str, str]:
    return {"type": "Succeeded", "status": "Unknown", "reason": reason, "lastTransitionTime": T0.isoformat()}


def test_two_interrupts_are_a_stop_by_the_user(running: subprocess.Popen[str], tmp_path: Path) -> None:
    running.send_signal(signal.SIGINT)
    until(lambda: "Suspended" in sweep("list", tmp_path))
    running.send_signal(signal.SIGINT)
    first, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    assert "Interrupted. To resume, run: " in first
    assert "Interrupted" in sweep("list", tmp_path)
    again = subprocess.run(running.args, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = [*first.splitlines(), *again.stdout.splitlines(), *again.stderr.splitlines()]
    events = [line for line in lines if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert len(set(events)) == len(events), "each Event once"
    for run in ("s.r.0", "s.r.1"):
        stopped = [line for line in lines if "stopped by you" in line and f" {run} " in line]
        assert len(stopped) == 1, lines
        assert re.match(
            r"\d\d:\d\d:\d\d s\.r\.\d Preempted: train attempt 1: StoppedByUser: stopped by you; ", stopped[0]
        )
    assert not [line for line in lines if line.rstrip().endswith(":") or ": :" in line]
    assert again.stderr == ""


def test_warnings_are_printed_once_with_time_and_run(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(json.dumps(body("echo boom >&2; exit 1", maxConsecutiveFailures=1)))
    command = [sys.executable, "-m", "sweep_operator.cli.main", "run", "s.yaml", "--runs-dir", "runs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == ""
    failed = [line for line in done.stdout.splitlines() if "RunFailed" in line]
    assert [line[9:] for line in failed] == ["s.r.0 RunFailed: crash: Error: boom"]
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in failed)
    assert "Last failure: s.r.0 Error: boom" in done.stdout
    assert "To continue after a correction, run: sweep run s.yaml --runs-dir runs" in done.stdout


def test_an_interrupt_while_modules_are_imported_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")
    code = "from sweep_operator import programs; programs._run('sweep', 'interrupted', 'sweep-operator')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
