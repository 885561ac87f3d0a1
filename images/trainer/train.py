"""Train one policy with PPO: `python images/trainer/train.py run=one trainer.total_timesteps=20000 +hardware=macbook`.

Arguments are Hydra overrides on configs/sweep_job.yaml. In a run of a sweep the environment brings the parameters,
the directory and the seed, and the command needs no arguments. Writes checkpoints/, train_state.json and policy.zip
into the run directory, resumes from the newest complete checkpoint there, and exits with 0 (policy.zip is complete), 65
(these parameters cannot work; stderr and $SWEEP_RESULTS_FILE contain the reason), 143 or 130 (stopped by SIGTERM
or SIGINT, with a checkpoint).

`--cfg job` shows the configuration and trains nothing.

torch is imported inside `train`, after all checks that do not need it.

Under several processes (torchrun, or several nodes) rank 0 trains and the others wait for it: stable-baselines3 has
no data parallelism.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ppo_trainer.checkpoints import Checkpoints, is_whole
from ppo_trainer.composition import load_config
from ppo_trainer.coordination import Leader, rank_0_only
from ppo_trainer.exits import WRONG_USE, Exit, run_program
from ppo_trainer.progress import TrainState, load_state
from ppo_trainer.results import report
from ppo_trainer.settings import TrainerSettings
from ppo_trainer.tracking import start_tracking

STARTED = time.monotonic()
POLICY = "policy.zip"
_SHOW_CONFIG = ("--cfg", "job")


class StopSignal:
    """The first SIGTERM or SIGINT. Training checks it after every step."""

    def __init__(self) -> None:
        self.number = 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: object) -> None:
        self.number = number


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Train, or wait for the process that trains."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    config = load_config([argument for argument in arguments if argument not in _SHOW_CONFIG], environ)
    if "--cfg" in arguments:
        print(OmegaConf.to_yaml(config))
        return
    settings = TrainerSettings.from_config(config.trainer)
    with rank_0_only(config, "train", environ) as leader:
        train(config, settings, leader, StopSignal(), environ)


def train(
    config: DictConfig,
    settings: TrainerSettings,
    leader: Leader,
    stop: StopSignal,
    environ: Mapping[str, str],
) -> None:
    """Run one attempt: from the newest checkpoint to policy.zip, unless a signal stops it."""
    run_dir = Path(config.run_dir)
    state = earlier_attempts(run_dir, settings) if config.resume else None
    if state is not None and is_complete(state, settings, run_dir):
        print(f"{run_dir / POLICY} is already trained, {state.timesteps} steps", flush=True)
        report(environ, training_report(state, run_dir))
        return
    from ppo_trainer import learning
    from ppo_trainer.attempt import Attempt, start_or_resume

    checkpoints = Checkpoints(run_dir)
    model = start_or_resume(config, settings, checkpoints)
    (run_dir / POLICY).unlink(missing_ok=True)
    state = (state or TrainState(fingerprint=settings.fingerprint())).another_attempt()
    state.save(run_dir)
    curve = start_tracking(config, run_dir, environ)
    attempt = Attempt(state, settings, run_dir / POLICY, checkpoints, leader, curve, elapsed)

    watch = learning.Watch(settings, save=attempt.save, progress=attempt.progress, should_stop=lambda: stop.number != 0)
    learning.learn(model, settings, watch)
    if watch.stopped:
        attempt.save(model)
        name = signal.Signals(stop.number).name
        steps = f"{checkpoints.directory} has a checkpoint at {model.num_timesteps} steps"
        raise Exit(128 + stop.number, f"stopped by {name}; {steps}")
    report(environ, training_report(attempt.finish(model), run_dir))


def is_complete(state: TrainState, settings: TrainerSettings, run_dir: Path) -> bool:
    """Whether an earlier attempt has finished the training."""
    return state.finished and state.timesteps >= settings.total_timesteps and is_whole(run_dir / POLICY)


def earlier_attempts(run_dir: Path, settings: TrainerSettings) -> TrainState | None:
    """The state that earlier attempts left. Raises Exit if they trained with other parameters."""
    state = load_state(run_dir)
    if state is not None and state.fingerprint != settings.fingerprint():
        raise Exit(
            WRONG_USE,
            f"run_dir: {run_dir} holds a training with other parameters; choose another run=NAME, "
            "or start over with resume=false",
        )
    return state


def training_report(state: TrainState, run_dir: Path) -> dict[str, object]:
    """The result of a sweep without an eval stage: the mean reward of the newest training episodes."""
    seconds = round(state.seconds, 3)
    metrics: dict[str, float] = {"train_seconds": seconds, "steps": state.timesteps}
    result: dict[str, object] = {"cost": seconds, "metrics": metrics, "checkpoint": str(run_dir / POLICY)}
    if state.reward is not None:
        metrics["train_reward"] = result["score"] = state.reward
    return result


def elapsed() -> float:
    """Seconds of this attempt, imports included."""
    return time.monotonic() - STARTED


if __name__ == "__main__":
    sys.exit(run_program("train.py", lambda: main(sys.argv[1:], os.environ), os.environ))
