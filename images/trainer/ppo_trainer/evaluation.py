"""How good a trained policy is: whole episodes on held-out seeds."""

from __future__ import annotations

import statistics
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.save_util import load_from_zip_file

from ppo_trainer.exits import NO_INPUT, BadParameters, Exit

_TOGETHER = 64
"""Number of episodes that are played in parallel, with one forward pass per step."""


@dataclass(frozen=True)
class Episodes:
    """Rewards (sums over an episode) and lengths (steps), in the order of the seeds."""

    rewards: list[float]
    lengths: list[int]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.rewards)

    @property
    def std(self) -> float:
        """Standard deviation between episodes (n - 1 below the sum; 0 for one episode)."""
        return statistics.stdev(self.rewards) if len(self.rewards) > 1 else 0.0

    @property
    def stderr(self) -> float:
        """Standard error of the mean."""
        return self.std / len(self.rewards) ** 0.5


@dataclass(frozen=True)
class TrainedPolicy:
    """A policy, and the environment steps it has learned from."""

    network: ActorCriticPolicy
    timesteps: int


class _NoOptimizer:
    """Replaces the optimizer that a policy creates. The first optimizer of torch takes 2.5 s of imports."""

    def __init__(self, parameters: object, **arguments: object) -> None:
        pass


def load_policy(path: Path) -> TrainedPolicy:
    """Load the policy from stable-baselines3's archive, on the CPU. Raises Exit 66 if it is missing or damaged."""
    if not path.is_file():
        raise Exit(NO_INPUT, f"{path} does not exist; train the run first, with the same run= and runs_dir=")
    try:
        with path.open("rb") as file:
            data, parameters, _ = load_from_zip_file(file, device="cpu")
    except (ValueError, zipfile.BadZipFile) as error:
        raise Exit(NO_INPUT, f"{path} cannot be loaded: {error}") from None
    if data is None:
        raise Exit(NO_INPUT, f"{path} cannot be loaded: it does not contain a model of stable-baselines3")
    network = data["policy_class"](
        data["observation_space"],
        data["action_space"],
        lambda progress: 0.0,
        **{**data["policy_kwargs"], "optimizer_class": _NoOptimizer},
    )
    network.load_state_dict(parameters["policy"])
    network.set_training_mode(False)
    return TrainedPolicy(network, data["num_timesteps"])


def play(policy: ActorCriticPolicy, env: str, seeds: Sequence[int], *, deterministic: bool) -> Episodes:
    """Play one episode per seed. ``deterministic``: take the most probable action instead of sampling (seeded)."""
    torch.manual_seed(seeds[0])
    episodes = Episodes([], [])
    for start in range(0, len(seeds), _TOGETHER):
        rewards, lengths = _play_together(policy, env, seeds[start : start + _TOGETHER], deterministic)
        episodes.rewards.extend(rewards)
        episodes.lengths.extend(lengths)
    return episodes


def _play_together(
    policy: ActorCriticPolicy, env: str, seeds: Sequence[int], deterministic: bool
) -> tuple[list[float], list[int]]:
    """Play len(seeds) environments; observations are (environments still playing, *observation shape)."""
    environments = [_make(env) for _ in seeds]
    try:
        observations = [e.reset(seed=seed)[0] for e, seed in zip(environments, seeds, strict=True)]
        if environments[0].observation_space.shape != policy.observation_space.shape:
            raise BadParameters(f"sim.env: {env} does not match the environment that the policy was trained in")
        rewards, lengths = [0.0] * len(seeds), [0] * len(seeds)
        playing = list(range(len(seeds)))
        while playing:
            actions, _ = policy.predict(np.stack([observations[i] for i in playing]), deterministic=deterministic)
            still = []
            for i, action in zip(playing, actions, strict=True):
                observations[i], reward, terminated, truncated, _ = environments[i].step(action)
                rewards[i] += float(reward)
                lengths[i] += 1
                if not (terminated or truncated):
                    still.append(i)
            playing = still
        return rewards, lengths
    finally:
        for environment in environments:
            environment.close()


def _make(env: str) -> gymnasium.Env[np.ndarray, np.ndarray]:
    try:
        return gymnasium.make(env)
    except gymnasium.error.Error as error:
        raise BadParameters(f"sim.env: {env!r} is not a Gymnasium environment: {error}") from None
