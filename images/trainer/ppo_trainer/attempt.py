"""One attempt of a training: its start, and the files that it writes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig
from stable_baselines3 import PPO

from ppo_trainer import learning
from ppo_trainer.atomic import replacing
from ppo_trainer.checkpoints import Checkpoints
from ppo_trainer.coordination import Leader
from ppo_trainer.progress import Every, TrainState
from ppo_trainer.settings import TrainerSettings
from ppo_trainer.tracking import Curve

_REPORT_SECONDS = 5.0
_HEARTBEAT_SECONDS = 1.0


def start_or_resume(config: DictConfig, settings: TrainerSettings, checkpoints: Checkpoints) -> PPO:
    """The model of the newest checkpoint, or a new one."""
    device = learning.set_up_device(config.hardware.device, config.hardware.torch_threads)
    environments = learning.make_environments(settings)
    if config.resume:
        model = learning.resumed_model(checkpoints, environments, seed=config.seed, device=device)
        if model is not None:
            print(f"resuming at {model.num_timesteps} of {settings.total_timesteps} steps", flush=True)
            return model
    checkpoints.clear()
    return learning.new_model(settings, environments, seed=config.seed, device=device)


@dataclass
class Attempt:
    """Writes checkpoints, state, progress and the curve."""

    state: TrainState
    """As it was when the attempt started."""
    settings: TrainerSettings
    policy: Path
    checkpoints: Checkpoints
    leader: Leader
    curve: Curve
    elapsed: Callable[[], float]
    """Seconds of this attempt so far."""
    _report_due: Every = field(default_factory=lambda: Every(_REPORT_SECONDS, time.monotonic))
    _heartbeat_due: Every = field(default_factory=lambda: Every(_HEARTBEAT_SECONDS, time.monotonic))

    def save(self, model: PPO) -> None:
        """Write a checkpoint."""
        self.checkpoints.save(model.num_timesteps, lambda path: learning.write_model(model, path))
        self._reached(model).save(self.policy.parent)

    def progress(self, model: PPO) -> None:
        """Write state, heartbeat and curve when they are due."""
        if not self._heartbeat_due():
            return
        # Also between checkpoints: the seconds of a killed attempt count.
        now = self._reached(model)
        now.save(self.policy.parent)
        self.leader.progress(now.timesteps)
        self.curve.log(now)
        self._print_report(now)
        if self._report_due():
            reward = "none yet" if now.reward is None else f"{now.reward:.4g}"
            steps = f"steps {now.timesteps}/{self.settings.total_timesteps}"
            print(f"{steps}, {now.seconds:.0f} s, reward {reward}", flush=True)

    def finish(self, model: PPO) -> TrainState:
        """Write the policy and the final state."""
        with replacing(self.policy) as partial:
            learning.write_model(model, partial)
        self.save(model)
        self.curve.finish(self._reached(model))
        self._print_report(self._reached(model))
        final = self._reached(model, finished=True)
        final.save(self.policy.parent)
        trained = f"trained {final.timesteps} steps in {final.seconds:.1f} s"
        print(f"{trained}, attempt {final.attempts}: {self.policy}")
        return final

    def _print_report(self, state: TrainState) -> None:
        """Report the learning curve to the sweep (docs/progress.md)."""
        if state.reward is not None:
            body = {"step": state.timesteps, "reward": state.reward, "train_seconds": round(state.seconds, 1)}
            print("SWEEP_REPORT", json.dumps(body), flush=True)

    def _reached(self, model: PPO, *, finished: bool = False) -> TrainState:
        reward = learning.mean_reward(model)
        return self.state.advanced(
            timesteps=model.num_timesteps, seconds=self.elapsed(), reward=reward, finished=finished
        )
