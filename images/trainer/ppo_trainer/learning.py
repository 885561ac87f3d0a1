"""PPO of stable-baselines3: create or resume the model, and learn with checkpoints."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from ppo_trainer.checkpoints import Checkpoint, Checkpoints
from ppo_trainer.exits import UNAVAILABLE, BadParameters, Exit
from ppo_trainer.seeds import training_seed
from ppo_trainer.settings import OptimizerSettings, TrainerSettings

_OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
_ACTIVATIONS = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}


def set_up_device(device: str, threads: int) -> str:
    """Set torch's number of threads and return ``device``. Raises Exit 69 if it is not available."""
    torch.set_num_threads(threads)
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(device.split(":")[0], False):
        here = ", ".join(name for name, is_here in present.items() if is_here)
        raise Exit(UNAVAILABLE, f"hardware.device: {device} is not available here, only {here}")
    return device


def make_environments(settings: TrainerSettings) -> VecEnv:
    """The training environments; BadParameters for an unknown id, Exit 69 where the task needs a package."""
    try:
        return make_vec_env(settings.env, n_envs=settings.n_envs)
    except gymnasium.error.DependencyNotInstalled as error:
        raise Exit(UNAVAILABLE, f"trainer.env: {settings.env!r} needs another package: {error}") from None
    except gymnasium.error.Error as error:
        raise BadParameters(f"trainer.env: {settings.env!r} is not a Gymnasium environment: {error}") from None


def new_model(settings: TrainerSettings, environments: VecEnv, *, seed: int, device: str) -> PPO:
    """An untrained model."""
    optimizer = settings.optimizer
    with warnings.catch_warnings():
        # A sweep may choose a batch_size with a smaller last minibatch.
        warnings.filterwarnings("ignore", message="You have specified a mini-batch size")
        try:
            model = PPO(
                "MlpPolicy",
                environments,
                learning_rate=_schedule(optimizer.learning_rate, optimizer.schedule),
                n_steps=settings.n_steps,
                batch_size=settings.batch_size,
                n_epochs=settings.n_epochs,
                gamma=settings.gamma,
                gae_lambda=settings.gae_lambda,
                clip_range=_schedule(settings.clip_range, settings.clip_schedule),
                normalize_advantage=settings.normalize_advantage,
                ent_coef=settings.ent_coef,
                vf_coef=settings.vf_coef,
                max_grad_norm=settings.max_grad_norm,
                target_kl=settings.target_kl or None,
                policy_kwargs={
                    "net_arch": [settings.hidden_size] * settings.num_layers,
                    "activation_fn": _ACTIVATIONS[settings.activation],
                    "optimizer_class": _OPTIMIZERS[optimizer.name],
                    "optimizer_kwargs": _optimizer_arguments(optimizer),
                },
                seed=training_seed(seed),
                device=device,
            )
        # PPO does not support the space of observations or actions.
        except (ValueError, AssertionError, NotImplementedError) as error:
            raise BadParameters(f"trainer.env: {settings.env!r} cannot be learned by PPO: {error}") from None
    return _quiet(model)


def resumed_model(checkpoints: Checkpoints, environments: VecEnv, *, seed: int, device: str) -> PPO | None:
    """The model of the newest checkpoint that can be loaded, with new seeds for the environments, or None."""
    for checkpoint in checkpoints.valid():
        model = _loaded(checkpoint, environments, device)
        if model is not None:
            model.set_random_seed(training_seed(seed, checkpoint.timesteps))
            return _quiet(model)
    return None


def learn(model: PPO, settings: TrainerSettings, watch: Watch) -> None:
    """Learn up to ``settings.total_timesteps``. Raises BadParameters if the policy becomes non-finite."""
    remaining = settings.total_timesteps - model.num_timesteps
    try:
        if remaining > 0:
            model.learn(remaining, callback=watch, reset_num_timesteps=False)
    except ValueError as error:
        # torch refuses to build a distribution from NaN, before the watch sees the weights or although they are finite.
        if "Expected parameter" in str(error):
            raise diverged(model, settings) from None
        raise
    if not watch.stopped:
        check_finite(model, settings)


def check_finite(model: PPO, settings: TrainerSettings) -> None:
    """Raise BadParameters when a weight is not finite."""
    if not all(bool(torch.isfinite(weights).all()) for weights in model.policy.parameters()):
        raise diverged(model, settings)


def diverged(model: PPO, settings: TrainerSettings) -> BadParameters:
    """The error for a policy that is not finite."""
    return BadParameters(
        f"training diverged: the policy is not finite after {model.num_timesteps} steps with "
        f"trainer.optimizer.learning_rate {settings.optimizer.learning_rate!r}; lower it or trainer.max_grad_norm"
    )


def mean_reward(model: PPO) -> float | None:
    """Mean reward of the newest training episodes (at most 100); None before the first has ended."""
    rewards = [episode["r"] for episode in model.ep_info_buffer or ()]
    return float(math.fsum(rewards)) / len(rewards) if rewards else None


class Watch(BaseCallback):
    """Checkpoints, progress and a clean stop between rollouts, when all counted steps have been learned from."""

    def __init__(
        self,
        settings: TrainerSettings,
        *,
        save: Callable[[PPO], None],
        progress: Callable[[PPO], None],
        should_stop: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._settings = settings
        self._save = save
        self._progress = progress
        self._should_stop = should_stop
        self._learned = 0
        self._saved = 0
        self.stopped = False

    def _on_training_start(self) -> None:
        self._learned = self._saved = self.model.num_timesteps

    def _on_rollout_start(self) -> None:
        assert isinstance(self.model, PPO)
        check_finite(self.model, self._settings)
        self._learned = self.model.num_timesteps
        if self._learned - self._saved >= self._settings.checkpoint_interval:
            self._save(self.model)
            self._saved = self._learned
        self._progress(self.model)

    def _on_step(self) -> bool:
        if self._should_stop():
            # Nothing was learned from the incomplete rollout, so its steps are repeated.
            self.model.num_timesteps = self._learned
            self.stopped = True
        return not self.stopped


def write_model(model: PPO, path: Path) -> None:
    """Save ``model``. Through a file object: stable-baselines3 would change a name that does not end in .zip."""
    with path.open("wb") as file:
        model.save(file)


def _loaded(checkpoint: Checkpoint, environments: VecEnv, device: str) -> PPO | None:
    """The checkpoint's model. If it cannot be loaded, print the reason and return None."""
    try:
        with checkpoint.path.open("rb") as file:
            return PPO.load(file, env=environments, device=device)
    except Exception as error:
        print(f"skipping {checkpoint.path.name}, which cannot be loaded: {error}", flush=True)
        return None


def _quiet(model: PPO) -> PPO:
    """Without a logger of its own, stable-baselines3 makes a directory below /tmp in every run."""
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def _schedule(value: float, shape: str) -> float | LinearSchedule:
    return LinearSchedule(value, 0.0, 1.0) if shape == "linear" else value


def _optimizer_arguments(optimizer: OptimizerSettings) -> Mapping[str, Any]:
    """What each optimizer takes; Adam's eps is that of the reference implementation of PPO."""
    if optimizer.name == "sgd":
        return {"momentum": optimizer.momentum}
    if optimizer.name == "adamw":
        return {"eps": 1e-5, "weight_decay": optimizer.weight_decay}
    return {"eps": 1e-5}
