"""The hyperparameters of a training, checked before torch is imported."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from typing import Any

from ppo_trainer.exits import BadParameters

_NOT_LEARNED = ("total_timesteps", "checkpoint_interval")


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """``trainer.optimizer``: the gradient step."""

    name: str
    learning_rate: float
    schedule: str
    weight_decay: float
    momentum: float


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """``trainer``: PPO (arXiv 1707.06347) and its network, as in configs/trainer/ppo.yaml."""

    env: str
    total_timesteps: int
    n_envs: int
    n_steps: int
    batch_size: int
    n_epochs: int
    gamma: float
    gae_lambda: float
    clip_range: float
    clip_schedule: str
    ent_coef: float
    vf_coef: float
    max_grad_norm: float
    normalize_advantage: bool
    target_kl: float
    hidden_size: int
    num_layers: int
    activation: str
    checkpoint_interval: int
    optimizer: OptimizerSettings

    @property
    def rollout(self) -> int:
        """Environment steps between two updates."""
        return self.n_steps * self.n_envs

    def fingerprint(self) -> str:
        """Equal for trainings that can continue each other: all settings except length and checkpoint interval."""
        kept = {key: value for key, value in asdict(self).items() if key not in _NOT_LEARNED}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]

    @classmethod
    def from_config(cls, trainer: Mapping[str, Any]) -> TrainerSettings:
        """Typed and checked settings from the composed ``trainer`` node. Raises BadParameters."""
        values = _typed(cls, trainer, "trainer")
        values["optimizer"] = OptimizerSettings(**_typed(OptimizerSettings, trainer["optimizer"], "trainer.optimizer"))
        settings = cls(**values)
        _check(settings)
        return settings


def _typed(cls: type, node: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The scalar fields of dataclass ``cls`` from ``node``, converted to their types."""
    values: dict[str, Any] = {}
    for field in fields(cls):
        if field.name not in node:
            raise BadParameters(f"{prefix}.{field.name}: is missing; configs/trainer/ppo.yaml has it")
        value = node[field.name]
        if field.type in ("int", "float"):
            values[field.name] = _number(f"{prefix}.{field.name}", value, integral=field.type == "int")
        elif field.type in ("str", "bool"):
            if not isinstance(value, str if field.type == "str" else bool):
                raise BadParameters(
                    f"{prefix}.{field.name}: {value!r} is not {'text' if field.type == 'str' else 'true or false'}"
                )
            values[field.name] = value
    return values


def _number(path: str, value: Any, *, integral: bool) -> int | float:
    """``value`` as a finite float, or as an integer."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadParameters(f"{path}: {value!r} is not a number")
    if not math.isfinite(value):
        raise BadParameters(f"{path}: {value!r} is not finite")
    if not integral:
        return float(value)
    if path == "trainer.total_timesteps":  # log_normal gives fractions
        return round(value)
    if value != int(value):
        raise BadParameters(f"{path}: {value!r} is not an integer; search it with an integer distribution")
    return int(value)


_RULES: tuple[tuple[str, Callable[[float], bool], tuple[str, ...]], ...] = (
    ("above 0", lambda value: value > 0, (
        "total_timesteps", "n_envs", "n_steps", "n_epochs", "clip_range", "max_grad_norm", "hidden_size", "num_layers",
        "checkpoint_interval", "optimizer.learning_rate",
    )),
    ("at most 1024", lambda value: value <= 1024, ("n_envs",)),
    ("2 or above", lambda value: value >= 2, ("batch_size",)),
    ("between 0 and 1", lambda value: 0 <= value <= 1, ("gamma", "gae_lambda")),
    ("0 or above", lambda value: value >= 0, ("ent_coef", "vf_coef", "target_kl", "optimizer.weight_decay")),
    ("at least 0 and below 1", lambda value: 0 <= value < 1, ("optimizer.momentum",)),
)  # fmt: skip
_CHOICES = {
    "activation": ("tanh", "relu"),
    "clip_schedule": ("constant", "linear"),
    "optimizer.schedule": ("constant", "linear"),
    "optimizer.name": ("adam", "adamw", "sgd"),
}


def _check(settings: TrainerSettings) -> None:
    """Raise BadParameters for the first value that PPO cannot use."""
    for words, holds, names in _RULES:
        for name in names:
            value = attrgetter(name)(settings)
            if not holds(value):
                raise BadParameters(f"trainer.{name}: {value!r} must be {words}")
    for name, choices in _CHOICES.items():
        value = attrgetter(name)(settings)
        if value not in choices:
            raise BadParameters(f"trainer.{name}: {value!r} is not one of {', '.join(choices)}")
    if settings.batch_size > settings.rollout:
        raise BadParameters(
            f"trainer.batch_size: {settings.batch_size} is more than a rollout has, n_steps * n_envs = "
            f"{settings.n_steps} * {settings.n_envs} = {settings.rollout}; lower it or raise trainer.n_steps"
        )
