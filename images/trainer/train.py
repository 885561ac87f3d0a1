"""Train one policy with PPO: `python images/trainer/train.py run=one trainer.total_timesteps=20000 +hardware=macbook`.

Arguments are Hydra overrides on configs/sweep_job.yaml. In a run of a sweep the environment brings the parameters,
the directory and the seed, and the command needs no arguments. Writes checkpoints/, train_state.json and policy.zip
into the run directory, goes on from the newest whole checkpoint there, and ends with 0 (policy.zip is complete), 65
(these parameters cannot work; the reason is on stderr and in $SWEEP_RESULTS_FILE), 143 or 130 (stopped by SIGTERM
or SIGINT, with a checkpoint).

`--cfg job` shows the configuration and trains nothing.

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
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from ppo_trainer.atomic import replacing
from ppo_trainer.checkpoints import Checkpoints, is_whole
from ppo_trainer.composition import load_config
from ppo_trainer.coordination import Leader, Ranks, coordination_file, follow
from ppo_trainer.exits import WRONG_USE, Exit, run_program
from ppo_trainer.progress import Every, TrainState, load_state
from ppo_trainer.results import report
from ppo_trainer.settings import TrainerSettings
from ppo_trainer.tracking import start_tracking

if TYPE_CHECKING:
    from stable_baselines3 import PPO

STARTED = time.monotonic()
POLICY = "policy.zip"
_SHOW_CONFIG = ("--cfg", "job")
_REPORT_SECONDS = 5.0
_HEARTBEAT_SECONDS = 1.0


class StopSignal:
    """The first SIGTERM or SIGINT; training looks at it after every step."""

    def __init__(self) -> None:
        self.number = 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: object) -> None:
        self.number = number


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Train, or wait for the process that does."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    config = load_config([argument for argument in arguments if argument not in _SHOW_CONFIG], environ)
    if "--cfg" in arguments:
        print(OmegaConf.to_yaml(config))
        return
    settings = TrainerSettings.from_config(config.trainer)
    run_dir = Path(config.run_dir)
    ranks = Ranks.from_environ(environ)
    meeting_point = coordination_file(run_dir, config.run, "train", environ)
    if not ranks.leads:
        code = follow(meeting_point, stale_seconds=config.distributed.stale_seconds)
        raise SystemExit(code)
    stop = StopSignal()
    leader = Leader(meeting_point, ranks, config.run, environ.get("WANDB_RUN_ID"))
    leader.progress(0)
    code = 1
    try:
        train(config, settings, run_dir, leader, stop, environ)
        code = 0
    except Exit as exit_:
        code = exit_.code
        raise
    finally:
        leader.finish(code)


def train(
    config: DictConfig,
    settings: TrainerSettings,
    run_dir: Path,
    leader: Leader,
    stop: StopSignal,
    environ: Mapping[str, str],
) -> None:
    """One attempt: from the newest checkpoint to policy.zip, unless a signal comes between."""
    state = earlier_attempts(run_dir, settings) if config.resume else None
    if state is not None and is_complete(state, settings, run_dir):
        print(f"{run_dir / POLICY} is trained already, {state.timesteps} steps", flush=True)
        report(environ, training_report(state, run_dir))
        return
    # Heavy imports come after everything that can be refused without them.
    from ppo_trainer import learning

    device = learning.set_up_device(config.hardware.device, config.hardware.torch_threads)
    environments = learning.make_environments(settings)
    checkpoints = Checkpoints(run_dir)
    model = None
    if config.resume:
        model = learning.resumed_model(checkpoints, environments, seed=config.seed, device=device)
    if model is None:
        checkpoints.clear()
        model = learning.new_model(settings, environments, seed=config.seed, device=device)
    else:
        print(f"going on at {model.num_timesteps} of {settings.total_timesteps} steps", flush=True)
    (run_dir / POLICY).unlink(missing_ok=True)
    state = (state or TrainState(fingerprint=settings.fingerprint())).another_attempt()
    state.save(run_dir)
    curve = start_tracking(config, run_dir, environ)
    report_due = Every(_REPORT_SECONDS, time.monotonic)
    heartbeat_due = Every(_HEARTBEAT_SECONDS, time.monotonic)

    def reached(model: PPO, *, finished: bool = False) -> TrainState:
        reward = learning.mean_reward(model)
        return state.advanced(timesteps=model.num_timesteps, seconds=elapsed(), reward=reward, finished=finished)

    def save(model: PPO) -> None:
        checkpoints.save(model.num_timesteps, lambda path: learning.write_model(model, path))
        reached(model).save(run_dir)

    def progress(model: PPO) -> None:
        if not heartbeat_due():
            return
        # Also between checkpoints: the seconds of an attempt that is killed were spent all the same.
        now = reached(model)
        now.save(run_dir)
        leader.progress(now.timesteps)
        curve.log(now)
        if report_due():
            print(
                f"steps {now.timesteps}/{settings.total_timesteps}, {now.seconds:.0f} s, "
                f"reward {'none yet' if now.reward is None else f'{now.reward:.4g}'}",
                flush=True,
            )

    watch = learning.Watch(settings, save=save, progress=progress, should_stop=lambda: stop.number != 0)
    learning.learn(model, settings, watch)
    if watch.stopped:
        save(model)
        name = signal.Signals(stop.number).name
        raise Exit(128 + stop.number, f"stopped by {name}; {checkpoints.directory} holds {model.num_timesteps} steps")
    with replacing(run_dir / POLICY) as partial:
        learning.write_model(model, partial)
    save(model)
    curve.finish(reached(model))
    final = reached(model, finished=True)
    final.save(run_dir)
    print(f"trained {final.timesteps} steps in {final.seconds:.1f} s, attempt {final.attempts}: {run_dir / POLICY}")
    report(environ, training_report(final, run_dir))


def is_complete(state: TrainState, settings: TrainerSettings, run_dir: Path) -> bool:
    """Whether an earlier attempt has done all that is asked for."""
    return state.finished and state.timesteps >= settings.total_timesteps and is_whole(run_dir / POLICY)


def earlier_attempts(run_dir: Path, settings: TrainerSettings) -> TrainState | None:
    """What earlier attempts left; Exit when that was another training, which these settings cannot continue."""
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
