"""The programs as a sweep starts them: processes that read their environment, are killed, and are started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ppo_trainer.checkpoints import Checkpoints
from ppo_trainer.progress import load_state

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environ(tmp_path: Path, tiny: list[str]) -> dict[str, str]:
    """What a container of the run s.r.0 gets."""
    run_dir = tmp_path / "s" / "runs" / "s.r.0"
    nested: dict = {"run": "s.r.0", "run_dir": str(run_dir), "seed": 5, "sweep_name": "s", "trainer": {}}
    for override in tiny:
        key, value = override.removeprefix("trainer.").split("=")
        nested["trainer"][key] = int(value)
    config = tmp_path / "train_config_overrides.yaml"
    config.write_text(yaml.safe_dump(nested))
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("SWEEP_")},
        "OMP_NUM_THREADS": "1",
        "SWEEP_CONFIG_FILE": str(config),
        "SWEEP_RUN_DIR": str(run_dir),
        "SWEEP_RUN_SEED": "5",
        "SWEEP_ATTEMPT": "1",
        "SWEEP_RESULTS_FILE": str(tmp_path / "results.json"),
    }


def start(program: str, environ: dict[str, str], *arguments: str, cwd: Path = ROOT) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "images" / "trainer" / program), *arguments]
    return subprocess.Popen(command, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(process: subprocess.Popen[str], holds: Callable[[], bool]) -> None:
    """Until ``holds()``, as long as the process lives."""
    while not holds():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


@pytest.mark.slow
def test_a_killed_training_resumes_and_is_evaluated(tmp_path: Path, environ: dict[str, str]) -> None:
    run_dir = Path(environ["SWEEP_RUN_DIR"])
    here = tmp_path / "empty"
    here.mkdir()
    # So many steps that it cannot be done before it is killed.
    first = start("train.py", environ, "trainer.total_timesteps=1000000", cwd=here)
    wait_until(first, lambda: any(c.timesteps >= 640 for c in Checkpoints(run_dir)))
    first.kill()
    assert first.wait() == -signal.SIGKILL
    checkpoints = list(Checkpoints(run_dir).valid())
    reached = checkpoints[0].timesteps
    killed = load_state(run_dir)
    assert killed is not None
    half = run_dir / "checkpoints" / "step_000999999999.zip"
    half.write_bytes(checkpoints[0].path.read_bytes()[:1000])

    goal = reached + 128
    second = start("train.py", {**environ, "SWEEP_ATTEMPT": "2"}, f"trainer.total_timesteps={goal}", cwd=here)
    out, err = second.communicate()
    assert (second.returncode, err) == (0, "")
    assert f"resuming at {reached} of {goal} steps" in out
    state = load_state(run_dir)
    assert state is not None
    assert (state.timesteps, state.attempts, state.finished) == (goal, 2, True)
    assert state.seconds > killed.seconds > 0
    assert not list(here.iterdir())

    evaluation = start("sweep_eval.py", environ, "sim.episodes=3", "+hardware=macbook", cwd=here)
    out, err = evaluation.communicate()
    assert (evaluation.returncode, err) == (0, "")
    result = json.loads(Path(environ["SWEEP_RESULTS_FILE"]).read_text())
    assert result["metrics"]["steps"] == goal
    assert result["cost"] > state.seconds
    assert not list(here.iterdir())


@pytest.mark.slow
def test_rank_0_trains_and_the_other_rank_exits_with_its_code(tmp_path: Path, environ: dict[str, str]) -> None:
    long = "trainer.total_timesteps=1000000"
    ranks = [start("train.py", {**environ, "RANK": rank, "WORLD_SIZE": "2"}, long) for rank in ("1", "0")]
    wait_until(ranks[1], (Path(environ["SWEEP_RUN_DIR"]) / "train_state.json").exists)
    ranks[1].send_signal(signal.SIGTERM)
    ended = [rank.communicate() for rank in ranks]
    assert [rank.returncode for rank in ranks] == [143, 143], ended
    coordination = yaml.safe_load((tmp_path / "s" / "dist_s.r.0-train-1.yaml").read_text())
    assert coordination["run"] == "s.r.0"
    assert (coordination["status"], coordination["exit_code"]) == ("failed", 143)


def test_bad_parameters_of_a_sweep_end_the_process_with_65(tmp_path: Path, environ: dict[str, str]) -> None:
    config = Path(environ["SWEEP_CONFIG_FILE"])
    config.write_text("run: s.r.0\ntrainer: {batch_sice: 7}\n")
    refused = start("train.py", environ)
    out, err = refused.communicate()
    assert (refused.returncode, out) == (65, "")
    assert err == "train.py: trainer.batch_sice: unknown parameter; did you mean trainer.batch_size?\n"
    error = json.loads(Path(environ["SWEEP_RESULTS_FILE"]).read_text())["error"]
    assert error == err.removeprefix("train.py: ").strip()
