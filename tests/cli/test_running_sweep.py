"""Commands that change or follow a sweep while a process runs it, and after that process was killed."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sweep_operator.cli.main import cli
from sweep_operator.domain.conditions import run_reason
from tests.builders import sweep_body

PATIENCE = 300.0
LIMITED = ("s.yaml", "spec.limits.maxRuns=2", "spec.limits.maxParallelRuns=2")
# Each stage waits for a file of its name, so that the test decides when it ends.
WAIT = 'until [ -e "$SWEEP_RUN_DIR/{0}" ] || [ -e "$SWEEP_RUN_DIR/../{0}" ]; do sleep 0.1; done'
TRAIN = f"echo training $SWEEP_PARAM_X; {WAIT.format('trained')}; echo trained"
EVAL = f"""echo evaluating; {WAIT.format("evaluated")}
printf '{{"metrics": {{"reward": %s}}}}' "$SWEEP_PARAM_X" > "$SWEEP_RESULTS_FILE"
"""


class Sweeps:
    """A directory in which `sweep` is called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.directory = folder, folder / "train_dir/sweep/s"
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "sweep_operator.cli.main", *arguments],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def call(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command, in this process."""
        done = CliRunner().invoke(cli, arguments)
        assert "Traceback" not in done.output
        return done.exit_code, done.stdout, done.stderr

    def does(self, *arguments: str) -> str:
        code, out, err = self.call(*arguments)
        assert code == 0, (arguments, out, err)
        return out

    def states(self) -> dict[str, str]:
        """Reason of each run."""
        code, out, _ = self.call("status", "s", "-o", "json")
        items = json.loads(out)["items"] if code == 0 else []
        return {o["metadata"]["name"]: run_reason(o) for o in items if "sweepName" in o["spec"]}

    def until(self, name: str, reason: str) -> None:
        until(lambda: self.states().get(name) == reason)

    def may_end(self, stage: str, run: str = "") -> None:
        (self.directory / "runs" / run / stage).touch()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in out + err, err
    return process.returncode, out, err


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sweeps]:
    monkeypatch.chdir(tmp_path)
    spec = {
        "method": "random",
        "limits": {"maxRuns": 9, "maxParallelRuns": 1},
        "perRun": {"retries": {"onFailure": 0, "backoffSeconds": 0}},
        "train": {"command": ["sh", "-c", TRAIN]},
        "eval": {"command": ["sh", "-c", EVAL]},
    }
    (tmp_path / "s.yaml").write_text(json.dumps(sweep_body("s", **spec)))
    found = Sweeps(tmp_path)
    yield found
    for process in found.processes:
        process.kill()
        process.communicate()


def test_changes_go_through_the_process_that_runs_the_sweep(sweeps: Sweeps) -> None:
    running = sweeps.start("run", "s.yaml")
    until(lambda: (sweeps.directory / "runs/s.r.0/logs/train-1.log").exists())
    assert stat.S_IMODE((sweeps.directory / "control.sock").stat().st_mode) == 0o600
    together = [sweeps.start("add", "s", f"x={x}") for x in (0.5, 0.75)]
    answers = [ended(process) for process in together]
    assert sorted(answers) == [(0, "s.m.1 created\n", ""), (0, "s.m.2 created\n", "")]
    code, out, err = sweeps.call("add", "s", "x=1", "--name", "s.r.7")
    assert (code, out) == (1, "")
    assert err == "error: metadata.name: 's.r.7' is reserved for runs that the operator creates; choose another name\n"
    assert sweeps.does("stop", "s.r.0") == "s.r.0 stopped\n"
    sweeps.until("s.r.0", "Stopped")
    assert sweeps.does("retry", "s.r.0") == "s.r.0-retry-1 created\n"
    assert sweeps.does("suspend", "s") == "s suspended\n"
    sweeps.may_end("trained")
    sweeps.may_end("evaluated")
    until(lambda: "Suspended" in sweeps.does("list"))
    assert sweeps.does("stop", "s") == "s stopped\n"
    code, out, _ = ended(running)
    assert "Stopped: spec.stop is true" in out
    assert "To resume, run: sweep run s.yaml" in out
    assert code == 0, "as the condition Succeeded of a stopped sweep"
    assert not (sweeps.directory / "control.sock").exists()


def test_the_log_of_a_run_is_followed_through_its_stages(sweeps: Sweeps) -> None:
    running = sweeps.start("run", "s.yaml", "spec.limits.maxRuns=1")
    until(lambda: "s.r.0" in sweeps.states())
    following = sweeps.start("logs", "s.r.0", "-f")
    assert following.stdout is not None
    assert re.fullmatch(r"training [0-9.]+\n", following.stdout.readline())
    until(lambda: "training" in sweeps.does("logs", "s.r.0", "--tail", "5"))
    sweeps.may_end("trained", "s.r.0")
    assert [following.stdout.readline() for _ in range(2)] == ["trained\n", "evaluating\n"]
    sweeps.may_end("evaluated", "s.r.0")
    code, out, err = ended(following)
    assert (code, out) == (0, "")
    assert err.splitlines()[-1] == "--- s.r.0: eval"
    assert ended(running)[0] == 0
    assert sweeps.does("logs", "s.r.0", "-f", "--stage", "train").endswith("\ntrained\n")


def test_a_sweep_is_changed_after_its_process_was_killed(sweeps: Sweeps) -> None:
    running = sweeps.start("run", *LIMITED)
    until(lambda: list(sweeps.states().values()) == ["Training"] * 2)
    following = sweeps.start("logs", "s.r.0", "-f")
    assert following.stdout is not None
    assert following.stdout.readline().startswith("training ")
    running.send_signal(signal.SIGKILL)
    running.communicate()
    code, out, err = ended(following)
    assert (code, out) == (1, "")
    resume = f"to resume it, run: sweep run {' '.join(LIMITED)}\n"
    assert err == f"error: s.r.0 has not ended, but no process runs its sweep; {resume}"
    assert sweeps.does("logs", "s.r.0").startswith("training ")
    assert (sweeps.directory / "control.sock").exists(), "nothing has removed it"
    assert sweeps.call("stop", "s.r.0") == (0, "s.r.0 stopped\n", f"note: no process runs s; {resume}")
    together = [ended(process) for process in [sweeps.start("add", "s", f"x={x}") for x in (0.5, 0.75)]]
    assert sorted(out for _, out, _ in together) == ["s.m.1 created\n", "s.m.2 created\n"]
    sweeps.may_end("trained")
    sweeps.may_end("evaluated")
    again = sweeps.start("run", *LIMITED)
    assert ended(again)[0] == 0
    assert sweeps.states() == {"s.r.0": "Stopped", "s.r.1": "Completed", "s.m.1": "Completed", "s.m.2": "Completed"}
