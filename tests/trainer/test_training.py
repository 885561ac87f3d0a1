"""Real trainings and evaluations of a second each, in this process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml

import sweep_eval
import train
from ppo_trainer.checkpoints import Checkpoints
from ppo_trainer.exits import run_program
from ppo_trainer.progress import load_state
from ppo_trainer.seeds import EVALUATION

pytestmark = pytest.mark.usefixtures("signals_restored")


class Run:
    """One run directory, and the programs run on it as a sweep runs them."""

    def __init__(self, directory: Path, overrides: list[str]) -> None:
        self.run_dir = directory / "s" / "runs" / "s.r.0"
        self.results = directory / "results.json"
        self.overrides = overrides
        self.environ = {
            "SWEEP_RUN_NAME": "s.r.0",
            "SWEEP_RUN_DIR": str(self.run_dir),
            "SWEEP_RUN_SEED": "5",
            "SWEEP_RESULTS_FILE": str(self.results),
        }

    def train(self, *more: str) -> int:
        self.results.unlink(missing_ok=True)
        return run_program("train.py", lambda: train.main([*self.overrides, *more], self.environ), self.environ)

    def evaluate(self, *more: str) -> int:
        self.results.unlink(missing_ok=True)
        return run_program(
            "sweep_eval.py", lambda: sweep_eval.main([*self.overrides, *more], self.environ), self.environ
        )

    @property
    def result(self) -> dict:
        return json.loads(self.results.read_text())


@pytest.fixture
def run(tmp_path: Path, tiny: list[str]) -> Run:
    return Run(tmp_path, tiny)


def test_a_policy_is_trained_evaluated_and_reported(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.train() == 0
    lines = [line.partition("SWEEP_REPORT ")[2] for line in capsys.readouterr().out.splitlines()]
    reports = [json.loads(line) for line in lines if line]
    assert reports[-1]["step"] == 256
    assert reports[-1]["reward"] == run.result["metrics"]["train_reward"]
    assert [c.timesteps for c in Checkpoints(run.run_dir)] == [256, 192]
    assert run.result["metrics"]["steps"] == 256
    assert run.result["score"] == run.result["metrics"]["train_reward"] > 0

    assert run.evaluate("sim.episodes=6") == 0
    result = run.result
    assert run.results.stat().st_size <= 4096
    state = load_state(run.run_dir)
    assert state is not None
    metrics = result["metrics"]
    assert metrics["train_seconds"] == pytest.approx(state.seconds, abs=1e-3)
    assert result["cost"] == pytest.approx(metrics["train_seconds"] + metrics["eval_seconds"], abs=2e-3)
    assert result["checkpoint"] == str(run.run_dir / "policy.zip")
    written = yaml.safe_load((run.run_dir / "sweep_eval_results.yaml").read_text())
    rewards = written["episodes"]["rewards"]
    assert written["score"] == result["score"] == metrics["reward"] == pytest.approx(np.mean(rewards))
    assert metrics["reward_std"] == pytest.approx(np.std(rewards, ddof=1))
    assert metrics["reward_stderr"] == pytest.approx(np.std(rewards, ddof=1) / np.sqrt(6))
    assert min(written["episodes"]["seeds"]) >= EVALUATION
    assert written["episodes"]["lengths"] == rewards  # CartPole pays 1 per step

    assert run.evaluate("sim.episodes=6") == 0
    assert run.result["score"] == result["score"]


def test_the_evaluated_policy_is_the_one_that_stable_baselines3_loads(run: Run) -> None:
    from stable_baselines3 import PPO

    from ppo_trainer.evaluation import load_policy

    assert run.train("trainer.optimizer.name=adamw", "trainer.activation=relu", "trainer.num_layers=1") == 0
    policy = load_policy(run.run_dir / "policy.zip")
    theirs = PPO.load(run.run_dir / "policy.zip", device="cpu")
    observations = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    ours = policy.network.predict(observations, deterministic=True)[0]
    np.testing.assert_array_equal(ours, theirs.predict(observations, deterministic=True)[0])
    assert policy.timesteps == theirs.num_timesteps == 256


def test_the_seed_of_the_run_decides_the_training(tmp_path: Path, tiny: list[str]) -> None:
    rewards = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        run = Run(tmp_path / name, tiny)
        assert run.train(f"seed={seed}") == 0
        rewards.append(run.result["metrics"]["train_reward"])
    assert rewards[0] == rewards[1] != rewards[2]


def test_a_finished_training_is_reported_again_and_can_be_extended(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.train() == 0
    first = run.result
    policy = (run.run_dir / "policy.zip").read_bytes()
    assert run.train() == 0
    assert "already trained" in capsys.readouterr().out
    assert run.result == first
    assert (run.run_dir / "policy.zip").read_bytes() == policy
    assert run.train("trainer.total_timesteps=384") == 0
    assert "resuming at 256 of 384 steps" in capsys.readouterr().out
    state = load_state(run.run_dir)
    assert state is not None
    assert (state.timesteps, state.attempts) == (384, 2)
    assert state.seconds > first["metrics"]["train_seconds"]


def test_a_training_with_other_parameters_is_not_resumed(run: Run) -> None:
    assert run.train() == 0
    assert run.train("trainer.gamma=0.5") == 2
    assert "holds a training with other parameters" in run.result["error"]
    assert run.train("trainer.gamma=0.5", "resume=false") == 0
    state = load_state(run.run_dir)
    assert state is not None
    assert state.attempts == 1


def test_the_newest_checkpoint_that_loads_is_used(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.train() == 0
    checkpoints = Checkpoints(run.run_dir)
    newest = next(iter(checkpoints)).path
    newest.write_bytes(newest.read_bytes()[:700])
    import zipfile

    with zipfile.ZipFile(checkpoints.directory / "step_000000000999.zip", "w") as archive:
        archive.writestr("data", "whole, but no model")
    assert run.train("trainer.total_timesteps=320") == 0
    printed = capsys.readouterr().out
    assert "skipping step_000000000999.zip, which cannot be loaded" in printed
    assert "resuming at 192 of 320 steps" in printed


def test_a_stop_signal_in_a_rollout_saves_what_was_learned(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from ppo_trainer import learning

    steps = []
    step = learning.Watch._on_step

    def terminated_in_the_third_rollout(watch: learning.Watch) -> bool:
        steps.append(None)
        if len(steps) == 2 * 16 + 5:
            os.kill(os.getpid(), 15)
        return step(watch)

    monkeypatch.setattr(learning.Watch, "_on_step", terminated_in_the_third_rollout)
    assert run.train() == 143
    assert "stopped by SIGTERM" in run.result["error"]
    assert next(iter(Checkpoints(run.run_dir))).timesteps == 128
    assert not (run.run_dir / "policy.zip").exists()
    monkeypatch.undo()
    assert run.train() == 0
    assert run.result["metrics"]["steps"] == 256


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["trainer.optimizer.learning_rate=1e30"], "training diverged: the policy is not finite"),
        (["trainer.optimizer.learning_rate=1e30", "trainer.activation=relu"], "training diverged"),
        (["trainer.env=Blackjack-v1"], "trainer.env: 'Blackjack-v1' cannot be learned by PPO"),
        (["trainer.env=Unicycle-v3"], "trainer.env: 'Unicycle-v3' is not a Gymnasium environment"),
        (["trainer.batch_size=128"], "trainer.batch_size: 128 is more than a rollout has"),
        (["trainer.gama=0.9"], "trainer.gama: unknown parameter; did you mean trainer.gamma?"),
    ],
)
def test_bad_parameters_end_with_65_and_a_reason(
    run: Run, capsys: pytest.CaptureFixture[str], overrides: list[str], reason: str
) -> None:
    assert run.train(*overrides) == 65
    printed = capsys.readouterr().err
    assert reason in printed
    assert printed.count("\n") == 1
    assert reason in run.result["error"]
    assert not (run.run_dir / "policy.zip").exists()


@pytest.mark.parametrize("program", [train, sweep_eval])
def test_help_is_shown(program: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    program.main(["--help"], {})
    assert f"python images/trainer/{program.__name__}.py run=one" in capsys.readouterr().out


def test_cfg_job_prints_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    train.main(["run=x", "--cfg", "job", "trainer.gamma=0.75"], {})
    assert yaml.safe_load(capsys.readouterr().out)["trainer"]["gamma"] == 0.75


def test_missing_hardware_is_not_caused_by_the_parameters(run: Run) -> None:
    assert run.train("hardware.device=tpu") == 69


def test_an_evaluation_without_a_policy_names_the_missing_file(run: Run) -> None:
    assert run.evaluate() == 66
    assert "policy.zip does not exist; train the run first" in run.result["error"]


def test_an_evaluation_that_cannot_work_ends_with_65(run: Run) -> None:
    assert run.evaluate("sim.episodes=0") == 65
    assert run.train() == 0
    assert run.evaluate("sim.env=Acrobot-v1") == 65
    assert "sim.env: Acrobot-v1 does not match the environment" in run.result["error"]


def test_a_non_finite_reward_is_not_a_score(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from gymnasium.envs.classic_control import CartPoleEnv

    assert run.train() == 0
    step = CartPoleEnv.step
    monkeypatch.setattr(CartPoleEnv, "step", lambda env, action: (*(r := step(env, action))[:1], float("nan"), *r[2:]))
    assert run.evaluate("sim.episodes=2") == 65
    assert "the mean reward is nan" in run.result["error"]


def test_continuous_actions_are_learned_too(run: Run) -> None:
    task = ["trainer.env=Pendulum-v1", "sim.episodes=2"]
    assert run.train(*task, "trainer.optimizer.name=sgd", "trainer.clip_schedule=linear") == 0
    assert run.evaluate(*task) == 0
    assert run.result["score"] < 0
